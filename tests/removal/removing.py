"""A process that deletes an image, to be killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.records import open_records
from tests.removal.stage import API, agreed_to
from webapp.registry.client import open_registry
from webapp.removal.execute import preview, remove
from webapp.removal.remover import Remover
from webapp.removal.wanted import Wanted


def remove_image(url: str, database: Path) -> None:
    """Delete the image API of the registry at `url`."""
    records = open_records(database)
    remover = Remover(open_registry(url), records.reading, records.writing, lambda: datetime.now(UTC))
    whole = Wanted(API, whole_image=True)
    remove(remover, whole, agreed_to(preview(remover, whole)))


if __name__ == "__main__":
    remove_image(sys.argv[1], Path(sys.argv[2]))
