"""The records: one SQLite file, short transactions.

`reading()` and `writing()` open them. A function that only reads or changes rows takes the `Session` they yield
and never commits; a function that acts on the outside world takes `writing` itself and calls nothing outside
while a transaction is open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from pysqlite3 import dbapi2
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    TypeDecorator,
    UnaryExpression,
    event,
    func,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, registry
from sqlalchemy.sql.operators import custom_op

Reading = Callable[[], AbstractContextManager[Session]]
Writing = Callable[[], AbstractContextManager[Session]]

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
OLDEST_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_MS = 10_000


class DatabaseTooOld(RuntimeError):
    """The SQLite that was found can corrupt a file that several connections write to."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC. SQLite has no time zones, so they are taken off and put back here."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value else None


def _words_of(states: type[StrEnum]) -> Enum:
    """Keep an enum as the words of its values, so that the file can be read without the code."""
    return Enum(states, native_enum=False, length=40, values_callable=lambda each: [member.value for member in each])


NAMES_OF_CONSTRAINTS = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables inherit. The names of constraints are fixed, so that migrations can speak of them."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMES_OF_CONSTRAINTS),
        type_annotation_map={datetime: Moment(), StrEnum: _words_of(StrEnum)},
    )


db = SQLAlchemy(model_class=Base)

ENGINE_OPTIONS: dict[str, Any] = {
    "module": dbapi2,
    "hide_parameters": True,  # an error of the database says what was asked, and not with which token or password
    "connect_args": {"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
    "pool_size": 20,
    "max_overflow": 20,
}


def is_of_a_model(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares something. A table without a model is part of an index that SQLite keeps in tables."""
    return kind != "table" or name in Base.metadata.tables


def refuse_old_sqlite(version: tuple[int, ...] = dbapi2.sqlite_version_info) -> None:
    """Raise DatabaseTooOld before 3.51.3: its WAL-reset bug loses data (reference/reliability.md 0.6)."""
    if version >= OLDEST_SQLITE:
        return
    found = ".".join(map(str, version))
    raise DatabaseTooOld(
        f"SQLite {found} can corrupt Holystone's records; 3.51.3 or newer is needed. Run `make setup`, which installs one."
    )


def prepare(engine: Engine) -> Engine:
    """Set the pragmas of every connection, and let BEGIN be sent by us instead of by the driver."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an intent that a power cut takes back is no intent
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Any) -> None:
    # A transaction that reads first and writes later gets SQLITE_BUSY at once, whatever the time-out says.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def version_of(session: Session) -> str | None:
    """The version that the records have; None before any migration."""
    if session.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")) is None:
        return None
    version: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def once_written(session: Session, act: Callable[[], object]) -> None:
    """Call `act` when the transaction in hand is committed, and not at all where it is taken back."""
    event.listen(session, "after_commit", lambda _session: act(), once=True)


def among(column: InstrumentedAttribute[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
    """`column IN values`, for any number of values: they travel as one JSON text, since variables are limited."""
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))


def unindexed(column: InstrumentedAttribute[Any]) -> UnaryExpression[Any]:
    """`+column`, of which SQLite uses no index: where few rows are sorted, and where another one's order is walked.

    Source: https://sqlite.org/optoverview.html, "Disqualifying WHERE Clause Terms Using Unary "+"".
    """
    return UnaryExpression(column.expression, operator=custom_op("+"), type_=column.type)


def reading_from(engine: Engine) -> Reading:
    """Make `reading`: a context manager with a Session that sees one state of the records and changes nothing."""

    @contextmanager
    def reading() -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session  # closed, not rolled back: that would empty the rows that the caller keeps

    return reading


def writing_to(engine: Engine) -> Writing:
    """Make `writing`: a context manager with a Session in a short BEGIN IMMEDIATE, committed at its end."""
    immediate = engine.execution_options(immediate=True)

    @contextmanager
    def writing() -> Iterator[Session]:
        with Session(immediate, expire_on_commit=False) as session, session.begin():
            yield session

    return writing
