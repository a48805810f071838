"""What comes next of a window: its times, the next moments, and which of them are skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.windows.calendar import DAY, Times, UnknownZone, next_occurrences, zone_named
from webapp.windows.models import Occurrence, OccurrenceState, Window

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One planned time that lies ahead; `is_skipped` where somebody has taken it out."""

    begins: datetime
    is_skipped: bool


def times_of(window: Window) -> Times:
    """When a window begins. Raises UnknownZone where this machine does not know its zone (any more)."""
    weekdays = frozenset(int(each) for each in window.weekdays.split(",") if each)
    return Times(weekdays, time.fromisoformat(window.starts), zone_named(window.zone))


def ends_at(window: Window, begins: datetime) -> datetime:
    """When an occurrence ends, whatever it is doing."""
    return begins + timedelta(seconds=window.longest_s)


def live_windows(session: Session) -> Sequence[Window]:
    """All windows that are meant, in the order in which they were made."""
    return session.scalars(select(Window).where(Window.ended_at.is_(None)).order_by(Window.id)).all()


def upcoming(session: Session, window: Window, now: datetime, count: int = 3) -> list[Upcoming]:
    """The next `count` times that will take place, and the skipped ones between them, in order.

    Raises:
        UnknownZone: this machine does not know the window's zone (any more).
    """
    times, found, after = times_of(window), list[Upcoming](), _from(window, now)
    ahead = select(Occurrence.planned_at, Occurrence.state).where(
        Occurrence.window_id == window.id, Occurrence.planned_at > now
    )
    decided = {row.planned_at: row.state for row in session.execute(ahead)}
    for begins in next_occurrences(times, after, count + len(decided)):
        if begins not in decided:
            found.append(Upcoming(begins, is_skipped=False))
        elif decided[begins] == OccurrenceState.SKIPPED:
            found.append(Upcoming(begins, is_skipped=True))
        if sum(not each.is_skipped for each in found) == count:
            break
    return found


def next_begin(session: Session, window: Window, now: datetime) -> datetime | None:
    """When a window begins next; None where it never does."""
    return next((each.begins for each in upcoming(session, window, now, 1) if not each.is_skipped), None)


def within_a_day(session: Session, now: datetime) -> tuple[Window, datetime] | None:
    """The window that begins next, and when, where that is within a day."""
    found = []
    for window in live_windows(session):
        try:
            begins = next_begin(session, window, now)
        except UnknownZone:
            continue
        if begins is not None and begins <= now + DAY:
            found.append((begins, window.id, window))
    return (min(found)[2], min(found)[0]) if found else None


def _from(window: Window, now: datetime) -> datetime:
    after = max(now, window.planned_from)
    return after if window.paused_until is None else max(after, window.paused_until - MOMENT)
