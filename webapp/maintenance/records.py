"""The rows of a run: begin and end it, begin and end its steps. Each change under the run's lease."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session, selectinload, undefer

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import complete, record
from webapp.database import once_written
from webapp.leases import Lease
from webapp.maintenance.estimate import EstimateFacts, PastRun
from webapp.maintenance.models import Hold, Run, RunKind, RunOutcome, RunStep, StepName, StepState
from webapp.maintenance.printed import unpack

log = logging.getLogger(__name__)

LINES_SHOWN = 40
PAST_RUNS = 12

_OUTCOMES = {
    RunOutcome.SUCCEEDED: Outcome.DONE,
    RunOutcome.FAILED: Outcome.FAILED,
    RunOutcome.STOPPED: Outcome.FAILED,
    RunOutcome.INTERRUPTED: Outcome.FAILED,
    RunOutcome.SKIPPED: Outcome.KEPT,
}


_LEVELS = {RunOutcome.FAILED: logging.ERROR, RunOutcome.INTERRUPTED: logging.ERROR}


def begin_run(session: Session, kind: RunKind, token: str, actor: str, place: str, lease: Lease, now: datetime) -> int:
    """Write down that a run begins; returns its id."""
    activity = record(
        session,
        at=now,
        actor=actor,
        kind=ActivityKind.RUN_FINISHED,
        outcome=Outcome.UNKNOWN,
        reason="Under way.",
        place=place,
    )
    run = Run(
        kind=kind,
        actor=actor,
        place=place,
        activity_id=activity.id,
        token=token,
        fencing_token=lease.token,
        started_at=now,
        reason="",
    )
    session.add(run)
    session.flush()
    activity.run_id = run.id
    told = {"run_id": run.id, "kind": kind, "actor": actor, "place": place}
    once_written(session, lambda: log.info("A run has begun", extra=told))
    return run.id


def begin_step(session: Session, run_id: int, name: StepName, now: datetime) -> None:
    """Write down that a step is about to be taken. Whoever takes a run up begins anew what a killed process left."""
    left = session.scalar(select(RunStep).where(RunStep.run_id == run_id, RunStep.name == name))
    if left is not None:
        left.state, left.started_at, left.finished_at, left.proof = StepState.NOW, now, None, ""
        return
    position = session.scalar(select(func.count()).where(RunStep.run_id == run_id)) or 0
    session.add(RunStep(run_id=run_id, position=position, name=name, state=StepState.NOW, started_at=now, proof=""))


def end_step(session: Session, run_id: int, name: StepName, state: StepState, proof: str, now: datetime) -> None:
    """Write down what became of a step, and how we know."""
    session.execute(
        update(RunStep)
        .where(RunStep.run_id == run_id, RunStep.name == name, RunStep.state == StepState.NOW)
        .values(state=state, proof=proof, finished_at=now)
    )


def end_run(session: Session, run: Run, outcome: RunOutcome, reason: str, now: datetime) -> None:
    """Write down how a run ended, in its activity too. A step that nobody was there to complete ends with the run."""
    run.outcome, run.reason, run.finished_at = outcome, reason, now
    went_through = outcome == RunOutcome.SUCCEEDED
    for step in run.steps:
        if step.state == StepState.NOW:
            step.state = StepState.DONE if went_through else StepState.FAILED
            step.proof, step.finished_at = "Learned from the keeper afterwards." if went_through else reason, now
    complete(session, run.activity_id, _OUTCOMES[outcome], reason or _achievement(run))
    told, level = _told(run), _LEVELS.get(outcome, logging.INFO)
    once_written(session, lambda: log.log(level, "A run has ended", extra=told))


def _told(run: Run) -> dict[str, object]:
    return {
        "run_id": run.id,
        "kind": run.kind,
        "outcome": run.outcome,
        "reason": run.reason or None,
        "bytes_freed": run.bytes_freed,
        "seconds": (run.finished_at - run.started_at).total_seconds() if run.finished_at else None,
        "seconds_without_push": run.seconds_without_push,
        "seconds_without_pull": run.seconds_without_pull,
    }


def _achievement(run: Run) -> str:
    size = run.bytes_predicted if run.kind == RunKind.DRY_RUN else run.bytes_freed
    bytes_words = "" if size is None else f" ({size:,} bytes)"
    verb = "A collection would delete" if run.kind == RunKind.DRY_RUN else "Deleted"
    least = "at least " if run.blobs_of_unknown_size and size is not None else ""
    return f"{verb} {run.blobs} blobs{bytes_words.replace('(', '(' + least)}."


def unfinished_runs(session: Session) -> Sequence[Run]:
    """Runs without an outcome, oldest first."""
    query = select(Run).options(selectinload(Run.steps)).where(Run.outcome.is_(None)).order_by(Run.id)
    return session.scalars(query).all()


def is_anything_under_way(session: Session) -> bool:
    """Whether there is a run or a hold without an outcome: the keeper is taken then."""
    runs, holds = select(Run.id).where(Run.outcome.is_(None)), select(Hold.id).where(Hold.outcome.is_(None))
    return bool(session.scalar(select(runs.exists() | holds.exists())))


def is_of_records(session: Session, token: str) -> bool:
    """Whether an order is that of a run or a hold in the records."""
    runs, holds = select(Run.id).where(Run.token == token), select(Hold.id).where(Hold.token == token)
    return bool(session.scalar(select(runs.exists() | holds.exists())))


def ask_to_stop(session: Session, run_id: int, actor: str) -> bool:
    """Write down that somebody wants a run to stop; whether it is still under way."""
    asked = update(Run).where(Run.id == run_id, Run.outcome.is_(None)).values(stopped_by=actor)
    return cast("CursorResult[object]", session.execute(asked)).rowcount == 1


def past_runs(session: Session, most: int = PAST_RUNS) -> list[PastRun]:
    """The latest collections that succeeded, with what their dry runs told: an estimate learns from them."""
    query = (
        select(Run)
        .where(
            Run.kind == RunKind.COLLECT,
            Run.outcome == RunOutcome.SUCCEEDED,
            Run.dry_run_s.is_not(None),
            Run.seconds_without_push.is_not(None),
        )
        .order_by(Run.id.desc())
        .limit(most)
    )
    return [PastRun(_facts(each), each.seconds_without_push or 0.0) for each in session.scalars(query)]


def _facts(run: Run) -> EstimateFacts:
    return EstimateFacts(run.dry_run_s or 0.0, run.manifests or 0, run.blobs_marked or 0, run.blobs or 0)


def freed_since(session: Session, removed_at: datetime) -> datetime | None:
    """When the space of what was removed then was freed: the end of the first run that began after it; None if none did."""
    query = (
        select(Run.finished_at)
        .where(Run.kind == RunKind.COLLECT, Run.outcome == RunOutcome.SUCCEEDED, Run.ordered_at > removed_at)
        .order_by(Run.ordered_at)
        .limit(1)
    )
    return session.scalar(query)


def output_of(session: Session, run_id: int) -> str:
    """What the collector printed in a run; '' where nothing was kept."""
    kept = session.scalar(select(Run).options(undefer(Run.output)).where(Run.id == run_id))
    return unpack(kept.output) if kept else ""
