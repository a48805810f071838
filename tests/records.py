"""A database of its own for each test, copied from an empty one that is made once a worker; and a clock to set.

A folder of tests gets them by importing them into its conftest.py.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

import webapp
from webapp.accounts import passwords
from webapp.database import ENGINE_OPTIONS, Base, Reading, Writing, prepare, reading_from, writing_to


@dataclass(frozen=True, slots=True)
class Records:
    """An empty database, opened as the application opens its own."""

    path: Path
    engine: Engine
    reading: Reading
    writing: Writing


class Clock:
    """A clock that goes only when told. Call it for the time, as `now` is called."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **length: float) -> None:
        """Go on by `seconds=…`, `minutes=…`, `days=…`."""
        self.at += timedelta(**length)


def open_records(path: Path) -> Records:
    """Open the database in the file `path`."""
    engine = prepare(create_engine(f"sqlite:///{path}", **ENGINE_OPTIONS))
    return Records(path, engine, reading_from(engine), writing_to(engine))


@pytest.fixture(scope="session")
def records_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with all tables; copy it, never change it."""
    for tables in Path(webapp.__path__[0]).glob("*/models.py"):
        importlib.import_module(f"webapp.{tables.parent.name}.models")
    records = open_records(tmp_path_factory.mktemp("records") / "template.db")
    Base.metadata.create_all(records.engine)
    records.engine.dispose()
    return records.path


@pytest.fixture
def records(tmp_path: Path, records_template: Path) -> Iterator[Records]:
    """An empty database with all tables."""
    records = open_records(Path(shutil.copy(records_template, tmp_path / "holystone.db")))
    yield records
    records.engine.dispose()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until told to go on."""
    return Clock()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take no time. They are of the same kind as the real ones."""
    monkeypatch.setattr(passwords, "hasher", passwords.make_hasher(memory_kib=8, rounds=1))
