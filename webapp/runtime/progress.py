"""How far a collector is, from what it prints while it goes on (2.8 and 3.x: `registry/storage/garbagecollect.go`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from webapp.runtime.collector_output import BLOB, MARKED, summary_in

PIECE_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Progress:
    """What was read so far. `blobs_eligible` is None until the collector begins to delete."""

    manifests_marked: int = 0
    blobs_eligible: int | None = None
    blobs_deleted: int = 0
    offset: int = 0
    rest: bytes = b""


def read_on(folder: Path, progress: Progress) -> None:
    """Take in what was printed since the last time; a file that cannot be read says nothing new."""
    try:
        descriptor = os.open(folder / "output", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        piece = os.pread(descriptor, PIECE_BYTES, progress.offset)
    except OSError:
        return
    finally:
        os.close(descriptor)
    progress.offset += len(piece)
    *lines, progress.rest = (progress.rest + piece).split(b"\n")
    for line in lines:
        _take(line.decode("utf-8", "replace"), progress)


def _take(line: str, progress: Progress) -> None:
    if BLOB.fullmatch(line):
        progress.blobs_deleted += 1
    elif MARKED.fullmatch(line):
        progress.manifests_marked += 1
    elif summary := summary_in(line):
        progress.blobs_eligible = summary.blobs_eligible
