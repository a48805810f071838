"""How the registry grows: one figure a day, kept for years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.catalogue.space_models import DailySize

KEPT = timedelta(days=5 * 365)


def note_day(session: Session, day: date, size_bytes: int, in_trash_bytes: int, collectable_bytes: int | None) -> None:
    """Keep the figures of a day; the last ones of a day stay. Those of more than five years ago are forgotten."""
    session.execute(delete(DailySize).where(DailySize.day < day - KEPT))
    row = DailySize(day=day, size_bytes=size_bytes, in_trash_bytes=in_trash_bytes, collectable_bytes=collectable_bytes)
    session.merge(row)


def is_noted(session: Session, day: date, size_bytes: int, in_trash_bytes: int, collectable_bytes: int | None) -> bool:
    """Whether these are the figures that are kept of a day."""
    kept = session.get(DailySize, day)
    found = (kept.size_bytes, kept.in_trash_bytes, kept.collectable_bytes) if kept else None
    return found == (size_bytes, in_trash_bytes, collectable_bytes)


def daily_sizes(session: Session) -> Sequence[tuple[date, int, int, int | None]]:
    """All days that are kept, the first one first: day, size, what is in the trash, what could be collected."""
    columns = (DailySize.day, DailySize.size_bytes, DailySize.in_trash_bytes, DailySize.collectable_bytes)
    return [
        (day, size, trash, left) for day, size, trash, left in session.execute(select(*columns).order_by(DailySize.day))
    ]
