"""The folders of the registry's store that belong to repositories. Layout: distribution.md 7."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LAYOUT = "docker/registry/v2"
REPOSITORIES = f"{LAYOUT}/repositories"
OWN_FOLDERS = frozenset({"_layers", "_manifests", "_uploads"})


def repositories(store: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Each repository's name, its folder, and which of its own folders it has. Names are as the disk has them.

    Raises:
        OSError: a folder cannot be read; one that vanishes meanwhile is no error.
    """
    top = str(store / REPOSITORIES)
    os.stat(top)  # noqa: PTH116 a store without any is not one that is empty
    waiting = [("", top)]
    while waiting:
        name, folder = waiting.pop()
        inner = folders_in(folder)
        own = OWN_FOLDERS.intersection(inner)
        if name and own:
            yield name, folder, own
        waiting += [(f"{name}/{each}" if name else each, f"{folder}/{each}") for each in inner if each[0] != "_"]


def folders_in(folder: str) -> list[str]:
    """The names of the folders in a folder; none where it has vanished."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []


def start_of(path: str, most_bytes: int) -> bytes | None:
    """At most that many of a file's bytes; None where there is no such file."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(most_bytes)
    except (FileNotFoundError, IsADirectoryError):
        return None


def shown(name: str) -> str:
    """A name from the disk, for people: what is not text in it is marked."""
    return os.fsencode(name).decode("utf-8", "replace")
