"""Keyset paging: a page begins after the last row of the one before, named by its sort key, never by a count."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, tuple_
from sqlalchemy.orm import Session

Key = tuple[ColumnElement[Any], bool]
"""A sort key, and whether it descends. The keys of an order together name a row."""


def after(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition for rows that come after the one with these values of the keys.

    Where all keys go the same way it is one comparison, which an index answers from the row on.
    """
    ways = {descends for _column, descends in keys}
    if len(ways) == 1:
        row = tuple_(*(column for column, _descends in keys))
        return row < tuple(values) if ways == {True} else row > tuple(values)
    alternatives = []
    for place, (column, descends) in enumerate(keys):
        same = [earlier == value for (earlier, _), value in zip(keys[:place], values, strict=False)]
        further = column < values[place] if descends else column > values[place]
        alternatives.append(and_(*same, further))
    return or_(*alternatives)


def ordering(keys: Sequence[Key]) -> list[ColumnElement[Any]]:
    """The same keys for ORDER BY."""
    return [column.desc() if descends else column.asc() for column, descends in keys]


def read_page(
    session: Session,
    found: Select,  # type: ignore[type-arg]
    keys: Sequence[Key],
    types: Sequence[type[Any]],
    cursor: str,
    size: int,
) -> tuple[Sequence[Row], str]:  # type: ignore[type-arg]
    """One page of rows, each with its keys' values at its end, and the cursor of the next page ('' at the end)."""
    values = read_cursor(cursor, types) if cursor else None
    if values is not None:
        found = found.where(after(keys, values))
    page = found.add_columns(*(column for column, _descends in keys)).order_by(*ordering(keys)).limit(size + 1)
    rows = session.execute(page).all()
    return rows[:size], write_cursor(tuple(rows[size - 1])[-len(keys) :]) if len(rows) > size else ""


def write_cursor(values: Sequence[Any]) -> str:
    """The place after a row, as text for an address."""
    plain = [each.isoformat() if isinstance(each, datetime) else each for each in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read_cursor(cursor: str, types: Sequence[type[Any]]) -> tuple[Any, ...] | None:
    """The values that `write_cursor` wrote; None for anything else, which is to say the first page."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = tuple(_typed(value, kind) for value, kind in zip(plain, types, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return values


def _typed(value: Any, kind: type[Any]) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if type(value) is not kind or (kind is int and abs(value) >= 2**63):
        raise TypeError(kind)
    if kind is str:
        value.encode()  # half a surrogate pair is no text for the database
    return value
