"""What do the records say, what does the keeper say, what is the mode over HTTP? At the start and every ten seconds.

An order that the records know is adopted; a run or hold whose process and order are gone is brought to its true end.
Nothing is resumed that the keeper knows nothing of, also not after a backup of the records was restored.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from webapp.catalogue.mode import note_mode
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.revisions import LOOKING
from webapp.catalogue.state import registry_state
from webapp.leases import KEEPER_LEASE, Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.maintenance.hold_records import open_holds
from webapp.maintenance.holds import look_after
from webapp.maintenance.models import Run, RunOutcome, StepName, Strategy
from webapp.maintenance.records import end_run, is_anything_under_way, is_of_records, unfinished_runs
from webapp.maintenance.running import Maintainer, Running
from webapp.maintenance.take_up import INTERRUPTED, take_up
from webapp.maintenance.waiting import POLL_S, RESTART, KeeperLost, cancel, cancel_before_go, wait_for
from webapp.registry.capabilities import Mode, read_mode
from webapp.registry.errors import RegistryError, RegistryUnreachable
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, Kind, Phase

log = logging.getLogger(__name__)

UNEXPLAINED = "It is read-only, and no run or hold of Holystone explains that."
NOT_BROUGHT_BACK = f"It is read-only: the keeper has not come to the end of its last order. {RESTART}"
PATIENCE_S = 300.0
"""For so long nothing is done about records that cannot be read."""

WRITTEN_WITHIN_S = 10.0


@dataclass(slots=True)
class Unreadable:
    """Since when the records cannot be read, in seconds of `monotonic`; None while they can."""

    since_s: float | None = None


def reconcile(maintainer: Maintainer, unreadable: Unreadable) -> None:
    """Look at all three, and mend what can be mended. Raises nothing of the records'."""
    try:
        end_interrupted_runs(maintainer)
        look_at_mode(maintainer)
    except LeaseLost:
        return  # somebody else is at it
    except SQLAlchemyError as error:
        _without_records(maintainer, unreadable, error)
    else:
        if unreadable.since_s is not None:
            log.warning("The records can be read again")
        unreadable.since_s = None


def end_interrupted_runs(maintainer: Maintainer) -> None:
    """Bring runs and holds whose process is gone to their true end.

    An order that has no 'go' yet is adopted: 'go' is sent only after a proof of our own. One that is collecting goes
    on to its end, which the keeper keeps; a hold lives until its time.
    """
    with maintainer.reading() as session:
        if not is_anything_under_way(session):
            return
    try:
        with held(maintainer.writing, KEEPER_LEASE) as lease:
            with maintainer.reading() as session:
                runs, holds = unfinished_runs(session), open_holds(session)
            for row in holds:
                look_after(maintainer, lease, row)
            for run in runs:
                _end(maintainer, lease, run)
    except LeaseHeld:
        return  # its process lives


def end_hold_now(maintainer: Maintainer, folder: Path, token: str) -> None:
    """Ask the keeper to end a hold, wait for that, and write down how it ended."""
    cancel(folder, token)
    with suppress(KeeperLost):  # whoever looks next writes it down
        wait_for(folder, token, maintainer.monotonic)
    give_up = maintainer.monotonic() + WRITTEN_WITHIN_S
    while _is_open(maintainer, token) and maintainer.monotonic() < give_up:  # somebody else may be looking just now
        end_interrupted_runs(maintainer)
        time.sleep(POLL_S)


def _is_open(maintainer: Maintainer, token: str) -> bool:
    with maintainer.reading() as session:
        return any(each.token == token for each in open_holds(session))


def look_at_mode(maintainer: Maintainer) -> None:
    """Write down what the registry allows, where that is not what the records say and nothing of ours explains it."""
    found, sentence = _mode_and_why(maintainer)
    with maintainer.reading() as session:
        known = registry_state(session)
        is_known = known.mode == found and (found != RegistryMode.READ_ONLY or known.mode_sentence == sentence)
    if found is None or is_known or _is_ours(maintainer):
        return
    try:
        with held(maintainer.writing, KEEPER_LEASE, owner=LOOKING) as lease:
            if _is_ours(maintainer) or _mode_and_why(maintainer) != (found, sentence):
                return  # it began, or ended, since
            with maintainer.writing() as session:
                still_ours(session, lease)
                note_mode(session, found, sentence, maintainer.now())
    except LeaseHeld:
        return


def _is_ours(maintainer: Maintainer) -> bool:
    with maintainer.reading() as session:
        return is_anything_under_way(session)


def _mode_and_why(maintainer: Maintainer) -> tuple[RegistryMode | None, str]:
    found, sentence = _mode_over_http(maintainer)
    is_known = found == RegistryMode.READ_ONLY and _has_order_of_ours(maintainer)
    return found, NOT_BROUGHT_BACK if is_known else sentence


def _has_order_of_ours(maintainer: Maintainer) -> bool:
    """Whether the keeper has an order in hand that the records know, and have given up on."""
    try:
        token = orders.read_state(maintainer.folder).token if maintainer.folder else None
    except KeeperError:
        return False
    with maintainer.reading() as session:
        return token is not None and is_of_records(session, token)


def _mode_over_http(maintainer: Maintainer) -> tuple[RegistryMode | None, str]:
    try:
        mode = read_mode(maintainer.client)
    except RegistryUnreachable as error:
        return RegistryMode.UNREACHABLE, error.sentence
    except RegistryError:
        return None, ""  # it does not say; the next sync says why
    if mode == Mode.UNKNOWN:
        return None, ""
    return (RegistryMode.READ_ONLY, UNEXPLAINED) if mode == Mode.READ_ONLY else (RegistryMode.READ_WRITE, "")


def _end(maintainer: Maintainer, lease: Lease, run: Run) -> None:
    if maintainer.folder is None:
        _end_without(maintainer, lease, run.id, "No keeper is set any more, so nobody can say how the run ended.")
        return
    if not any(each.name == StepName.ORDER for each in run.steps):
        cancel_before_go(maintainer.folder, run.token)
        _end_without(maintainer, lease, run.id, "The registry had not been asked to step aside.")
        return
    take_up(Running(maintainer, maintainer.folder, lease, run.id, run.token, run.kind, Strategy(run.strategy)))


def _end_without(maintainer: Maintainer, lease: Lease, run_id: int, why: str) -> None:
    with maintainer.writing() as session:
        still_ours(session, lease)
        run = session.get_one(Run, run_id)
        end_run(session, run, RunOutcome.INTERRUPTED, f"{INTERRUPTED} {why}", maintainer.now())


def _without_records(maintainer: Maintainer, unreadable: Unreadable, error: SQLAlchemyError) -> None:
    """Whose order it is cannot be known. After a while one that only waits is ended; the keeper ends all others."""
    now_s = maintainer.monotonic()
    if unreadable.since_s is None:
        unreadable.since_s = now_s
        log.error("The records cannot be read: %s", type(error).__name__)
    if maintainer.folder is not None and now_s - unreadable.since_s >= PATIENCE_S:
        cancel_what_waits(maintainer.folder)


def cancel_what_waits(folder: Path) -> None:
    """Cancel a collection that waits for its 'go'. That makes the registry read-write, and needs no row (law 2)."""
    try:
        state = orders.read_state(folder)
    except KeeperError:
        return
    if state.token and state.kind == Kind.COLLECT and state.phase == Phase.HOLDING:
        cancel(folder, state.token)
