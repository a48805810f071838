"""A hold: the registry read-only for a stated time, for a backup or a move.

The keeper carries it out and ends it, whoever else lives by then; here it is ordered, proved, and written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from webapp.catalogue.mode import note_mode
from webapp.catalogue.models import RegistryMode
from webapp.leases import Lease, LeaseHeld, LeaseLost, fenced, still_ours
from webapp.maintenance.hold_records import SPARE, begin_hold, end_hold, note_held, why_under_way
from webapp.maintenance.models import Hold, RunOutcome, Strategy
from webapp.maintenance.proofs import ProofFailed, wait_until_accepted
from webapp.maintenance.pull_proof import newest_tags, pulling_now
from webapp.maintenance.records import is_anything_under_way
from webapp.maintenance.run import NoKeeper, RunUnderWay, keeper_held, strategy_of
from webapp.maintenance.running import Maintainer
from webapp.maintenance.steps import READS, not_back_words, prove_aside
from webapp.maintenance.waiting import KeeperLost, cancel, has_order, wait_for
from webapp.registry.capabilities import takes_writes
from webapp.registry.text import plain_text
from webapp.removal.journal import any_unfinished
from webapp.runtime import orders
from webapp.runtime.orders import Ended, KeeperError, KeeperState, Kind, Order, Phase, Result

SHORTEST_S = 60
LONGEST_S = 24 * 3600
READ_WRITE_WITHIN_S = 60.0
LONGEST_PURPOSE = 100
INTERRUPTED = "The keeper, or its machine, was restarted."
GONE = "The keeper was restarted or is gone, and the registry takes writes."
UNKNOWN = "The keeper knows nothing of this hold any more."
REMOVAL_OPEN = "A removal is under way, or it is not known how one ended. Wait for its end; Activities lists it."
REMOVAL_BEGAN = "A removal began meanwhile."
HOW_LONG = f"A hold lasts at least {SHORTEST_S // 60} minute and at most {LONGEST_S // 3600} hours."


class HoldFailed(Exception):
    """The registry is not held; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BrokenOff(HoldFailed):
    """Somebody pressed Ctrl-C before the registry was held; `sentence` says what has become of it."""


def hold(
    maintainer: Maintainer,
    until: datetime,
    actor: str,
    place: str,
    purpose: str = "",
    strategy: Strategy | None = None,
) -> int:
    """Make the registry read-only until then; returns the hold's id as soon as that is proved.

    Raises:
        HoldFailed: the time is too short or too long, a removal is open, or the registry could not be held; it is
            read-write again, or the sentence says that it is not.
        RunUnderWay: a run or another hold has the keeper.
        NoKeeper: nothing can restart the registry.
    """
    folder = maintainer.folder
    if folder is None:
        raise NoKeeper
    seconds = (until - maintainer.now()).total_seconds()
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise HoldFailed(HOW_LONG)
    try:
        with keeper_held(maintainer) as lease:
            row = _begin(maintainer, lease, until, actor, place, purpose, strategy or strategy_of(maintainer))
            try:
                pulls = _pulling_now(maintainer)
                _order(maintainer, folder, row, seconds)
                _prove(maintainer, lease, row, pulls)
            except (KeeperError, KeeperLost, ProofFailed) as error:
                why = _give_up(maintainer, folder, lease, row, getattr(error, "sentence", str(error)))
                raise HoldFailed(why) from error
            except KeyboardInterrupt as pressed:
                why = f"{actor} broke it off before anything was held."
                raise BrokenOff(_give_up(maintainer, folder, lease, row, why, RunOutcome.STOPPED)) from pressed
            except LeaseLost:  # who has the lease now may have taken the hold up
                raise
            except BaseException:  # the records cannot be written: whoever can, next, writes down how it ended
                cancel(folder, row.token)
                raise
            return row.id
    except LeaseHeld:
        raise RunUnderWay from None


def why_refused(maintainer: Maintainer, error: HoldFailed | RunUnderWay | NoKeeper) -> str:
    """Why a run or a hold did not begin, for a person; it names the hold that is in the way."""
    if not isinstance(error, RunUnderWay):
        return error.sentence
    with maintainer.reading() as session:
        return why_under_way(session, maintainer.now())


def look_after(maintainer: Maintainer, lease: Lease, row: Hold) -> None:
    """Bring a hold of the records to its true end, if it has ended; prove one that nobody has proved.

    To be called under the keeper's lease. One that lives is left to the keeper, as long as writes are refused.
    """
    folder = maintainer.folder
    if folder is None:
        _end(maintainer, lease, row, RunOutcome.INTERRUPTED, "No keeper is set any more.")
        return
    try:
        is_known = has_order(folder)
        result = orders.read_result(folder, row.token)
        state = orders.read_state(folder)
    except KeeperError as error:
        if takes_writes(maintainer.client):
            _end(maintainer, lease, row, RunOutcome.INTERRUPTED, GONE)
        elif maintainer.now() > row.until + SPARE:
            _end(maintainer, lease, row, RunOutcome.INTERRUPTED, str(error))
        return  # it may come back, and answers the order then
    if result is not None:
        _end(maintainer, lease, row, *_how(row, result))
    elif state.token != row.token and not is_known:
        _end(maintainer, lease, row, RunOutcome.INTERRUPTED, UNKNOWN)
    elif _is_at_its_end(maintainer, folder, row, state):
        _see_its_end(maintainer, folder, lease, row)
    elif not _is_holding(folder, row):
        return  # it is about to be held, or comes to its end
    elif row.held_at is None:
        _adopt(maintainer, folder, lease, row)
    else:
        _look_whether_it_is_held(maintainer, folder, lease, row)


def _is_at_its_end(maintainer: Maintainer, folder: Path, row: Hold, state: KeeperState) -> bool:
    """Whether the keeper should have ended the hold by now, or be about to. By its clock, where it says until when."""
    if state.token != row.token:
        return False
    if row.stopped_by or state.phase == Phase.RETURNING:
        return True
    order = orders.read_order(folder, row.token)
    if order is None:
        return maintainer.now() > row.until
    return orders.boottime_s() > order.until_boottime_s


def _see_its_end(maintainer: Maintainer, folder: Path, lease: Lease, row: Hold) -> None:
    """Wait for the end that is due. A keeper that hangs does not come to it, and what is true then is written down."""
    if row.stopped_by or row.held_at is None:
        cancel(folder, row.token)
    try:
        result = wait_for(folder, row.token, maintainer.monotonic)
    except KeeperLost as lost:
        _end(maintainer, lease, row, RunOutcome.FAILED, lost.sentence)
        return
    if result is not None:
        _end(maintainer, lease, row, *_how(row, result))


def _begin(
    maintainer: Maintainer, lease: Lease, until: datetime, actor: str, place: str, purpose: str, strategy: Strategy
) -> Hold:
    row = Hold(
        token=orders.new_token(),
        strategy=strategy,
        actor=actor,
        place=place,
        purpose=" ".join(plain_text(purpose, LONGEST_PURPOSE).split()),
        fencing_token=lease.token,
        until=until,
    )
    with maintainer.writing() as session:
        still_ours(session, lease)
        if is_anything_under_way(session):
            raise RunUnderWay
        if any_unfinished(session):
            raise HoldFailed(REMOVAL_OPEN)
        begin_hold(session, row, maintainer.now())
    return row


def _pulling_now(maintainer: Maintainer) -> Sequence[tuple[str, str]]:
    with maintainer.reading() as session:
        newest = [(repository, tag) for repository, tag, _ in newest_tags(session)]
    return pulling_now(maintainer.client, newest)


def _order(maintainer: Maintainer, folder: Path, row: Hold, seconds: float) -> None:
    """Ask the keeper, and wait until the registry has let go of its store."""
    until = orders.boottime_s() + seconds
    reads = READS[Strategy(row.strategy)]
    orders.send_order(
        folder, Order(row.token, Kind.HOLD, seconds + SPARE.total_seconds(), reads, until_boottime_s=until)
    )
    result = wait_for(folder, row.token, maintainer.monotonic, lambda state: state.phase == Phase.HOLDING)
    if result is not None:
        raise KeeperLost(result.reason or f"The keeper ended the order: {result.ended}.")


def _prove(maintainer: Maintainer, lease: Lease, row: Hold, pulls: Sequence[tuple[str, str]] = ()) -> None:
    """Prove that writes are refused, that what pulled before does so, and that no removal is open; write that down.

    Raises:
        ProofFailed: one of them is not so.
    """
    proof = " ".join(prove_aside(maintainer, Strategy(row.strategy), pulls))
    purpose = f": {row.purpose}" if row.purpose else ""
    with fenced(maintainer.writing, lease)() as session:
        if any_unfinished(session):
            raise ProofFailed(REMOVAL_BEGAN)
        now = maintainer.now()
        note_held(session, session.get_one(Hold, row.id), proof, now)
        note_mode(session, RegistryMode.READ_ONLY, f"It is held read-only by {row.actor}{purpose}.", now, row.until)


def _adopt(maintainer: Maintainer, folder: Path, lease: Lease, row: Hold) -> None:
    """Prove a hold whose process was killed before it could; one that holds nothing is ended."""
    try:
        _prove(maintainer, lease, row)
    except ProofFailed as error:
        _give_up(maintainer, folder, lease, row, error.sentence)


def _is_holding(folder: Path, row: Hold) -> bool:
    """Whether the keeper says that it keeps the registry read-only for this hold."""
    try:
        state = orders.read_state(folder)
        return state.token == row.token and state.phase == Phase.HOLDING
    except KeeperError:
        return False


def _look_whether_it_is_held(maintainer: Maintainer, folder: Path, lease: Lease, row: Hold) -> None:
    """End a hold that holds nothing: somebody has started a registry that the keeper knows nothing of."""
    addresses = [maintainer.client, *([maintainer.reads] if maintainer.reads else []), *maintainer.others]
    taking = [each.url for each in addresses if takes_writes(each)]
    if taking and _is_holding(folder, row):  # else it came to its end in this moment
        cancel(folder, row.token)
        why = f"{' and '.join(taking)} took writes although the registry was held. Somebody else has started it."
        _end(maintainer, lease, row, RunOutcome.FAILED, why)


def _give_up(
    maintainer: Maintainer,
    folder: Path,
    lease: Lease,
    row: Hold,
    why: str,
    outcome: RunOutcome = RunOutcome.FAILED,
) -> str:
    """Cancel a hold that is not proved, and prove that the registry takes writes; returns what became of it."""
    cancel(folder, row.token)
    try:
        if has_order(folder):
            wait_for(folder, row.token, maintainer.monotonic)
    except KeeperLost as lost:  # that the registry is read-write is proved below, whoever has brought it back
        why = why if lost.sentence in why else f"{why} {lost.sentence}"
    return _end(maintainer, lease, row, outcome, why)


def _how(row: Hold, result: Result) -> tuple[RunOutcome, str]:
    """How a hold ended that the keeper has answered."""
    if result.ended == Ended.DONE:
        return RunOutcome.SUCCEEDED, ""
    if result.ended == Ended.CANCELLED:
        return RunOutcome.STOPPED, f"{row.stopped_by or 'Somebody'} ended it early."
    if result.ended == Ended.INTERRUPTED:
        return RunOutcome.INTERRUPTED, INTERRUPTED
    return RunOutcome.FAILED, result.reason


def _end(maintainer: Maintainer, lease: Lease, row: Hold, outcome: RunOutcome, reason: str) -> str:
    """Prove that the registry takes writes again, and write the end down; returns why it ended so."""
    mode, problem = RegistryMode.READ_WRITE, ""
    try:
        wait_until_accepted(maintainer.client, maintainer.monotonic, READ_WRITE_WITHIN_S)
    except ProofFailed as error:
        mode = RegistryMode.UNREACHABLE if error.is_unreachable else RegistryMode.READ_ONLY
        problem = error.sentence
        outcome = RunOutcome.FAILED
    with fenced(maintainer.writing, lease)() as session:
        now = maintainer.now()
        note_mode(session, mode, problem, now)
        if problem:
            reason = f"{reason} {not_back_words(session, problem)}".strip()
        end_hold(session, session.get_one(Hold, row.id), outcome, reason, now)
    return reason
