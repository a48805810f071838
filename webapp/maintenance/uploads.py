"""Whether an upload moves: a run waits for a moment in which none does, since a push does not survive a restart."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from webapp.maintenance.store_tree import folders_in, repositories

QUIET_S = 3.0
SLICE_S = 0.25


def wait_for_quiet(
    store: Path, monotonic: Callable[[], float], within_s: float, quiet_s: float, may_go_on: Callable[[], bool]
) -> bool:
    """Wait until no upload has moved for `quiet_s` seconds; whether that came about. Unreadable, a store is quiet.

    Args:
        within_s: no look is begun after that many seconds.
        may_go_on: asked several times a second; once it says no, the wait is over.
    """
    give_up = monotonic() + within_s
    before = _uploads(store)
    while True:
        until = monotonic() + quiet_s
        while monotonic() < until:
            if not may_go_on():
                return False
            time.sleep(min(SLICE_S, quiet_s / 4))
        now = _uploads(store)
        if now == before:
            return True
        if monotonic() >= give_up:
            return False
        before = now


def _uploads(store: Path) -> dict[str, tuple[int, int]]:
    """What has come of each upload that is under way, and when one began or ended in each repository.

    The folder's own time tells of uploads that came and went between two looks: small blobs take milliseconds.
    """
    found = {}
    try:
        for _, folder, own in repositories(store):
            if "_uploads" in own:
                uploads = f"{folder}/_uploads"
                found[uploads] = _written(uploads)
                for each in folders_in(uploads):
                    found[f"{uploads}/{each}"] = _written(f"{uploads}/{each}/data")
    except OSError:
        return {}
    return found


def _written(path: str) -> tuple[int, int]:
    """Its size and when it was written last; zeros where nothing has come yet, or it has ended."""
    try:
        found = os.stat(path)  # noqa: PTH116 a Path for each of many would take longer than the look
    except FileNotFoundError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)
