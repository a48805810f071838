"""Records and a clock for tests of notices, and the rows that most of them need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.records import Clock, Records, clock, records, records_template
from webapp.catalogue.mode import note_mode
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import Hold, KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome, Strategy
from webapp.notices.models import Channel
from webapp.notices.watch import Watch, Watched, look
from webapp.notices.words import Names
from webapp.windows.models import Occurrence, OccurrenceState, Window

__all__ = ["clock", "records", "records_template"]

NAMES = Names("registry.example", "https://holystone.example")
LOOKS_EVERY_S = 60


class Scene:
    """What is in the records, and the looks at it: one every minute, which is rarer than the scheduler takes them."""

    def __init__(self, records: Records, clock: Clock, folder: Path) -> None:
        self.records, self.clock = records, clock
        self._ids = count(1)
        self.watch = Watch(
            reading=records.reading,
            writing=records.writing,
            watched=Watched(),
            names=NAMES,
            channels=[Channel.WEBHOOK],
            calls_switch=True,
            has_keeper=True,
            sync_interval_s=300,
            folders={},
        )

    def look(self) -> None:
        """Look once, now."""
        look(self.watch, self.clock())

    def go_on(self, check: Callable[[], None] = lambda: None, **length: float) -> None:
        """Let time pass, with a look every minute; `check` is what else happens then."""
        until = self.clock() + timedelta(**length)
        while self.clock() < until:
            self.clock.advance(seconds=LOOKS_EVERY_S)
            check()
            self.look()

    def mode(self, mode: RegistryMode, sentence: str = "", until: datetime | None = None) -> None:
        """The registry was just found to be so."""
        with self.records.writing() as session:
            note_mode(session, mode, sentence, self.clock(), until)

    def synced(self) -> None:
        """A whole sync has just ended."""
        with self.records.writing() as session:
            registry_state(session).sync_complete_at = self.clock()

    def all_well(self) -> None:
        """The registry takes writes and was read, the keeper serves."""
        with self.records.writing() as session:
            note_mode(session, RegistryMode.READ_WRITE, "", self.clock())
            registry_state(session).sync_complete_at = self.clock()
            session.merge(KeeperSeen(id=1, readiness=KeeperReadiness.READY, sentence="", seen_at=self.clock()))

    def keeper(self, readiness: KeeperReadiness, sentence: str = "") -> None:
        """The keeper was just found to be so."""
        with self.records.writing() as session:
            session.merge(KeeperSeen(id=1, readiness=readiness, sentence=sentence, seen_at=self.clock()))

    def run(self, outcome: RunOutcome | None, kind: RunKind = RunKind.COLLECT, reason: str = "") -> int:
        """A run that ended now, or is under way."""
        number = next(self._ids)
        with self.records.writing() as session:
            session.add(
                Run(id=number, kind=kind, actor="alice", place="", activity_id=1, token=f"run {number}",
                    fencing_token=1, started_at=self.clock(), finished_at=self.clock() if outcome else None,
                    outcome=outcome, reason=reason)
            )  # fmt: skip
        return number

    def end_run(self, number: int, outcome: RunOutcome) -> None:
        """A run that was under way has ended now."""
        with self.records.writing() as session:
            run = session.get_one(Run, number)
            run.outcome, run.finished_at = outcome, self.clock()

    def hold(self, strategy: Strategy = Strategy.READ_ONLY, **changed: Any) -> int:
        """A hold of an hour that is under way."""
        number = next(self._ids)
        with self.records.writing() as session:
            given = {"id": number, "token": f"hold {number}", "strategy": strategy, "actor": "alice", "place": "",
                     "purpose": "backup", "activity_id": 1, "fencing_token": 1, "started_at": self.clock(),
                     "held_at": self.clock(), "until": self.clock() + timedelta(hours=1), **changed}  # fmt: skip
            session.add(Hold(**given))
        return number

    def end_of_hold(self, number: int, outcome: RunOutcome, reason: str = "", stopped_by: str = "") -> None:
        """A hold has ended now."""
        with self.records.writing() as session:
            row = session.get_one(Hold, number)
            row.outcome, row.reason, row.finished_at, row.stopped_by = outcome, reason, self.clock(), stopped_by

    def window(self, **changed: Any) -> int:
        """A window every night."""
        with self.records.writing() as session:
            given = {"name": "Nightly", "weekdays": "0,1,2,3,4,5,6", "starts": "03:00", "zone": "UTC", "longest_s": 3600,
                     "planned_from": self.clock(), "made_by": "alice", **changed}  # fmt: skip
            window = Window(**given)
            session.add(window)
            session.flush()
            return window.id

    def occurrence(self, window: int, state: OccurrenceState | None, sentence: str = "", run: int | None = None) -> int:
        """A planned time of a window, and what became of it, known now."""
        with self.records.writing() as session:
            row = Occurrence(window_id=window, planned_at=self.clock(), noted_at=self.clock(), state=state,
                             sentence=sentence, run_id=run)  # fmt: skip
            session.add(row)
            session.flush()
            return row.id


@pytest.fixture
def scene(records: Records, clock: Clock, tmp_path: Path) -> Scene:
    """Everything is well, and was looked at once."""
    scene = Scene(records, clock, tmp_path)
    scene.all_well()
    scene.look()
    return scene


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")
