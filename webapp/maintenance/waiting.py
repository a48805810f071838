"""Wait for the keeper: until an order is that far, or has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Result

POLL_S = 0.1
SILENT_S = 30.0


class KeeperLost(Exception):
    """The keeper is gone, or knows nothing of the order any more; `sentence` says which."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def wait_for(
    folder: Path,
    token: str,
    monotonic: Callable[[], float],
    is_that_far: Callable[[KeeperState], bool] = lambda _state: False,
    silent_s: float = SILENT_S,
) -> Result | None:
    """Wait until an order has ended, and return its result; None as soon as it is that far.

    There is no limit of ours: the keeper ends every order at its deadline, also when we are dead.

    Raises:
        KeeperLost: for `silent_s` the keeper did not answer, or had neither this order nor its result.
    """
    lost_at: float | None = None
    while True:
        problem = ""
        try:
            result = orders.read_result(folder, token)
            if result is not None:
                return result
            state = orders.read_state(folder)
            if state.token == token and is_that_far(state):
                return None
            if state.token != token and not (folder / "order").exists():
                problem = "The keeper knows nothing of this order any more."
        except KeeperError as error:
            problem = str(error)
        lost_at = (lost_at or monotonic()) if problem else None
        if lost_at is not None and monotonic() - lost_at > silent_s:
            raise KeeperLost(problem)
        time.sleep(POLL_S)
