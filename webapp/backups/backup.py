"""Make a backup: a copy of the records as they are at one moment, while everything runs, proved before it counts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from webapp.backups.contents import Contents, NotWhole, count_rows, look_into, say_what_it_is
from webapp.backups.files import DATABASE_ERRORS, in_one_file, is_left_over, opened, words_of, written_whole
from webapp.backups.restored import make_restored

PROOF = "holystone-proof-"


class BackupFailed(Exception):
    """There is no backup; what was there before is as it was. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, and what was found in it when it was restored for proof."""

    file: Path
    size_bytes: int
    contents: Contents


def records_file(settings: Settings) -> Path:
    """The file of the records."""
    return Path(settings.database_url.removeprefix("sqlite:///"))


def back_up(settings: Settings, file: Path, now: datetime, overwrite: bool = False) -> Backup:
    """Write the records into `file`.

    Args:
        overwrite: whether a file that is there may be replaced; it is, at the end and in one step.

    Raises:
        BackupFailed: also where the copy could not be restored.
    """
    records = records_file(settings)
    try:
        _refuse(records, file, overwrite)
        with written_whole(file) as new:
            copied = copy_records(records, new, now, settings.changed)
            contents = prove(new, copied, now)
    except NotWhole as problem:
        raise BackupFailed(f"No backup was made. {problem}") from problem
    except (*DATABASE_ERRORS, SQLAlchemyError) as error:
        raise BackupFailed(f"No backup was made: {words_of(error)}.") from error
    return Backup(file, file.stat().st_size, contents)


def _refuse(records: Path, file: Path, overwrite: bool) -> None:
    if not records.is_file():
        raise BackupFailed(f"There are no records: {records} is not there.")
    if file.exists() and not overwrite:
        raise BackupFailed(f"{file} is there already; nothing was written.")
    if file.exists() and file.samefile(records):
        raise BackupFailed(f"{file} is the records themselves.")


def copy_records(records: Path, new: Path, now: datetime, settings: tuple[str, ...]) -> Mapping[str, int]:
    """Copy one state of the records into the empty file `new`; returns how many rows each table of that state has.

    All in one step of SQLite's backup: others go on reading and writing, and what they write is not in it.
    """
    with opened(records) as source, closing(dbapi2.connect(str(new), isolation_level=None)) as target:
        source.execute("BEGIN")
        rows = count_rows(source)
        source.backup(target)
        in_one_file(target)
        _once(target, lambda: say_what_it_is(target, now, settings))
    return rows


def prove(file: Path, copied: Mapping[str, int], now: datetime) -> Contents:
    """Look at every page of a backup, compare it with what was copied, and restore it once.

    Raises:
        NotWhole: it is not what it has to be.
    """
    contents = look_into(file)
    if contents.rows != {name: count for name, count in copied.items() if name != "backup"}:
        raise NotWhole("The copy does not have the rows that the records had.")
    _forget_killed_proofs()
    with tempfile.TemporaryDirectory(prefix=PROOF) as folder:
        make_restored(file, Path(folder) / "restored.db", now)
    return contents


def _forget_killed_proofs() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PROOF}*"):
        if folder.stat().st_uid == os.geteuid() and is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _once(connection: Any, act: Callable[[], object]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    act()
    connection.execute("COMMIT")
