"""Wait for the keeper: until an order is that far, or has ended. Ask it to end one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Phase, Result

POLL_S = 0.1
SILENT_S = 30.0
UNKNOWN_S = 3.0
_BEFORE_GO = (Phase.SERVING, Phase.PREPARING, Phase.DRAINING, Phase.HOLDING)
_UNKNOWN_ORDER = "The keeper knows nothing of this order any more."


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
    poll_s: float = POLL_S,
) -> Result | None:
    """Wait until an order has ended, and return its result; None as soon as it is that far.

    There is no limit of ours: the keeper ends every order at its deadline, also when we are dead.

    Raises:
        KeeperLost: for SILENT_S seconds the keeper did not answer, or for UNKNOWN_S it had neither this order nor
            its result.
    """
    last_heard = monotonic()
    while True:
        problem, patience_s = _UNKNOWN_ORDER, UNKNOWN_S
        try:
            is_known = has_order(folder)  # asked first: the keeper puts an order away after its result is written
            result = orders.read_result(folder, token)
            if result is not None:
                return result
            state = orders.read_state(folder)
            if state.token == token and is_that_far(state):
                return None
            if state.token == token or (is_known and state.token is None):
                last_heard = monotonic()
        except KeeperError as error:
            problem, patience_s = str(error), SILENT_S
        if monotonic() - last_heard > patience_s:
            raise KeeperLost(problem)
        time.sleep(poll_s)


def cancel(folder: Path, token: str) -> None:
    """Ask the keeper to end an order. What the collector has deleted by then is gone; nothing else is."""
    try:
        orders.send_cancel(folder, token)
    except KeeperError:
        return  # without 'go' it returns by itself, and after 'go' at the deadline


def cancel_before_go(folder: Path, token: str) -> None:
    """Ask the keeper to end an order that it is not collecting for yet. One that has begun may go on to its end."""
    try:
        state = orders.read_state(folder)
    except KeeperError:
        return  # it answers an order from before its start as interrupted
    if state.token is None or (state.token == token and state.phase in _BEFORE_GO):
        cancel(folder, token)
    elif state.token.startswith(f"{token}-dry-"):
        cancel(folder, state.token)


def has_order(folder: Path) -> bool:
    """Whether an order lies there that the keeper has not answered yet; there is one at a time."""
    try:
        return (folder / "order").exists() or (folder / "order.taken").exists()
    except OSError:
        return False  # the folder cannot be read, which its state says in a sentence
