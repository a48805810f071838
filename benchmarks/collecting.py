"""What the measurements of collections stand on: a keeper before a store of its own, and the records of its runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import selectinload, undefer

from benchmarks.big_store import GARBAGE, write_store
from benchmarks.ground import fresh_records, now
from tests.records import Records
from tests.registry_process import BINARY
from tests.runtime.keeper_process import KeeperProcess
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.run import Maintainer, run
from webapp.registry.client import open_registry
from webapp.registry.presence import answers

LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A registry behind a keeper, with records that know nothing of it yet."""

    keeper: KeeperProcess
    records: Records

    def run(self, kind: RunKind) -> Run:
        """A run that succeeded, with its steps."""
        maintainer = Maintainer(
            client=open_registry(self.keeper.url),
            reading=self.records.reading,
            writing=self.records.writing,
            now=now,
            monotonic=time.monotonic,
            folder=self.keeper.folder,
            store=self.keeper.store,
            others=(),
            longest_s=LONGEST_S,
            config=self.keeper.config,
            is_answered=lambda: answers(self.keeper.url, None),
        )
        run_id = run(maintainer, kind, "alice", "bench")
        with self.records.reading() as session:
            whole = (selectinload(Run.steps), undefer(Run.output))
            row = session.scalars(select(Run).options(*whole).where(Run.id == run_id)).one()
        assert row.outcome == RunOutcome.SUCCEEDED, row.reason
        return row


@contextmanager
def kept_registry(home: Path, template: Path, garbage: float = GARBAGE) -> Iterator[Kept]:
    """A keeper in front of a registry with a large store of its own, and a copy of the empty records."""
    write_store(home / "store", garbage)
    (home / "records").mkdir()
    records = fresh_records(template, home / "records")
    keeper = KeeperProcess(home)
    keeper.binary = Path(BINARY)  # without the script that tests put in front of it
    with keeper:
        yield Kept(keeper, records)
    records.engine.dispose()
