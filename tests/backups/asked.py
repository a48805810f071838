"""Questions to a file of records, and processes that are killed while they write one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pysqlite3 import dbapi2


def ask(file: Path, question: str, *values: object) -> list[Any]:
    """The rows that answer a question."""
    with closing(dbapi2.connect(str(file), isolation_level=None)) as connection:
        return list(connection.execute(question, values))


def everything(file: Path) -> dict[str, list[Any]]:
    """All rows of all tables."""
    names = ask(file, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    return {name: sorted(ask(file, f'SELECT * FROM "{name}"'), key=repr) for (name,) in names if name[:7] != "sqlite_"}


def is_whole(file: Path) -> bool:
    return ask(file, "PRAGMA integrity_check") == [("ok",)] and ask(file, "PRAGMA foreign_key_check") == []


def killed_at(point: str, act: Callable[[], object]) -> None:
    """Carry out `act` in a process of its own, which is killed instead of calling what `point` names."""

    def kill(*_arguments: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            with patch(point, kill):
                act()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{point} was not reached"
