"""The rows of holds, and what they say to whoever wants something meanwhile. Functions of rows only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import complete, record
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.database import once_written
from webapp.maintenance.models import Hold, KeeperReadiness, KeeperSeen, RunOutcome, Strategy
from webapp.maintenance.run import RunUnderWay

log = logging.getLogger(__name__)

SPARE = timedelta(minutes=5)
"""So long after its end nothing of a hold is left: the keeper's deadline has passed, too."""

TOLD_FOR = timedelta(days=1)
"""For so long after its planned end everybody reads that a hold did not last."""


def begin_hold(session: Session, row: Hold, now: datetime) -> None:
    """Write down that a hold is asked for, in an activity too; `row` has all but its activity and the time."""
    kind, outcome = ActivityKind.HOLD_STARTED, Outcome.UNKNOWN
    begun = record(session, at=now, actor=row.actor, kind=kind, outcome=outcome, reason=row.purpose, place=row.place)
    row.activity_id, row.started_at = begun.id, now
    session.add(row)
    session.flush()
    told = {**_told(row), "purpose": row.purpose or None, "place": row.place}
    once_written(session, lambda: log.info("A hold was asked for", extra=told))


def note_held(session: Session, row: Hold, proof: str, now: datetime) -> None:
    """Write down that the registry is held, and how we know."""
    row.held_at, row.reason = now, proof
    complete(session, row.activity_id, Outcome.DONE, row.purpose)
    told = _told(row)
    once_written(session, lambda: log.info("The registry is held", extra=told))


def end_hold(session: Session, row: Hold, outcome: RunOutcome, reason: str, now: datetime) -> None:
    """Write down how a hold ended, or that it never began; in an activity too."""
    row.outcome, row.reason, row.finished_at = outcome, reason, now
    went_well = outcome in (RunOutcome.SUCCEEDED, RunOutcome.STOPPED)
    if row.held_at is None:
        complete(session, row.activity_id, Outcome.FAILED, reason)
    else:
        kind, became = ActivityKind.HOLD_ENDED, Outcome.DONE if went_well else Outcome.FAILED
        actor = row.stopped_by or row.actor
        record(session, at=now, actor=actor, kind=kind, outcome=became, reason=reason, place=row.place)
    event = "A hold has ended" if row.held_at else "A hold has not begun"
    level = logging.INFO if went_well else logging.ERROR
    told = {
        **_told(row),
        "outcome": outcome,
        "reason": reason or None,
        "seconds": (now - row.started_at).total_seconds(),
    }
    once_written(session, lambda: log.log(level, event, extra=told))


def ask_to_end(session: Session, hold_id: int, actor: str) -> bool:
    """Write down that somebody wants a hold to end; whether it is still under way."""
    asked = update(Hold).where(Hold.id == hold_id, Hold.outcome.is_(None)).values(stopped_by=actor)
    return cast("CursorResult[object]", session.execute(asked)).rowcount == 1


def open_holds(session: Session) -> Sequence[Hold]:
    """Holds without an outcome, oldest first."""
    return session.scalars(select(Hold).where(Hold.outcome.is_(None)).order_by(Hold.id)).all()


def hold_under_way(session: Session) -> Hold | None:
    """The hold without an outcome, if there is one."""
    return next(iter(open_holds(session)), None)


def sentence_of(row: Hold, now: datetime) -> str:
    """What an open hold means now: 'The registry is held read-only until 03:10 UTC by alice: backup.'"""
    if row.stopped_by:
        return f"The hold by {named(row)} is being ended by {row.stopped_by}."
    if now > row.until:
        return f"The hold by {named(row)} was to end at {until_words(row.until, now)}, and is being ended."
    purpose = f": {row.purpose.rstrip('.')}" if row.purpose else ""
    is_held = "is held" if row.held_at else "is about to be held"
    return f"The registry {is_held} read-only until {until_words(row.until, now)} by {row.actor}{purpose}."


def named(row: Hold) -> str:
    """Whose hold it is, and what for: 'alice (backup)'."""
    return f"{row.actor} ({row.purpose.rstrip('.')})" if row.purpose else row.actor


def until_words(at: datetime, now: datetime) -> str:
    """'03:10 UTC', with the day where that is another one than today."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at.day} {at:%b %Y, %H:%M} UTC"


def why_not_deleted(session: Session, now: datetime) -> str:
    """Why nothing can be deleted for a while, and what to do; '' where nobody holds the registry."""
    row = hold_under_way(session)
    return f"{sentence_of(row, now)} Delete again after that." if row else ""


def why_under_way(session: Session, now: datetime) -> str:
    """Why no run or hold can begin, for whoever was refused with RunUnderWay."""
    row = hold_under_way(session)
    if row is None:
        return RunUnderWay.sentence
    return f"{sentence_of(row, now)} Runs and other holds can begin after that."


def may_be_away(session: Session, now: datetime) -> bool:
    """Whether a hold is why the registry does not answer: it stopped it, and the keeper lives and will end it in time."""
    row, seen = hold_under_way(session), session.get(KeeperSeen, 1)
    if row is None or row.strategy == Strategy.READ_ONLY or now > row.until + SPARE:
        return False
    return seen is None or seen.readiness not in (KeeperReadiness.MISSING, KeeperReadiness.REFUSED)


def broken_hold(session: Session, now: datetime) -> Hold | None:
    """The latest hold, where it ended before its time and nobody had asked for that; for a day after its planned end."""
    row = _latest_held(session)
    if row is None or row.finished_at is None or row.stopped_by or now > row.until + TOLD_FOR:
        return None
    is_early = row.outcome == RunOutcome.FAILED and row.finished_at < row.until
    return row if is_early or row.outcome == RunOutcome.INTERRUPTED else None


def broken_words(row: Hold, now: datetime) -> str:
    """That a hold did not last until its end, since when that is known, and why."""
    ended = f": it had ended by {until_words(row.finished_at, now)}" if row.finished_at else ""
    what = f"The hold by {named(row)} did not last until {until_words(row.until, now)}{ended}."
    return f"{what} {row.reason} What was copied meanwhile may not be whole: copy it again."


def not_back_after_hold(session: Session, now: datetime) -> str:
    """That the registry has not taken writes since the latest hold was to end; '' where it has, or that was told already."""
    row, state = _latest_held(session), session.get(RegistryState, 1)
    if row is None or row.finished_at is None or row.outcome != RunOutcome.FAILED or state is None:
        return ""
    if state.mode not in (RegistryMode.READ_ONLY, RegistryMode.UNREACHABLE):
        return ""
    if state.mode_since is None or state.mode_since > row.finished_at:
        return ""  # it was back in between
    by = f", and {row.stopped_by} ended it" if row.stopped_by else ""
    return f"The hold by {named(row)} was to end at {until_words(row.until, now)}{by}. {row.reason}"


def hold_until(session: Session, until: datetime) -> Hold | None:
    """The hold that was to end then."""
    row = _latest_held(session)
    return row if row is not None and row.until == until else None


def _latest_held(session: Session) -> Hold | None:
    """The hold that was proved last."""
    return session.scalar(select(Hold).where(Hold.held_at.is_not(None)).order_by(Hold.held_at.desc()).limit(1))


def _told(row: Hold) -> dict[str, object]:
    return {"hold_id": row.id, "actor": row.actor, "strategy": row.strategy, "until": row.until}
