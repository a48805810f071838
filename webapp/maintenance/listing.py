"""What the pages show of runs. From the records only (law 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from webapp.maintenance.models import KeeperSeen, Run, RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.records import LINES_SHOWN, output_of
from webapp.maintenance.states import IN_A_WINDOW, steps_of

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step as the run's page shows it: `done`, `now`, `to-come`, `failed` or `skipped`."""

    title: str
    state: str
    at: datetime | None
    seconds: float | None
    proof: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, newest first, and the id after which the next page begins (None at the end)."""

    runs: Sequence[Run]
    before: int | None


def runs(session: Session, before: int | None = None, size: int = PAGE_SIZE) -> RunPage:
    """A page of runs, those older than the run `before`."""
    query = select(Run).order_by(Run.id.desc()).limit(size + 1)
    if before is not None:
        query = query.where(Run.id < before)
    found = session.scalars(query).all()
    return RunPage(found[:size], found[size - 1].id if len(found) > size else None)


def find_run(session: Session, run_id: int) -> Run | None:
    """A run with its steps."""
    return session.scalar(select(Run).options(selectinload(Run.steps)).where(Run.id == run_id))


def live_run(session: Session) -> Run | None:
    """The run that is under way, if there is one."""
    return session.scalars(select(Run).where(Run.outcome.is_(None)).order_by(Run.id.desc()).limit(1)).first()


def last_run(session: Session) -> Run | None:
    """The latest collection that has ended."""
    ended = select(Run).where(Run.outcome.is_not(None), Run.kind == RunKind.COLLECT)
    return session.scalars(ended.order_by(Run.id.desc()).limit(1)).first()


def last_foretold(session: Session) -> Run | None:
    """The latest run whose dry run has told what a collection would free, unless one has freed it since."""
    told = select(Run).where(Run.dry_run_s.is_not(None), Run.outcome.is_not(None), Run.bytes_freed.is_(None))
    found = session.scalars(told.order_by(Run.id.desc()).limit(1)).first()
    freed = last_freed(session)
    return None if found and freed and freed.id > found.id else found


def last_freed(session: Session) -> Run | None:
    """The latest collection that has freed space, or found that there was none."""
    ended = select(Run).where(Run.outcome.is_not(None), Run.kind == RunKind.COLLECT, Run.bytes_freed.is_not(None))
    return session.scalars(ended.order_by(Run.id.desc()).limit(1)).first()


def ended_collections(session: Session, most: int) -> Sequence[Run]:
    """The latest collections that had begun and have ended, newest first."""
    begun = select(Run).where(Run.kind == RunKind.COLLECT, Run.outcome.is_not(None), Run.ordered_at.is_not(None))
    return session.scalars(begun.order_by(Run.id.desc()).limit(most)).all()


def keeper_seen(session: Session) -> KeeperSeen | None:
    """What the keeper said when it was last looked at."""
    return session.get(KeeperSeen, 1)


def version_words(version: str) -> str:
    """What `registry --version` printed, for people: 'registry 2.8.2+ds1', without its path and its package."""
    return f"registry {version.rsplit(maxsplit=1)[-1]}" if version.strip() else ""


def step_lines(run: Run) -> list[StepLine]:
    """All steps of a run, also those that have not come yet or will not."""
    taken = {step.name: step for step in run.steps}
    planned = {each.name for each in steps_of(run.kind, run.ends_by is not None)}
    lines = []
    for each in IN_A_WINDOW:
        step = taken.get(each.name)
        if step is not None:
            seconds = (step.finished_at - step.started_at).total_seconds() if step.finished_at else None
            lines.append(StepLine(each.title, step.state.value, step.started_at, seconds, step.proof))
        elif each.name in planned:
            lines.append(StepLine(each.title, "skipped" if run.outcome else "to-come", None, None, ""))
    return lines


def log_of(session: Session, run_id: int) -> tuple[list[str], bool]:
    """The last lines that the collector printed, and whether there were more."""
    lines = output_of(session, run_id).splitlines()
    return lines[-LINES_SHOWN:], len(lines) > LINES_SHOWN


def outcome_kind(run: Run) -> str:
    """How the outcome is coloured; its word stands beside it."""
    if run.outcome is None:
        return ""
    return {RunOutcome.SUCCEEDED: "ok", RunOutcome.FAILED: "danger", RunOutcome.INTERRUPTED: "danger"}.get(
        run.outcome, "warn"
    )


def failed_step(run: Run) -> StepName | None:
    """The step that a run failed at."""
    return next((step.name for step in run.steps if step.state == StepState.FAILED), None)
