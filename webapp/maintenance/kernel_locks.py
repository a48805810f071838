"""Who holds a lock on a file, as the kernel tells it in /proc/locks.

Only `flock` matters here, since the keeper takes no other. The process named is the one that took the lock, also where
its children have it by now. Locks of processes in a namespace that we cannot see are not listed, and some file systems
(btrfs, NFS) number their devices otherwise: where no lock is found, none has to be absent.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_LINE = re.compile(r"\d+:\s+(?:-> )?FLOCK\s+\S+\s+(\S+)\s+(\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s")


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock, held or waited for. `mode` is READ (shared) or WRITE (exclusive)."""

    pid: int
    mode: str


def locks_on(path: Path) -> list[Lock]:
    """All that can be seen. Raises OSError where the path, or /proc/locks, cannot be read."""
    found = path.stat()
    file = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    return [
        Lock(int(match[2]), match[1])
        for line in (PROC / "locks").read_text(encoding="ascii").splitlines()
        if (match := _LINE.match(line)) and (int(match[3], 16), int(match[4], 16), int(match[5])) == file
    ]


def is_of(pid: int, ancestor: int) -> bool:
    """Whether a process is `ancestor`, or comes from it."""
    while pid > 1 and pid != ancestor:
        try:
            pid = int((PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return False
    return pid == ancestor


def name_of(pid: int) -> str:
    """A process's name; empty where it has ended, or cannot be seen."""
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
