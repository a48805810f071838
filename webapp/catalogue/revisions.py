"""All manifests of a repository, tagged or not. No API lists the untagged ones, and a collection keeps every one.

They are read from the registry's store where this machine can read it, else from what a dry run of the collector
prints, else nobody knows them. Layout: distribution.md 7; output: distribution.md 3.8.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from webapp.database import Writing
from webapp.leases import KEEPER_LEASE, LeaseHeld, held
from webapp.registry.names import is_digest
from webapp.runtime.dry_run import marked_manifests

log = logging.getLogger(__name__)

LOOKING = "a look at the untagged manifests"
REPOSITORIES = "docker/registry/v2/repositories"

Lookup = Callable[[str], frozenset[str] | None]
"""The digests of a repository's manifests; None where they are not known."""

Revisions = Callable[[], Lookup]
"""Called at the beginning of a look; what it returns is as of then, or later."""


def nobody_knows(_repository: str) -> None:
    """Look up nothing: there is neither a store to read nor a keeper to ask."""


def unknown() -> Lookup:
    """Where nobody knows."""
    return nobody_knows


def revisions_in(store: Path | None, folder: Path | None, writing: Writing) -> Revisions:
    """How the manifests of this registry can be known.

    Args:
        store: the root directory of the registry's storage where it can be read.
        folder: the keeper's; None where there is none.
    """
    if store is not None:
        return lambda: lambda repository: read_in_store(store, repository)
    if folder is not None:
        return lambda: _by_dry_run(folder, writing)
    return unknown


def read_in_store(store: Path, repository: str) -> frozenset[str] | None:
    """The digests whose links are in the store; None where the store has no such repository or cannot be read."""
    folder = store / REPOSITORIES / repository / "_manifests"
    try:
        if not folder.is_dir():
            return None
        return frozenset(_linked(folder / "revisions"))
    except OSError as error:
        log.warning("The manifests of %s cannot be read in the store: %s", repository, error)
        return None


def stamp_in_store(store: Path, repository: str) -> tuple[int, ...]:
    """Changes when a manifest that the repository never had is pushed."""
    folder = store / REPOSITORIES / repository / "_manifests/revisions"
    try:
        return tuple((folder / algorithm).stat().st_mtime_ns for algorithm in sorted(_names_in(folder)))
    except OSError:
        return ()


def tags_in_store(store: Path, repository: str) -> dict[str, str]:
    """The tags of a repository with the digests that their links name; those whose link cannot be read are left out."""
    folder = store / REPOSITORIES / repository / "_manifests/tags"
    found: dict[str, str] = {}
    for tag in _names_in(folder):
        try:
            digest = (folder / tag / "current/link").read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
        if is_digest(digest):
            found[tag] = digest
    return found


def _linked(folder: Path) -> list[str]:
    """A manifest that was deleted leaves its folder behind, without the link."""
    return [
        f"{algorithm}:{name}"
        for algorithm in _names_in(folder)
        for name in _names_in(folder / algorithm)
        if _has_link(f"{folder}/{algorithm}/{name}")
    ]


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # thousands of names: no object for each
    except FileNotFoundError:
        return []


def _has_link(folder: str) -> bool:
    try:
        os.stat(f"{folder}/link")  # noqa: PTH116  # it may be empty for the moment in which it is written anew
        return True
    except FileNotFoundError:
        return False


def _by_dry_run(folder: Path, writing: Writing) -> Lookup:
    """One dry run tells of all repositories. It holds the lease of runs: the keeper has one order at a time."""
    marked: Mapping[str, frozenset[str]] | None
    try:
        with held(writing, KEEPER_LEASE, owner=LOOKING):
            marked = marked_manifests(folder)
    except LeaseHeld:
        marked = None
    return marked.get if marked is not None else unknown()
