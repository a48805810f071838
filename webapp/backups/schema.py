"""Versions of the tables: which this Holystone knows, and a file brought to the newest of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, NullPool, create_engine

from webapp.database import ENGINE_OPTIONS, MIGRATIONS, prepare

POOL = ("pool_size", "max_overflow")


@cache
def known_versions() -> tuple[str, ...]:
    """All versions, the newest first."""
    return tuple(each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


def newest_version() -> str:
    """The version that this Holystone works with."""
    return known_versions()[0]


def engine_for(file: Path) -> Engine:
    """A file of records opened as the application opens its own, without a connection that stays open."""
    options = {name: value for name, value in ENGINE_OPTIONS.items() if name not in POOL}
    return prepare(create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool, **options))


def bring_to_newest(file: Path) -> None:
    """Run the migrations that a file is missing, in one transaction; makes the file where there is none."""
    migrate(file, "head")


def migrate(file: Path, version: str) -> None:
    """The same, up to a version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = engine_for(file)
    command.upgrade(config, version)
