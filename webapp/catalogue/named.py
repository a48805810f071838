"""Repositories that somebody names, for a registry that does not list what it holds (`HOLYSTONE_REPOSITORIES`)."""

from __future__ import annotations

from pathlib import Path

from webapp.registry.names import is_repository_name

Named = tuple[str, ...] | Path
"""The names, or the file that has one a line."""

LARGEST_FILE_BYTES = 16 * 1024 * 1024


def read_names(named: Named) -> tuple[frozenset[str], str]:
    """The names, and what is wrong with their file, as a sentence; empty for nothing.

    The file is read anew each time, so that a new name needs no restart. Empty lines and what follows `#` are left
    out; a line that is no name costs only itself.
    """
    if not isinstance(named, Path):
        return frozenset(named), ""
    try:
        with named.open(encoding="utf-8") as file:
            text = file.read(LARGEST_FILE_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "it cannot be opened") if isinstance(error, OSError) else "it is not text"
        return frozenset(), f"The file of HOLYSTONE_REPOSITORIES, {named}, cannot be read: {why}."
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    bad = [number for number, name in enumerate(lines, 1) if name and not is_repository_name(name)]
    names = frozenset(name for name in lines if is_repository_name(name))
    if not bad:
        return names, ""
    return names, f"Line {bad[0]} of {named} (HOLYSTONE_REPOSITORIES) is not the name of a repository."
