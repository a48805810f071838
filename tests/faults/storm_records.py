"""What the records say of the runs of a storm: each has one outcome and one activity, whatever was killed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from tests.maintenance.house import open_records
from webapp.activities.models import Activity, Outcome
from webapp.database import Base, reading_from
from webapp.maintenance.models import Run, RunKind, RunOutcome, RunStep, StepState


class StormRecords:
    """The dashboard's file of records, looked at from outside."""

    def __init__(self, home: Path) -> None:
        self._engine = open_records(home / "records.sqlite3")
        Base.metadata.create_all(self._engine)
        self._reading = reading_from(self._engine)

    def has_open_run(self) -> bool:
        with self._reading() as session:
            return bool(session.scalar(select(func.count()).where(Run.outcome.is_(None))))

    def outcomes(self) -> Counter[str]:
        """How the collections ended."""
        with self._reading() as session:
            found = session.scalars(select(Run.outcome).where(Run.kind == RunKind.COLLECT))
            return Counter(str(outcome) for outcome in found)

    def last_outcome(self) -> RunOutcome | None:
        with self._reading() as session:
            return session.scalars(select(Run.outcome).order_by(Run.id.desc()).limit(1)).one()

    def assert_each_run_has_one_end(self) -> None:
        with self._reading() as session:
            runs = session.scalars(select(Run)).all()
            told = Counter(session.scalars(select(Activity.run_id).where(Activity.run_id.is_not(None))))
            assert [run.id for run in runs if run.outcome is None or run.finished_at is None] == []
            assert told == Counter(run.id for run in runs)
            assert session.scalar(select(func.count()).where(Activity.outcome == Outcome.UNKNOWN)) == 0
            assert session.scalar(select(func.count()).where(RunStep.state == StepState.NOW)) == 0

    def close(self) -> None:
        self._engine.dispose()
