"""How fast a look at the registry goes, and whether it is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable

GoesOn = Callable[[], bool]
"""Whether a look may go on; False ends it, and what was read so far stays."""

LONGEST_WAIT_S = 0.2
"""After so long a wait it is asked again whether the look is to end."""


def at_a_pace(
    per_second: float, may_go_on: GoesOn, monotonic: Callable[[], float], wait: Callable[[float], object]
) -> GoesOn:
    """Make a function that waits for the caller's turn, from many threads at once: so many turns a second, evenly.

    It returns False, at once or in the middle of a wait, as soon as the look is to end.
    """
    lock = threading.Lock()
    next_at = monotonic()

    def turn() -> bool:
        nonlocal next_at
        with lock:
            mine = max(next_at, monotonic())
            next_at = mine + 1 / per_second
        while may_go_on():
            left_s = mine - monotonic()
            if left_s <= 0:
                return True
            wait(min(left_s, LONGEST_WAIT_S))
        return False

    return turn
