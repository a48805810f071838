"""Make the registry read-write, whatever the records say. Needs the keeper's folder and the registry, and no records."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from webapp.maintenance.proofs import ProofFailed, wait_until_accepted
from webapp.maintenance.waiting import RESTART, has_order
from webapp.registry.client import RegistryClient
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, Phase

WITHIN_S = 60.0
POLL_S = 0.05
COMMAND = "maintenance read-write"


class StillNotReadWrite(Exception):
    """The registry does not take writes; `sentence` says what it does, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def make_read_write(
    client: RegistryClient, folder: Path | None, monotonic: Callable[[], float], within_s: float = WITHIN_S
) -> str:
    """Cancel whatever the keeper is asked to do, wait, and prove that the registry takes writes; returns the proof.

    A collection that is under way is ended, which is safe: what it has deleted is gone, and nothing else is.

    Raises:
        StillNotReadWrite: it does not within `within_s` seconds.
    """
    until = monotonic() + within_s
    trouble = _cancel_and_wait(folder, monotonic, until) if folder is not None else ""
    try:
        return wait_until_accepted(client, monotonic, max(0.0, until - monotonic()))
    except ProofFailed as error:
        raise StillNotReadWrite(" ".join(each for each in (error.sentence, trouble, RESTART) if each)) from error


def _cancel_and_wait(folder: Path, monotonic: Callable[[], float], until: float) -> str:
    """Why the keeper is not serving at the end; '' where it is."""
    while True:
        try:
            state = orders.read_state(folder)
            is_idle = state.token is None and not has_order(folder)  # one that the keeper has not seen yet is one
            if state.phase == Phase.SERVING and (is_idle or state.kind == orders.Kind.DRY_RUN):
                return ""
            if state.token is not None:
                orders.send_cancel(folder, state.token)
            trouble = f"The keeper is {state.phase}. {state.sentence}".strip()
        except KeeperError as error:
            trouble = str(error)
        if monotonic() > until:
            return trouble
        time.sleep(POLL_S)
