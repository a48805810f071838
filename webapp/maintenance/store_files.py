"""The blobs' data files of the registry's store, where this machine can read them: what was freed is measured here.

Layout: distribution.md 7.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from webapp.catalogue.store_blobs import BLOBS, blob_file

log = logging.getLogger(__name__)


def blob_sizes(store: Path | None) -> dict[str, int] | None:
    """Each blob's digest and size in bytes; None where the store is not named, or cannot be read wholly."""
    if store is None:
        return None
    try:
        if not (store / BLOBS).is_dir():
            return None
        return {
            f"{algorithm.name}:{blob.name}": size
            for algorithm in _folders(store / BLOBS)
            for prefix in _folders(algorithm)
            for blob in _folders(prefix)
            if (size := _data_size(Path(blob))) is not None
        }
    except OSError as error:
        log.warning("The store's blobs cannot be measured: %s", error)
        return None


def data_sizes(store: Path, digests: Iterable[str]) -> dict[str, int]:
    """The sizes in bytes of some blobs; those that are not there, or cannot be read, are left out."""
    found = {}
    for digest in digests:
        with suppress(OSError):
            found[digest] = blob_file(store, digest).stat().st_size
    return found


def freed_bytes(before: dict[str, int] | None, after: dict[str, int] | None) -> int | None:
    """Bytes of the blobs that are not there any more. What was pushed in between does not count against them."""
    if before is None or after is None:
        return None
    return sum(size for digest, size in before.items() if digest not in after)


def _folders(path: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []  # a collection took it away while we looked


def _data_size(blob: Path) -> int | None:
    try:
        return (blob / "data").stat().st_size
    except FileNotFoundError:
        return None
