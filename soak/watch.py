"""Looks at the registry from outside, several times a second: since when can nobody push?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from soak.acting import Acting
from tests.runtime.keeper_process import accepts_writes

EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which no write would have been taken."""

    began: datetime
    seconds: float


class Watch(Acting):
    """A thread that asks from `start` until `stop`; a stretch that has not ended then is counted up to it."""

    def __init__(self, url: str) -> None:
        super().__init__([self._look_on])
        self._url = url
        self.stretches: list[Stretch] = []

    def longest(self) -> Stretch | None:
        """The longest of all; None where there was none."""
        return max(self.stretches, key=lambda each: each.seconds, default=None)

    def _look_on(self) -> None:
        since: tuple[datetime, float] | None = None
        while not self._over.wait(EVERY_S):
            if not accepts_writes(self._url):
                since = since or (datetime.now(UTC), time.monotonic())
            elif since:
                self._note(since)
                since = None
        if since:
            self._note(since)

    def _note(self, since: tuple[datetime, float]) -> None:
        self.stretches.append(Stretch(since[0], time.monotonic() - since[1]))
