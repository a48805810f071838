"""A hold: the registry read-only for a stated time, for a backup or a move.

The keeper carries it out and ends it, whoever else lives by then; here it is ordered, proved, and written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import complete, record
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.sync import note_mode
from webapp.leases import Lease, LeaseHeld, fenced, still_ours
from webapp.maintenance.models import Hold, RunOutcome, Strategy
from webapp.maintenance.proofs import ProofFailed, prove_writes_refused, wait_until_accepted
from webapp.maintenance.pull_proof import newest_tags, prove_pull, pulling_now
from webapp.maintenance.records import unfinished_runs
from webapp.maintenance.run import NoKeeper, RunUnderWay, keeper_held, strategy_of
from webapp.maintenance.running import Maintainer
from webapp.maintenance.steps import READS
from webapp.maintenance.waiting import KeeperLost, cancel, has_order, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Ended, KeeperError, Kind, Order, Phase, Result

SHORTEST_S = 60
LONGEST_S = 24 * 3600
SPARE_S = 300.0
"""So much later than its end the keeper's deadline comes: by then nothing of the hold is left to end."""

READ_WRITE_WITHIN_S = 60.0
LONGEST_PURPOSE = 100
INTERRUPTED = "The keeper, or its machine, was restarted."
UNKNOWN = "The keeper knows nothing of this hold any more."
HOW_LONG = f"A hold lasts at least {SHORTEST_S // 60} minute and at most {LONGEST_S // 3600} hours."


class HoldFailed(Exception):
    """The registry is not held; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


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
        HoldFailed: the time is too short or too long, or the registry could not be held; it is read-write again.
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
                sentence = getattr(error, "sentence", str(error))
                _give_up(maintainer, folder, lease, row, sentence)
                raise HoldFailed(sentence) from error
            return row.id
    except LeaseHeld:
        raise RunUnderWay from None


def open_holds(session: Session) -> Sequence[Hold]:
    """Holds without an outcome, oldest first."""
    return session.scalars(select(Hold).where(Hold.outcome.is_(None)).order_by(Hold.id)).all()


def words_of(row: Hold) -> str:
    """What a hold is for, as a part of a sentence: ': backup', or nothing."""
    return f": {row.purpose}" if row.purpose else ""


def ask_to_end(session: Session, hold_id: int, actor: str) -> bool:
    """Write down that somebody wants a hold to end; whether it is still under way."""
    asked = update(Hold).where(Hold.id == hold_id, Hold.outcome.is_(None)).values(stopped_by=actor)
    return cast("CursorResult[object]", session.execute(asked)).rowcount == 1


def look_after(maintainer: Maintainer, lease: Lease, row: Hold) -> None:
    """Bring a hold of the records to its true end, if it has ended; prove one that nobody has proved.

    To be called under the keeper's lease. One that lives is left to the keeper.
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
        if maintainer.now() > row.until + timedelta(seconds=SPARE_S):
            _end(maintainer, lease, row, RunOutcome.INTERRUPTED, str(error))
        return  # it may come back, and answers the order then
    if result is not None:
        outcome, reason = _how(row, result)
        _end(maintainer, lease, row, outcome, reason)
    elif state.token != row.token and not is_known:
        _end(maintainer, lease, row, RunOutcome.INTERRUPTED, UNKNOWN)
    elif not row.reason and state.token == row.token and state.phase == Phase.HOLDING:
        _adopt(maintainer, folder, lease, row)


def _begin(
    maintainer: Maintainer, lease: Lease, until: datetime, actor: str, place: str, purpose: str, strategy: Strategy
) -> Hold:
    now = maintainer.now()
    with maintainer.writing() as session:
        still_ours(session, lease)
        if unfinished_runs(session) or open_holds(session):
            raise RunUnderWay
        kind = ActivityKind.HOLD_STARTED
        begun = record(session, at=now, actor=actor, kind=kind, outcome=Outcome.UNKNOWN, reason=purpose, place=place)
        row = Hold(
            token=orders.new_token(),
            strategy=strategy,
            actor=actor,
            place=place,
            purpose=purpose[:LONGEST_PURPOSE],
            activity_id=begun.id,
            fencing_token=lease.token,
            started_at=now,
            until=until,
        )
        session.add(row)
        session.flush()
    return row


def _pulling_now(maintainer: Maintainer) -> Sequence[tuple[str, str]]:
    with maintainer.reading() as session:
        newest = [(repository, tag) for repository, tag, _ in newest_tags(session)]
    return pulling_now(maintainer.client, newest)


def _order(maintainer: Maintainer, folder: Path, row: Hold, seconds: float) -> None:
    """Ask the keeper, and wait until the registry has let go of its store."""
    until = orders.boottime_s() + seconds
    reads = READS[Strategy(row.strategy)]
    orders.send_order(folder, Order(row.token, Kind.HOLD, seconds + SPARE_S, reads, until_boottime_s=until))
    result = wait_for(folder, row.token, maintainer.monotonic, lambda state: state.phase == Phase.HOLDING)
    if result is not None:
        raise KeeperLost(result.reason or f"The keeper ended the order: {result.ended}.")


def _prove(maintainer: Maintainer, lease: Lease, row: Hold, pulls: Sequence[tuple[str, str]] = ()) -> None:
    """Prove that writes are refused, and that what pulled before does so, and write that down. Raises ProofFailed."""
    asked, may_be_away = [maintainer.client], []
    if row.strategy != Strategy.READ_ONLY:
        asked, may_be_away = [maintainer.reads] if maintainer.reads else [], [maintainer.client]
    proof = prove_writes_refused([*asked, *maintainer.others], may_be_away)
    if row.strategy != Strategy.STOP and asked:
        proof = f"{proof} {prove_pull(asked[0], pulls)}"
    sentence = f"It is held read-only by {row.actor}{words_of(row)}."
    with fenced(maintainer.writing, lease)() as session:
        session.get_one(Hold, row.id).reason = proof
        note_mode(session, RegistryMode.READ_ONLY, sentence, maintainer.now(), row.until)
        complete(session, row.activity_id, Outcome.DONE, row.purpose)


def _adopt(maintainer: Maintainer, folder: Path, lease: Lease, row: Hold) -> None:
    """Prove a hold whose process was killed before it could; one that holds nothing is ended."""
    try:
        _prove(maintainer, lease, row)
    except ProofFailed as error:
        _give_up(maintainer, folder, lease, row, error.sentence)


def _give_up(maintainer: Maintainer, folder: Path, lease: Lease, row: Hold, why: str) -> None:
    cancel(folder, row.token)
    try:
        if has_order(folder):
            wait_for(folder, row.token, maintainer.monotonic)
    except KeeperLost:
        pass  # that the registry is read-write is proved below, whoever has brought it back
    _end(maintainer, lease, row, RunOutcome.FAILED, why)


def _how(row: Hold, result: Result) -> tuple[RunOutcome, str]:
    """How a hold ended that the keeper has answered."""
    if result.ended == Ended.DONE:
        return RunOutcome.SUCCEEDED, ""
    if result.ended == Ended.CANCELLED:
        return RunOutcome.STOPPED, f"{row.stopped_by or 'Somebody'} ended it early."
    if result.ended == Ended.INTERRUPTED:
        return RunOutcome.INTERRUPTED, INTERRUPTED
    return RunOutcome.FAILED, result.reason


def _end(maintainer: Maintainer, lease: Lease, row: Hold, outcome: RunOutcome, reason: str) -> None:
    """Prove that the registry takes writes again, and write the end down."""
    mode, problem = RegistryMode.READ_WRITE, ""
    try:
        wait_until_accepted(maintainer.client, maintainer.monotonic, READ_WRITE_WITHIN_S)
    except ProofFailed as error:
        mode = RegistryMode.UNREACHABLE if error.is_unreachable else RegistryMode.READ_ONLY
        problem = error.sentence
        outcome = RunOutcome.FAILED
        reason = f"{reason} The registry has not come back read-write: {problem}".strip()
    now = maintainer.now()
    with fenced(maintainer.writing, lease)() as session:
        note_mode(session, mode, problem, now)
        ours = session.get_one(Hold, row.id)
        had_begun = bool(ours.reason)
        ours.outcome, ours.reason, ours.finished_at = outcome, reason, now
        went_well = outcome in (RunOutcome.SUCCEEDED, RunOutcome.STOPPED)
        if not had_begun:
            complete(session, row.activity_id, Outcome.FAILED, reason)
            return
        kind = ActivityKind.HOLD_ENDED
        outcome_of_it = Outcome.DONE if went_well else Outcome.FAILED
        actor = ours.stopped_by or row.actor
        record(session, at=now, actor=actor, kind=kind, outcome=outcome_of_it, reason=reason, place=row.place)
