"""Wait for the keeper: until an order is that far, or has ended. Ask it to end one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Kind, Phase, Result

POLL_S = 0.1
SILENT_S = 30.0
UNKNOWN_S = 3.0
RETURN_S = 90.0
"""So long a registry may take to be started: the keeper itself waits for half a minute for its answer."""

LONGEST_ORDER_S = 7 * 86400.0
RESTART = "Restart the registry's service: the keeper starts it read-write."
_BEFORE_GO = (Phase.SERVING, Phase.PREPARING, Phase.DRAINING, Phase.HOLDING)
_UNKNOWN_ORDER = "The keeper knows nothing of this order any more."


class KeeperLost(Exception):
    """The keeper is gone, hangs, or knows nothing of the order any more; `sentence` says which."""

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

    There is no limit of ours but the keeper's own: it ends every order at its deadline, also when we are dead. Where it
    stays in a phase for longer than its limits allow, it hangs.

    Raises:
        KeeperLost: for SILENT_S seconds the keeper did not answer, for UNKNOWN_S it had neither this order nor its
            result, or it hangs.
    """
    last_heard, pace = monotonic(), _Pace()
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
                if pace.has_stopped(folder, state, last_heard):
                    raise KeeperLost(hangs_words(state))
        except KeeperError as error:
            problem, patience_s = str(error), SILENT_S
        if monotonic() - last_heard > patience_s:
            raise KeeperLost(problem)
        time.sleep(poll_s)


def hangs(folder: Path, state: KeeperState) -> bool:
    """Whether the keeper has been in its phase for longer than an order allows. One without an order may be so for ever."""
    return state.token is not None and _age_s(state) > _longest_s(folder, state)


def hangs_words(state: KeeperState) -> str:
    """What a keeper that hangs does, and for how long; with what it says itself where it only waits."""
    if state.token is None:
        return "The keeper does not answer: it has not taken the order."
    what = "waits" if state.sentence else "does not answer"
    age_s = _age_s(state)
    length = f"{age_s:.0f} s" if age_s < 120 else f"{age_s / 60:,.0f} minutes"
    return f"The keeper {what}: it has been {state.phase} for {length}. {state.sentence}".strip()


class _Pace:
    """Whether the keeper goes from phase to phase. What happened while nobody looked (a machine that slept) is no proof."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._until = 0.0

    def has_stopped(self, folder: Path, state: KeeperState, now_s: float) -> bool:
        """Whether it stays where it is for longer than it may; `now_s` is of the waiting one's clock."""
        seen = (state.phase, state.since_boottime_s, orders.is_cancelled(folder, state.token or ""))
        if seen != self._seen:
            is_to_end_now = state.phase != Phase.RETURNING and (state.token is None or seen[-1])
            left_s = SILENT_S if is_to_end_now else _longest_s(folder, state) - _age_s(state)
            self._seen, self._until = seen, now_s + max(SILENT_S, left_s)
        return now_s > self._until


def _longest_s(folder: Path, state: KeeperState) -> float:
    """For how long the keeper may be in this phase, in seconds, by its own limits and with some to spare."""
    if state.phase == Phase.RETURNING:
        return RETURN_S
    if state.phase == Phase.DRAINING:
        return state.drain_s + RETURN_S
    order = orders.read_order(folder, state.token or "")
    if order is None:
        return LONGEST_ORDER_S
    if state.phase != Phase.HOLDING:
        return order.deadline_s + SILENT_S
    length_s = order.go_s if order.kind == Kind.COLLECT else order.until_boottime_s - state.since_boottime_s
    return length_s + SILENT_S


def _age_s(state: KeeperState) -> float:
    return orders.boottime_s() - state.since_boottime_s


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
