"""A dry run of the collector, for what it says of manifests: it marks every one that the registry has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from webapp.runtime import orders
from webapp.runtime.collector_output import collected, marking_manifest, why_not_succeeded
from webapp.runtime.orders import Ended, KeeperError, Kind, Order, Result

log = logging.getLogger(__name__)

LONGEST_S = 120.0
GRACE_S = 10.0
POLL_S = 0.02


def marked_manifests(
    folder: Path, longest_s: float = LONGEST_S, monotonic: Callable[[], float] = time.monotonic
) -> dict[str, frozenset[str]] | None:
    """Each repository's manifests, tagged or not, from a dry run made now; None where none could be made.

    The caller sees to it that nobody else orders meanwhile.
    """
    token = orders.new_token()
    try:
        orders.send_order(folder, Order(token, Kind.DRY_RUN, longest_s))
        result = _wait(folder, token, monotonic, longest_s + GRACE_S)
        if result is None or result.ended != Ended.DONE:
            return None
        problem = why_not_succeeded(result.exit_code, collected(orders.output_lines(folder)))
        if problem:
            log.warning("The dry run does not tell the untagged manifests: %s", problem)
            return None
        return _by_repository(folder)
    except KeeperError as error:
        log.info("The keeper does not tell the untagged manifests: %s", error)
        return None


def _wait(folder: Path, token: str, monotonic: Callable[[], float], longest_s: float) -> Result | None:
    until = monotonic() + longest_s
    while monotonic() < until:
        result = orders.read_result(folder, token)
        if result is not None:
            return result
        time.sleep(POLL_S)
    return None


def _by_repository(folder: Path) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for each in marking_manifest(orders.output_lines(folder)):
        found.setdefault(each.repository, set()).add(each.digest)
    return {repository: frozenset(digests) for repository, digests in found.items()}
