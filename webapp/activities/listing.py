"""Read activities, newest first: a page of them for the list, or all of them for a terminal."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.activities.groups import line_of
from webapp.activities.models import Activity, ActivityKind

MOST_ITEMS = 1000
READ_AT_ONCE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# So many digits fit into a datetime and into SQLite's integers.
CURSOR_TEXT = re.compile(r"([0-9a-f]{1,14})-([0-9a-f]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which activities are wanted; None wants all. `since` is inclusive, `until` is not.

    `shown` is what the reader may see (`accounts/permissions.py`), the rest is what the reader asked for.
    """

    repository: str | None = None
    person: str | None = None
    kind: ActivityKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    shown: frozenset[ActivityKind] | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The activity after which an older page begins."""

    at: datetime
    id: int

    def __str__(self) -> str:
        """Return the cursor as the short text that `read_cursor` reads."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1):x}-{self.id:x}"


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """One page; `older` leads to the next one and is None on the last."""

    items: tuple[Activity, ...]
    older: Cursor | None


def read_cursor(text: str | None) -> Cursor | None:
    """Return the cursor that an address names; nonsense is the first page, None."""
    found = CURSOR_TEXT.fullmatch(text or "")
    return Cursor(EPOCH + timedelta(microseconds=int(found[1], 16)), int(found[2], 16)) if found else None


def page(session: Session, wanted: Filter, before: Cursor | None = None, size: int = 50) -> ActivityPage:
    """Return activities for `size` lines of a list, newest first, older than `before`.

    The activities of one removal are one line (`groups.py`), so that the removal of an image with a thousand tags
    does not fill twenty pages; a page ends at 1,000 activities all the same.
    """
    query = _matching(wanted)
    if before:
        place = tuple_(before.at, before.id, types=(Activity.at.type, Activity.id.type))
        query = query.where(tuple_(Activity.at, Activity.id) < place)
    items: list[Activity] = []
    lines: set[Hashable] = set()
    for activity in _read(session, query):
        line = line_of(activity)
        if len(items) == MOST_ITEMS or (len(lines) == size and line not in lines):
            return ActivityPage(tuple(items), Cursor(items[-1].at, items[-1].id))
        lines.add(line)
        items.append(activity)
    return ActivityPage(tuple(items), None)


def every(session: Session, wanted: Filter) -> Iterator[Activity]:
    """Yield all matching activities, newest first, without holding them all in memory."""
    return _read(session, _matching(wanted))


def people(session: Session) -> list[str]:
    """Return the name of everybody who ever did something, in alphabetical order."""
    return sorted(_different(session, Activity.actor), key=str.casefold)


def kinds(session: Session) -> list[ActivityKind]:
    """Return the kinds of which there is at least one activity."""
    return _different(session, Activity.kind)


def _matching(wanted: Filter) -> Select[Activity]:
    query = select(Activity).order_by(Activity.at.desc(), Activity.id.desc())
    if wanted.repository is not None:
        query = query.where(Activity.repository == wanted.repository)
    if wanted.person is not None:
        query = query.where(Activity.actor == wanted.person)
    if wanted.kind is not None:
        query = query.where(Activity.kind == wanted.kind)
    if wanted.since is not None:
        query = query.where(Activity.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Activity.at < wanted.until)
    if wanted.shown is not None:
        # Not `in_`: SQLite would look the kinds up in their index and then sort the whole log.
        query = query.where(Activity.kind.not_in(sorted(frozenset(ActivityKind) - wanted.shown)))
    return query


def _read(session: Session, query: Select[Activity]) -> Iterator[Activity]:
    """Yield rows as they are read, so that who stops early has not read the rest."""
    rows = session.scalars(query.execution_options(yield_per=READ_AT_ONCE))
    try:
        yield from rows
    finally:
        rows.close()


def _different(session: Session, column: InstrumentedAttribute[Any]) -> list[Any]:
    """Return the different values of an indexed column by leaping from one to the next in its index.

    `SELECT DISTINCT` would read the whole index, and this table only grows.
    """
    values = select(func.min(column).label("value")).cte("different", recursive=True)
    following = select(func.min(column)).where(column > values.c.value).correlate(values).scalar_subquery()
    values = values.union_all(select(following).where(values.c.value.is_not(None)))
    return list(session.scalars(select(values.c.value).where(values.c.value.is_not(None))))
