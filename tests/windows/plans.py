"""Plans of windows for tests, and what their records say."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import select

from webapp.database import Reading, Writing
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import Change, Plan, make

EVERY_DAY = frozenset(range(7))
HOUR_S = 3600


def a_plan(**changed: Any) -> Plan:
    """Every day at 03:00 in Berlin, for an hour."""
    usual = {"name": "Nightly", "weekdays": EVERY_DAY, "starts": time(3), "zone": "Europe/Berlin", "longest_s": HOUR_S}
    return Plan(**{**usual, **changed})


def by_alice(now: datetime) -> Change:
    return Change("alice", "192.0.2.1", now)


def a_window(writing: Writing, now: datetime, **changed: Any) -> int:
    """A window that alice made."""
    with writing() as session:
        return make(session, a_plan(**changed), by_alice(now))


def window_of(reading: Reading, window_id: int) -> Window:
    with reading() as session:
        return session.get_one(Window, window_id)


def occurrences(reading: Reading) -> list[Occurrence]:
    """All rows, by the time that was planned."""
    with reading() as session:
        return list(session.scalars(select(Occurrence).order_by(Occurrence.planned_at, Occurrence.window_id)))


def states(reading: Reading) -> list[OccurrenceState | None]:
    return [each.state for each in occurrences(reading)]
