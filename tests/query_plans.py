"""What a function asks the database, and how the database goes about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.records import Records

Statement = tuple[str, Any]


@contextmanager
def statements_of(records: Records) -> Iterator[list[Statement]]:
    """The statements that are sent while the block runs, with what they were given."""
    sent: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, given))

    event.listen(records.engine, "before_cursor_execute", note)
    yield sent
    event.remove(records.engine, "before_cursor_execute", note)


def plan_of(session: Session, statement: str, given: Any) -> str:
    """The steps by which SQLite answers a statement, a line each."""
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
    return "\n".join(row.detail for row in rows)
