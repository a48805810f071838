"""What is in the trash, as a plan and a page see it. Reads rows only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.removal.trash_models import HOLDING, TrashItem


def held_in_trash(
    session: Session, repository: str, now: datetime, leaving: Collection[int] = ()
) -> dict[str, datetime]:
    """The manifests of a repository that the trash holds, each with the date until which it does.

    Args:
        leaving: items that are about to be deleted for good; they hold nothing.
    """
    last = func.max(TrashItem.until)
    holding = select(TrashItem.digest, last).where(
        TrashItem.repository == repository,
        TrashItem.state.in_(HOLDING),
        TrashItem.until > now,
        TrashItem.id.not_in(leaving),
    )
    rows = session.execute(holding.group_by(TrashItem.digest))
    return {digest: until for digest, until in rows if until is not None}


def day_words(until: datetime) -> str:
    """A date of the trash, for people: '7 Dec 2026', as the day is in UTC."""
    return f"{until.day} {until:%b %Y}"
