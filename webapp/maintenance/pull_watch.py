"""How long pulls pause during a run, seen from outside: somebody asks all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

EVERY_S = 0.05


@dataclass(slots=True)
class Pauses:
    """`seconds` without an answer in all; `since` is when the one that is not over yet began."""

    seconds: float = 0.0
    since: float | None = None

    def note(self, is_answered: bool, asked_at: float, now: float) -> None:
        """Take one question and its answer, both in seconds of one clock."""
        if not is_answered and self.since is None:
            self.since = asked_at
        if is_answered and self.since is not None:
            self.seconds += now - self.since
            self.since = None

    def until(self, now: float) -> float:
        """The seconds in all, also of the pause that is not over."""
        return self.seconds + (now - self.since if self.since is not None else 0.0)


@contextmanager
def watching(is_answered: Callable[[], bool], monotonic: Callable[[], float]) -> Iterator[Callable[[], float]]:
    """Ask every 50 ms, in a thread of its own; gives a function that says how many seconds were without an answer."""
    pauses, is_over = Pauses(), threading.Event()

    def ask() -> None:
        while not is_over.wait(EVERY_S):
            asked_at, answered = monotonic(), False
            with suppress(OSError):  # who cannot even ask is not answered
                answered = is_answered()
            pauses.note(answered, asked_at, monotonic())

    thread = threading.Thread(target=ask, name="pulls", daemon=True)
    thread.start()
    try:
        yield lambda: pauses.until(monotonic())
    finally:
        is_over.set()
        thread.join()
