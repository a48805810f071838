"""Something that goes on in threads of its own until it is told to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

ENDS_WITHIN_S = 120.0


class Acting:
    """Each act in a thread of its own. An act waits for `_over` in its loop, and returns when that is set."""

    def __init__(self, acts: Iterable[Callable[[], None]]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=act, daemon=True) for act in acts]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, after what is in hand."""
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(ENDS_WITHIN_S)
