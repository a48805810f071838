"""What the pages and commands show of windows. From the records only (law 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.maintenance.models import Run
from webapp.windows.calendar import UnknownZone, overlap
from webapp.windows.models import Occurrence, Window
from webapp.windows.upcoming import live_windows, times_of

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Past:
    """A planned time that has come, and its run where it has one."""

    occurrence: Occurrence
    run: Run | None


@dataclass(frozen=True, slots=True)
class PastPage:
    """Some planned times, newest first, and the moment before which the next page begins (None at the end)."""

    items: Sequence[Past]
    before: datetime | None


def find_window(session: Session, window_id: int) -> Window | None:
    """A window, also one that was deleted."""
    return session.get(Window, window_id)


def window_of_run(session: Session, run_id: int) -> tuple[Window, Occurrence] | None:
    """The window that began a run, and the planned time that it is the run of; None where a person began it."""
    row = session.scalars(select(Occurrence).where(Occurrence.run_id == run_id).limit(1)).first()
    return (session.get_one(Window, row.window_id), row) if row is not None else None


def past_occurrences(session: Session, window_id: int, before: datetime, size: int = PAGE_SIZE) -> PastPage:
    """What became of a window's times before that one, newest first."""
    query = (
        select(Occurrence)
        .where(Occurrence.window_id == window_id, Occurrence.planned_at < before)
        .order_by(Occurrence.planned_at.desc())
        .limit(size + 1)
    )
    rows = session.scalars(query).all()
    items = [Past(row, session.get(Run, row.run_id) if row.run_id is not None else None) for row in rows[:size]]
    return PastPage(items, rows[size - 1].planned_at if len(rows) > size else None)


def last_occurrence(session: Session, window_id: int, now: datetime) -> Past | None:
    """What became of a window's latest time; None where none has come yet."""
    return next(iter(past_occurrences(session, window_id, now, 1).items), None)


def overlapping(session: Session, window: Window, now: datetime) -> list[Window]:
    """The other windows that are open at a time at which this one is."""
    found = []
    for other in live_windows(session):
        if other.id == window.id:
            continue
        try:
            lengths = timedelta(seconds=window.longest_s), timedelta(seconds=other.longest_s)
            if overlap(times_of(window), lengths[0], times_of(other), lengths[1], now):
                found.append(other)
        except UnknownZone:
            continue
    return found
