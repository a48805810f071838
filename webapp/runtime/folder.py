"""The files in the folder that the keeper and the dashboard share: read within bounds, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

FILE_LIMIT_BYTES = 65536


class KeeperError(Exception):
    """The keeper cannot be asked; the text is a sentence for a person."""


class KeeperUnreadable(KeeperError):
    """The folder, or a file in it, cannot be used."""


def open_file(path: Path) -> BinaryIO:
    """The file, for reading; through no link, and without waiting for whoever writes to it."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def read_file(folder: Path, name: str) -> dict[str, Any] | None:
    """What the file says; None where there is none. Raises KeeperUnreadable."""
    try:
        with open_file(folder / name) as file:
            value = json.loads(file.read(FILE_LIMIT_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise KeeperUnreadable(f"The keeper's file {folder / name} cannot be read: {error}.") from error
    return value if isinstance(value, dict) else {}


def write_file(folder: Path, name: str, value: dict[str, Any]) -> None:
    """Whole or not at all: the keeper never sees half a file, and a full disk is an error here."""
    new = folder / f"{name}.new"
    try:
        with new.open("w", encoding="ascii") as file:
            json.dump(value, file)
            file.flush()
            os.fchmod(file.fileno(), 0o640)  # whatever our umask is: the keeper may be another user of our group
            os.fsync(file.fileno())
        new.rename(folder / name)
    except OSError as error:
        raise KeeperUnreadable(f"The keeper's folder {folder} cannot be written to: {error.strerror}.") from error
