"""What the pages and commands show of notices, and of what was sent. From the records only (law 9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.catalogue.keyset import Key, after, ordering, read_cursor, write_cursor
from webapp.database import among
from webapp.notices.models import Channel, Delivery, Notice
from webapp.notices.watch import open_notices
from webapp.notices.words import TEST

__all__ = ["EndedPage", "count_open", "deliveries_of", "ended_notices", "last_call", "last_test", "open_notices"]

PAGE_SIZE = 50
_ORDER: list[Key] = [(Notice.began_at.expression, True), (Notice.id.expression, True)]


@dataclass(frozen=True, slots=True)
class EndedPage:
    """Some notices that have ended, the latest first; `cursor` leads to older ones, '' at the end."""

    notices: Sequence[Notice]
    cursor: str


def count_open(session: Session) -> int:
    """How many notices are open."""
    return session.scalar(select(func.count()).select_from(Notice).where(Notice.ended_at.is_(None))) or 0


def ended_notices(session: Session, cursor: str = "", size: int = PAGE_SIZE) -> EndedPage:
    """A page of notices that have ended."""
    query = select(Notice).where(Notice.ended_at.is_not(None)).order_by(*ordering(_ORDER)).limit(size + 1)
    place = read_cursor(cursor, [datetime, int])
    if place is not None:
        query = query.where(after(_ORDER, place))
    found = session.scalars(query).all()
    last = found[size - 1] if len(found) > size else None
    return EndedPage(found[:size], write_cursor([last.began_at, last.id]) if last else "")


def deliveries_of(session: Session, notices: Iterable[Notice]) -> dict[int, list[Delivery]]:
    """What was sent about some notices, by the notice's id, in order."""
    ids = [each.id for each in notices]
    found: dict[int, list[Delivery]] = {each: [] for each in ids}
    for row in session.scalars(select(Delivery).where(among(Delivery.notice_id, ids)).order_by(Delivery.id)):
        if row.notice_id is not None:
            found[row.notice_id].append(row)
    return found


def last_test(session: Session, channel: Channel) -> Delivery | None:
    """The latest test of a channel."""
    return _latest(session, channel, is_test=True)


def last_call(session: Session) -> Delivery | None:
    """The latest report to the dead man's switch."""
    return _latest(session, Channel.DEAD_MANS_SWITCH, is_test=False)


def _latest(session: Session, channel: Channel, is_test: bool) -> Delivery | None:
    alone = select(Delivery).where(Delivery.notice_id.is_(None), Delivery.channel == channel)
    wanted = alone.where(Delivery.event == TEST if is_test else Delivery.event != TEST)
    return session.scalars(wanted.order_by(Delivery.made_at.desc()).limit(1)).first()
