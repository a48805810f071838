"""A process that removes a tag at the same time as another one, and says by its exit code what became of that."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from tests.records import open_records
from tests.removal.stage import API, Meddler, agreed_to
from webapp.registry.client import open_registry
from webapp.removal.execute import preview, remove
from webapp.removal.remover import RemovalUnderWay, Remover
from webapp.removal.wanted import Wanted

ACTED, REFUSED = 0, 3
PATIENCE_S = 30


def contend(url: str, database: Path, tag: str, together: Barrier, refused: Event) -> None:
    """Plan, begin together with the other one, and, as the one that acts, delete only when the other was refused."""
    records = open_records(database)
    client = Meddler(open_registry(url))
    remover = Remover(client, records.reading, records.writing, lambda: datetime.now(UTC))
    planned = preview(remover, Wanted(API, (tag,)))
    client.before_delete = lambda _: refused.wait(PATIENCE_S)
    together.wait(PATIENCE_S)
    try:
        remove(remover, planned.plan.wanted, agreed_to(planned))
    except RemovalUnderWay:
        refused.set()
        sys.exit(REFUSED)
