"""Who uses the records: each process that opens them holds a lock of the kernel beside them, for as long as it lives.

The lock ends with the process, however that ends. It is on a file of its own, `…-lock`: SQLite has locks on the others.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.backups.files import made_for_owner
from webapp.maintenance.kernel_locks import locks_on, name_of

log = logging.getLogger(__name__)

POLL_S = 0.1


class InUse(Exception):
    """Another process uses the records; the text is a sentence that names it where it can be seen."""


class Use:
    """The lock of this process, shared with others; `alone` makes it exclusive."""

    def __init__(self, records: Path) -> None:
        self.file = records.with_name(f"{records.name}-lock")
        self._descriptor = made_for_owner(self.file, os.O_CREAT | os.O_RDWR)
        weakref.finalize(self, os.close, self._descriptor)

    def share(self) -> None:
        """Say that this process uses the records; waits while another one has them for itself."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @contextmanager
    def alone(self, wait_s: float = 0.0) -> Iterator[None]:
        """Have the records for this process only. What has them open in this process is not seen.

        Raises:
            InUse: another process uses them, and still did after `wait_s`.
        """
        give_up = time.monotonic() + wait_s
        while not self._taken():
            if time.monotonic() >= give_up:
                self.share()
                raise InUse(self._sentence())
            time.sleep(POLL_S)
        try:
            yield
        finally:
            self.share()

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _sentence(self) -> str:
        try:
            others = {each.pid for each in locks_on(self.file)} - {os.getpid()}
        except OSError:
            others = set()
        named = ", ".join(f"{each} ({name_of(each) or 'not seen'})" for each in sorted(others))
        return f"The records are in use{f', by process {named}' if named else ''}. Stop Holystone first."


_of_this_process: weakref.WeakValueDictionary[Path, Use] = weakref.WeakValueDictionary()


def use_of(records: Path) -> Use:
    """The lock of this process on some records: one, since two of one process would keep each other out.

    It is let go when nobody keeps what is returned.
    """
    use = _of_this_process.get(records)
    if use is None:
        use = _of_this_process[records] = Use(records)
    return use


def use(records: Path) -> Use | None:
    """Say that this process uses the records. None where that cannot be said: that keeps nobody from using them."""
    try:
        found = use_of(records)
        found.share()
    except OSError as error:
        log.warning("It cannot be said that the records are in use", extra={"reason": str(error)})
        return None
    return found
