"""`python -m tests.look.readme_picture`: the picture in README.md, docs/repository.png."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from demo.fleet import API
from tests.chromium import open_chromium
from tests.look.scenes import ADMINISTRATOR, EVERYTHING, open_siblings
from tests.look.stage import open_stage

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "repository.png"
SIZE = {"width": 1280, "height": 620}


def main() -> None:
    """Draw the tags of one repository, with the dialog of a deletion."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as home, open_stage(Path(home), ()) as stage, open_chromium() as browser:
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")  # type: ignore[arg-type]
        url = stage.urls[EVERYTHING]
        page.context.add_cookies([{"name": "holystone", "value": stage.tokens[ADMINISTRATOR], "url": url}])
        page.goto(f"{url}/repositories/{API}")
        open_siblings(page)
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
