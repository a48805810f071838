"""What is in the trash, as a plan and a page see it. Reads rows only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.database import among
from webapp.removal.trash_models import HOLDING, TrashItem


def held_in_trash(
    session: Session,
    repository: str,
    now: datetime,
    leaving: Collection[int] = (),
    digests: Collection[str] | None = None,
) -> dict[str, datetime]:
    """The manifests of a repository that the trash holds, each with the date until which it does.

    Args:
        leaving: items that are about to be deleted for good; they hold nothing.
        digests: of these manifests only; None for all.
    """
    last = func.max(TrashItem.until)
    holding = select(TrashItem.digest, last).where(
        TrashItem.repository == repository, TrashItem.state.in_(HOLDING), TrashItem.until > now
    )
    if leaving:
        holding = holding.where(TrashItem.id.not_in(leaving))
    if digests is not None:
        holding = holding.where(among(TrashItem.digest, digests))
    rows = session.execute(holding.group_by(TrashItem.digest))
    return {digest: until for digest, until in rows if until is not None}


def day_words(until: datetime) -> str:
    """A date of the trash, for people: '7 Dec 2026', as the day is in UTC."""
    return f"{until.day} {until:%b %Y}"
