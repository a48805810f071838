"""The folder into which the single file unpacked itself, and the process that waits for us.

Killed with KILL, the process that was started can neither end its child nor take the folder away (seen with PyInstaller
6.22): so the child asks the kernel to end it with its parent, and every start takes away the folders that nobody is in.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
SETTLED = ".settled"
UNPACKING_TAKES_LESS_S = 3600.0


def settle_in() -> None:
    """End with the process that was started; keep the folder for as long as we live; take away what others left behind."""
    end_with_parent()
    folder = Path(sys._MEIPASS)  # type: ignore[attr-defined]
    keep(folder)
    take_away_what_is_left(folder.parent, time.time())


def end_with_parent() -> None:
    """Ask the kernel for TERM when the parent ends; a parent that has ended already is nobody's program."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if not Path("/proc/self").exists():
        return  # an empty root: nobody can be looked up
    try:
        is_ours = Path(f"/proc/{os.getppid()}/exe").samefile(sys.executable)
    except OSError:
        is_ours = False
    if not is_ours:
        sys.exit("holystone: the process that was started ended at once.")


def keep(folder: Path) -> None:
    """Hold `folder` until this process and all its children have ended."""
    mark = os.open(folder / SETTLED, os.O_CREAT | os.O_RDWR, 0o600)
    os.set_inheritable(mark, True)
    fcntl.flock(mark, fcntl.LOCK_SH)


def take_away_what_is_left(parent: Path, now: float) -> None:
    """Remove each unpacked folder that nobody is in.

    Args:
        parent: where such folders are made.
        now: seconds since 1970. A folder without our mark is one that is being unpacked, or was an hour ago.
    """
    for folder in parent.glob("_MEI*"):
        try:
            if folder.stat().st_uid == os.geteuid() and _is_left(folder, now):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another process takes it away at this moment
            continue


def _is_left(folder: Path, now: float) -> bool:
    try:
        mark = os.open(folder / SETTLED, os.O_RDWR)
    except FileNotFoundError:
        return now - folder.stat().st_mtime > UNPACKING_TAKES_LESS_S
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(mark)
    return True
