"""Put a backup in the place of the records. Those of before stay beside them, under a dated name.

At each moment there are whole records: the old ones until the new ones are on the disk, and then the new ones.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pysqlite3 import dbapi2
from sqlalchemy.exc import SQLAlchemyError

from webapp.backups.contents import Contents, NotWhole, look_into
from webapp.backups.files import BESIDE, DATABASE_ERRORS, in_one_file, opened, sync, words_of, written_whole
from webapp.backups.in_use import InUse, use_of
from webapp.backups.restored import make_restored

OPEN_ELSEWHERE = "The records are open in another process. Stop Holystone first."


class RestoreRefused(Exception):
    """Nothing was restored; the records are what they were. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored.

    Attributes:
        backup: what the backup said of itself.
        contents: what the records hold now.
        kept: where those of before are; None where there were none.
        users: who has another password than before, or may sign in again: as far as those of before can be read.
    """

    backup: Contents
    contents: Contents
    kept: Path | None
    users: tuple[str, ...]


def restore(records: Path, backup: Path, now: datetime, actor: str) -> Restored:
    """Make `backup` the records. No connection of this process may be open.

    Raises:
        RestoreRefused: the records are in use, or the backup is damaged, none of ours or of a newer version.
    """
    try:
        kept, is_anything_kept = _free_name(records, now), records.exists()
        with use_of(records).alone():
            before = look_into(backup)
            _refuse_themselves(records, backup)
            with written_whole(records) as new:
                contents = make_restored(backup, new, now, actor, kept.name if is_anything_kept else "")
                users = _users_to_look_at(records, new)
                _put_aside(records, kept)
    except (InUse, NotWhole) as problem:
        raise RestoreRefused(f"Nothing was restored. {problem}") from problem
    except (*DATABASE_ERRORS, SQLAlchemyError) as error:
        raise RestoreRefused(f"Nothing was restored: {words_of(error)}.") from error
    return Restored(before, contents, kept if is_anything_kept else None, users)


def _refuse_themselves(records: Path, backup: Path) -> None:
    if records.exists() and backup.samefile(records):
        raise NotWhole(f"{backup.name} is the records themselves.")


def _users_to_look_at(records: Path, new: Path) -> tuple[str, ...]:
    query = "SELECT name, password_hash FROM users WHERE disabled_at IS NULL"
    with opened(new) as connection:
        then = set(connection.execute(query))
    try:
        with opened(records) as connection:
            before = set(connection.execute(query))
    except DATABASE_ERRORS:  # damaged, or not there
        return ()
    return tuple(sorted(name for name, _hash in then - before))


def _put_aside(records: Path, kept: Path) -> None:
    """Give the records a second name, and leave nothing beside them that SQLite would take for the new ones'."""
    if records.exists():
        _fold(records)
        try:
            os.link(records, kept)
        except OSError:  # a file system without hard links
            shutil.copy2(records, kept)
            sync(kept)
    for name in BESIDE:
        beside = Path(f"{records}{name}")
        if beside.exists():
            beside.replace(f"{kept}{name}")
    sync(records.parent)


def _fold(records: Path) -> None:
    """Bring the records into their one file. Those that are damaged, which may be why we are here, stay as they are."""
    try:
        with opened(records, "rw") as connection:
            in_one_file(connection)
    except dbapi2.DatabaseError as error:
        if "locked" in str(error):
            raise InUse(OPEN_ELSEWHERE) from error


def _free_name(records: Path, now: datetime) -> Path:
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{records.name}.before-{stamp}{number}" for number in ("", *(f"-{each}" for each in range(2, 100))))
    return next(records.with_name(name) for name in names if not records.with_name(name).exists())
