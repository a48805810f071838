"""A dashboard that starts finds runs without an end in its records: the keeper says how they ended."""

from __future__ import annotations

from webapp.leases import KEEPER_LEASE, Lease, LeaseHeld, held, still_ours
from webapp.maintenance.models import Run, RunOutcome, StepName, Strategy
from webapp.maintenance.outcome import CutShort
from webapp.maintenance.records import end_run, unfinished_runs
from webapp.maintenance.run import finish
from webapp.maintenance.running import Maintainer, Running
from webapp.maintenance.waiting import cancel_before_go

INTERRUPTED = "Holystone was interrupted."


def end_interrupted_runs(maintainer: Maintainer) -> None:
    """Bring runs whose process is gone to their true end.

    An order that has no 'go' yet is cancelled: its proof is not ours, and without a fresh one nothing may start. One
    that is collecting goes on to its end, which the keeper keeps.
    """
    with maintainer.reading() as session:
        if not unfinished_runs(session):
            return
    try:
        with held(maintainer.writing, KEEPER_LEASE) as lease:
            with maintainer.reading() as session:
                runs = unfinished_runs(session)
            for run in runs:
                _end(maintainer, lease, run)
    except LeaseHeld:
        return  # its process lives


def _end(maintainer: Maintainer, lease: Lease, run: Run) -> None:
    if maintainer.folder is None:
        _end_without_keeper(maintainer, lease, run.id)
        return
    cancel_before_go(maintainer.folder, run.token)
    if not any(each.name == StepName.ORDER for each in run.steps):
        _end_unordered(maintainer, lease, run.id)
        return
    running = Running(maintainer, maintainer.folder, lease, run.id, run.token, run.kind, Strategy(run.strategy))
    finish(running, CutShort(RunOutcome.INTERRUPTED, INTERRUPTED))


def _end_unordered(maintainer: Maintainer, lease: Lease, run_id: int) -> None:
    with maintainer.writing() as session:
        still_ours(session, lease)
        reason = f"{INTERRUPTED} The registry had not been asked to step aside."
        end_run(session, session.get_one(Run, run_id), RunOutcome.INTERRUPTED, reason, maintainer.now())


def _end_without_keeper(maintainer: Maintainer, lease: Lease, run_id: int) -> None:
    with maintainer.writing() as session:
        still_ours(session, lease)
        reason = f"{INTERRUPTED} No keeper is set any more, so nobody can say how the run ended."
        end_run(session, session.get_one(Run, run_id), RunOutcome.INTERRUPTED, reason, maintainer.now())
