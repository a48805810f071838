"""What must hold at the end, whatever was broken. Each look returns a sentence for everything that does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from soak import windows
from soak.faults import Done
from soak.ledger import Ledger, Standing
from soak.stage import DRAIN_S, SLOWEST_COLLECTOR_S, Stage
from soak.traffic import ACCEPT, Traffic, what_is_wrong
from soak.watch import Watch
from webapp.activities.models import Activity, Outcome
from webapp.maintenance.models import Run, RunStep, StepState, Strategy
from webapp.maintenance.steps import GO_S
from webapp.removal.journal import any_unfinished
from webapp.windows.models import Occurrence

SLACK_S = 20.0
LONGEST_WITHOUT_PUSH_S = GO_S + DRAIN_S + SLOWEST_COLLECTOR_S + SLACK_S
BACK_AFTER_FAULT = timedelta(seconds=10)
AROUND_RUN = timedelta(seconds=2)
OUTSIDE = "outside of runs"
FAULT = "where the registry was killed"


def broken(
    stage: Stage, traffic: Traffic, ledger: Ledger, watch: Watch, faults: list[Done], now: datetime
) -> list[str]:
    """Everything that does not hold."""
    with stage.records.reading() as session:
        of_records = [*_runs(session), *_windows(session, now)]
        failed = failed_pulls(session, traffic, faults)
    return [
        *traffic.wrong_pulls,
        *must_pull(stage.url, ledger),
        *must_be_gone(stage.url, ledger),
        *comes_back(watch),
        *(line for line in stage.saw() if line.startswith("violation")),
        *of_records,
        *pulls_never_stop(failed),
    ]


def failed_pulls(session: Session, traffic: Traffic, faults: list[Done]) -> dict[str, list[datetime]]:
    """When pulls got no answer, by what went on then: the strategy of a run, a fault, or nothing."""
    runs = session.scalars(select(Run).where(Run.ordered_at.is_not(None))).all()
    found: dict[str, list[datetime]] = {}
    for at, _why in traffic.failed_pulls:
        found.setdefault(_what_went_on(at, runs, faults), []).append(at)
    return found


def _what_went_on(at: datetime, runs: Sequence[Run], faults: list[Done]) -> str:
    if any(each.stops_pulls and each.began <= at <= each.ended + BACK_AFTER_FAULT for each in faults):
        return FAULT
    for run in runs:
        if run.ordered_at and run.ordered_at - AROUND_RUN <= at <= (run.finished_at or at) + AROUND_RUN:
            return str(run.strategy)
    return OUTSIDE


def pulls_never_stop(failed: Mapping[str, Sequence[datetime]]) -> Iterator[str]:
    """With the overlapped strategy, and outside of runs, every pull is answered."""
    for when in (Strategy.OVERLAPPED.value, OUTSIDE):
        if when in failed:
            yield f"{len(failed[when])} pulls got no answer, {when}; the first at {min(failed[when]):%H:%M:%S}"


def must_pull(url: str, ledger: Ledger) -> Iterator[str]:
    """Every manifest ever acknowledged and not deleted, with all its layers."""
    session = requests.Session()
    session.trust_env = False
    for entry in ledger.entries(Standing.KEPT):
        try:
            wrong = what_is_wrong(session, url, entry)
        except requests.RequestException as error:
            wrong = f"{entry.name}: {error}"
        if wrong:
            yield f"does not pull: {wrong}"


def must_be_gone(url: str, ledger: Ledger) -> Iterator[str]:
    """Everything that Holystone said it deleted."""
    for entry in ledger.entries(Standing.DELETED):
        where = f"{url}/v2/{entry.repository}/manifests/{entry.reference}"
        status = requests.get(where, headers=ACCEPT, timeout=10).status_code
        if status != 404:
            yield f"is said to be deleted and answers {status}: {entry.name}"


def comes_back(watch: Watch) -> Iterator[str]:
    """Nobody is kept from pushing for longer than a run can take whose dashboard has died."""
    for each in watch.stretches:
        if each.seconds > LONGEST_WITHOUT_PUSH_S:
            yield f"nobody could push for {each.seconds:.0f} s from {each.began:%H:%M:%S} on"


def _runs(session: Session) -> Iterator[str]:
    """Each run has one outcome and one activity; nothing is open or unknown."""
    runs = session.scalars(select(Run)).all()
    told = Counter(session.scalars(select(Activity.run_id).where(Activity.run_id.is_not(None))))
    for run in runs:
        if run.outcome is None or run.finished_at is None:
            yield f"run {run.id} has no end"
        if told[run.id] != 1:
            yield f"run {run.id} has {told[run.id]} activities"
    if session.scalar(select(func.count()).where(RunStep.state == StepState.NOW)):
        yield "a step of a run is still under way"
    if session.scalar(select(func.count()).where(Activity.outcome == Outcome.UNKNOWN)):
        yield "an activity has no known outcome"
    if any_unfinished(session):
        yield "a removal is open, or nobody knows how it ended"


def _windows(session: Session, now: datetime) -> Iterator[str]:
    """Each planned minute has one row, which says what became of it; a run belongs to one of them at the most."""
    yield from windows.without_end(session, now)
    runs = Counter(session.scalars(select(Occurrence.run_id).where(Occurrence.run_id.is_not(None))))
    yield from (f"run {run_id} belongs to {count} windows" for run_id, count in runs.items() if count > 1)
