"""What a file of records, or a backup, holds, and whether it is whole.

A backup is a database as the records are, with one table more, `backup`, that says of itself what it is. So any version of
Holystone can open it in the place of its records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from webapp.backups.files import DATABASE_ERRORS, opened, words_of
from webapp.version import VERSION

OURS = frozenset({"alembic_version", "users", "activities", "removals", "leases"})
"""Tables that records have had since their first version."""

MADE = "CREATE TABLE backup (name VARCHAR NOT NULL PRIMARY KEY, value VARCHAR NOT NULL)"


class NotWhole(Exception):
    """A file is damaged, or no records of ours at all; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in a file that is whole.

    Attributes:
        schema: the version of its tables.
        rows: how many each table has.
        made_at: when the backup was made; None for records that are none.
        holystone: the version that made the backup.
        settings: names of the settings that were not at their default. Their values are in no backup.
    """

    schema: str
    rows: Mapping[str, int]
    made_at: datetime | None = None
    holystone: str = ""
    settings: tuple[str, ...] = ()


def look_into(file: Path) -> Contents:
    """Open a file, check every page and reference of it, and say what it holds.

    Raises:
        NotWhole: it cannot be read, is damaged, or holds no records of Holystone's.
    """
    if not file.is_file():
        raise NotWhole(f"There is no file {file}.")
    try:
        with opened(file) as connection:
            return read_contents(connection, file)
    except DATABASE_ERRORS as error:
        raise NotWhole(f"{file.name} cannot be read: {words_of(error)}.") from error


def read_contents(connection: Any, file: Path) -> Contents:
    """The same through a connection that is open."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise NotWhole(f"{file.name} is damaged: {'; '.join(found)}.")
    rows = count_rows(connection)
    if not rows.keys() >= OURS:
        raise NotWhole(f"{file.name} holds no records of Holystone's.")
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise NotWhole(f"{file.name} is damaged: a row of {broken[0]} names one of {broken[2]} that is not there.")
    said = dict(connection.execute("SELECT name, value FROM backup")) if "backup" in rows else {}
    return Contents(
        schema=schema_of(connection),
        rows={name: count for name, count in rows.items() if name != "backup"},
        made_at=datetime.fromisoformat(said["made_at"]) if "made_at" in said else None,
        holystone=said.get("holystone", ""),
        settings=tuple(json.loads(said.get("settings", "[]"))),
    )


def count_rows(connection: Any) -> dict[str, int]:
    """How many rows each table has, without those in which SQLite keeps an index for search."""
    listed = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    ).fetchall()
    names = sorted(name for (name,) in listed if not name.startswith("sqlite_"))
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def schema_of(connection: Any) -> str:
    """The version of the tables; empty before any migration."""
    has_version = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_version else None
    return str(found[0]) if found else ""


def say_what_it_is(connection: Any, now: datetime, settings: tuple[str, ...]) -> None:
    """Write the table that makes a copy of the records a backup."""
    facts = {
        "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "holystone": VERSION,
        "settings": json.dumps(settings),
    }
    connection.execute("DROP TABLE IF EXISTS backup")
    connection.execute(MADE)
    connection.executemany("INSERT INTO backup VALUES (?, ?)", facts.items())
