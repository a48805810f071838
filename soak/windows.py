"""A window for each minute of the soak, made with what the pages make windows with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.maintenance.models import Strategy
from webapp.windows.models import Occurrence, Window
from webapp.windows.records import Change, Plan, delete, make

LONGEST_S = 120
STRATEGIES = ("", Strategy.OVERLAPPED, Strategy.READ_ONLY, Strategy.STOP)
EVERY_DAY = frozenset(range(7))
A_DAY = 24 * 60


def plan(session: Session, now: datetime, seconds: float) -> None:
    """Plan one for every full minute, of one day at the most since they come again; each with the next strategy."""
    first = (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
    minutes = min(A_DAY, int((now + timedelta(seconds=seconds) - first).total_seconds() // 60) + 1)
    for number in range(minutes):
        at = first + timedelta(minutes=number)
        strategy = STRATEGIES[number % len(STRATEGIES)]
        wanted = Plan(f"soak {at:%H:%M}", EVERY_DAY, at.time(), "UTC", LONGEST_S, strategy=strategy)
        make(session, wanted, Change("soak", "soak", now))


def end(session: Session, now: datetime) -> None:
    """Delete them all."""
    for window in session.scalars(select(Window).where(Window.ended_at.is_(None))):
        delete(session, window, Change("soak", "soak", now))


def without_end(session: Session, now: datetime) -> Iterator[str]:
    """Each planned minute that has come and of which nobody has said what became of it, in words."""
    rows = {(each.window_id, each.planned_at): each for each in session.scalars(select(Occurrence))}
    for window in session.scalars(select(Window).order_by(Window.id)):
        for at in _planned(window, now):
            row = rows.get((window.id, at))
            if row is None:
                yield f"the window of {at:%d %B, %H:%M} has no row"
            elif row.state is None:
                yield f"the window of {at:%d %B, %H:%M} is neither run nor given up"


def _planned(window: Window, now: datetime) -> Iterator[datetime]:
    hour, minute = map(int, window.starts.split(":"))
    at = window.planned_from.replace(hour=hour, minute=minute, second=0, microsecond=0)
    at += timedelta(days=at <= window.planned_from)
    while at <= min(now, window.ended_at or now):
        yield at
        at += timedelta(days=1)
