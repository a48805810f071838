"""A dashboard that starts finds runs without an end in its records: the keeper says how they ended."""

from __future__ import annotations

from webapp.leases import Lease, LeaseHeld, held
from webapp.maintenance.models import Run
from webapp.maintenance.records import unfinished_runs
from webapp.maintenance.run import LEASE, Maintainer, Running, cancel, finish
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, Phase

BEFORE_GO = (Phase.SERVING, Phase.PREPARING, Phase.DRAINING, Phase.HOLDING)
INTERRUPTED = "Holystone was interrupted."


def end_interrupted_runs(maintainer: Maintainer) -> None:
    """Bring runs whose process is gone to their true end.

    An order that has no 'go' yet is cancelled: its proof is not ours, and without a fresh one nothing may start. One
    that is collecting goes on to its end, which the keeper keeps.
    """
    with maintainer.reading() as session:
        waiting = bool(unfinished_runs(session))
    if not waiting or maintainer.folder is None:
        return
    try:
        with held(maintainer.writing, LEASE) as lease:
            with maintainer.reading() as session:
                runs = unfinished_runs(session)
            for run in runs:
                _end(maintainer, lease, run)
    except LeaseHeld:
        return  # its process lives


def _end(maintainer: Maintainer, lease: Lease, run: Run) -> None:
    folder = maintainer.folder
    if folder is None:
        return
    if _is_before_go(maintainer, run.token):
        cancel(folder, run.token)
    finish(Running(maintainer, folder, lease, run.id, run.token, run.kind), before=None, failed=INTERRUPTED)


def _is_before_go(maintainer: Maintainer, token: str) -> bool:
    if maintainer.folder is None:
        return False
    try:
        state = orders.read_state(maintainer.folder)
    except KeeperError:
        return False
    return (state.token == token and state.phase in BEFORE_GO) or state.token is None
