"""SQLite files as files: opened without being made or changed, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pysqlite3 import dbapi2

DATABASE_ERRORS = (dbapi2.Error, OSError)
BUSY_S = 10.0
LEFT_OVER_AFTER_S = 86400.0
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database that is open, or was when its process died."""


@contextmanager
def opened(file: Path, mode: str = "ro") -> Iterator[Any]:
    """A connection to a database that is there already; with `ro` nothing can be changed through it."""
    address = f"file:{quote(str(file.absolute()))}?mode={mode}"
    with closing(dbapi2.connect(address, uri=True, isolation_level=None, timeout=BUSY_S)) as connection:
        yield connection


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A new file beside `file`, for its owner only, which takes its place at the end, and is on the disk by then.

    Whatever goes wrong, `file` is what it was, and the new one is deleted; what a killed process left is a day later.
    """
    _sweep(file)
    new = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
    try:
        os.close(made_for_owner(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        yield new
        sync(new)
        new.replace(file)
        sync(file.parent)
    finally:
        for name in ("", *BESIDE):
            Path(f"{new}{name}").unlink(missing_ok=True)


def made_for_owner(file: Path, flags: int) -> int:
    """Open a file that only its owner may read. Made by root, it belongs to whom its folder belongs to."""
    descriptor = os.open(file, flags, 0o600)
    if os.geteuid() == 0:
        of = file.parent.stat()
        os.fchown(descriptor, of.st_uid, of.st_gid)
    return descriptor


def words_of(error: BaseException) -> str:
    """What SQLite or the system says, without a path."""
    return str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def in_one_file(connection: Any) -> None:
    """Let the database need nothing beside its file. Fails where anybody else has it open."""
    connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def is_left_over(path: Path) -> bool:
    """Whether what has a name that is soon given up still has it a day later: its process was killed."""
    return time.time() - path.stat().st_mtime > LEFT_OVER_AFTER_S


def _sweep(file: Path) -> None:
    for left in file.parent.glob(f"{file.name}.*.new*"):
        if is_left_over(left):
            left.unlink(missing_ok=True)
