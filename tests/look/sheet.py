"""`make look`: draw every page in every state, wide and narrow, light and dark, and put all on one contact sheet.

`python -m tests.look.sheet tags status` draws only the scenes whose names begin so.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from html import escape
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as BrowserError

from tests.chromium import chromium_program, open_chromium
from tests.look.scenes import BROKEN, EVERYTHING, SCENES, Scene
from tests.look.stage import Stage, become, open_stage

FOLDER = Path(__file__).resolve().parents[2] / "build" / "look"
HEIGHTS = {1280: 800, 360: 740}
SCHEMES = ("light", "dark")
LONGEST_PICTURE = 2400
WAIT_MS = 20_000
SHEET_COLUMNS = {1280: 480, 360: 200}
SHEET_STYLE = """
  body { margin: 24px; background: #888; font: 600 16px/24px system-ui, sans-serif; }
  section { break-inside: avoid; margin-bottom: 24px; }
  div { display: flex; gap: 8px; align-items: flex-start; }
  a { overflow: hidden; max-height: 480px; }
  img { display: block; width: 100%; }
"""


def main(wanted: Sequence[str]) -> int:
    """Draw what is wanted; all, where nothing is named."""
    if chromium_program() is None:
        sys.stderr.write("There is no Chromium on this machine.\n")
        return 1
    scenes = [each for each in SCENES if not wanted or each.name.startswith(tuple(wanted))]
    states = {each.state for each in scenes} - {EVERYTHING}
    if not wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.CRITICAL)  # one scene fails on purpose
    expect.set_options(timeout=WAIT_MS)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as home, open_stage(Path(home), states) as stage, open_chromium() as browser:
        complaints = [each for width in HEIGHTS for each in _draw_all(browser, stage, scenes, width)]
        _make_sheet(browser, scenes)
    taken = time.monotonic() - begun
    sys.stdout.write(f"{len(scenes)} scenes in {taken:.0f} s: {FOLDER}/index.html and {FOLDER}/sheet.png\n")
    sys.stdout.writelines(f"  {each}\n" for each in complaints)
    return 1 if complaints else 0


def _draw_all(browser: Browser, stage: Stage, scenes: Sequence[Scene], width: int) -> Iterator[str]:
    """Draw the scenes at one width; yields what is wrong with them."""
    for scheme in SCHEMES:
        with browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=scheme, reduced_motion="reduce",
            has_touch=width < 640,
        ) as context:  # fmt: skip
            context.set_default_timeout(WAIT_MS)
            for scene in scenes:
                yield from _draw(context, stage, scene, _picture(scene, width, scheme))


def _draw(context: BrowserContext, stage: Stage, scene: Scene, path: Path) -> Iterator[str]:
    address = become(context, stage, scene)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if _is_complaint(message.text) else None)
    try:
        answer = page.goto(address)
        if answer and answer.status >= 500 and scene.state != BROKEN:
            problems.append(f"it was answered {answer.status}")
        if scene.act:
            scene.act(page)
    except (AssertionError, BrowserError) as error:
        problems.append(str(error).splitlines()[0])
    problems += _clipped(page)
    page.screenshot(path=path, full_page=scene.whole, clip=_clip(page) if scene.whole else None)
    page.close()
    yield from (f"{path.name}: {each}" for each in problems)


def _is_complaint(text: str) -> bool:
    """Whether a line of the console tells of a fault; a scene may be of an answer that is an error."""
    return "Content Security Policy" in text or "Uncaught" in text


def _clipped(page: Page) -> list[str]:
    is_wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return ["it scrolls sideways"] if is_wider else []


def _clip(page: Page) -> dict[str, float]:
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    return {"x": 0, "y": 0, "width": width, "height": min(height, LONGEST_PICTURE)}


def _picture(scene: Scene, width: int, scheme: str) -> Path:
    return FOLDER / f"{scene.name}-{width}-{scheme}.png"


def _make_sheet(browser: Browser, scenes: Sequence[Scene]) -> None:
    index = FOLDER / "index.html"
    sections = "".join(_section(scene) for scene in scenes)
    head = f"<!doctype html><meta charset=utf-8><title>Holystone, every page</title><style>{SHEET_STYLE}</style>"
    index.write_text(head + sections)
    page = browser.new_page(viewport={"width": sum(SHEET_COLUMNS.values()) * 2 + 80, "height": 800})
    page.goto(index.as_uri())
    page.screenshot(path=FOLDER / "sheet.png", full_page=True)


def _section(scene: Scene) -> str:
    names = [(width, _picture(scene, width, scheme).name) for width, scheme in product(HEIGHTS, SCHEMES)]
    pictures = "".join(
        f'<a href="{name}"><img src="{name}" alt="" style="width:{SHEET_COLUMNS[width]}px"></a>'
        for width, name in names
    )
    return f"<section>{escape(scene.name)}<div>{pictures}</div></section>"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
