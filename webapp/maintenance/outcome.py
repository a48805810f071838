"""How a run ended, read from the keeper's result and from what the collector printed. Pure.

The exit code alone is believed nowhere: a collector that did not understand its arguments exits with 0
(distribution.md 3.8), so its summary must be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.maintenance.models import RunKind, RunOutcome
from webapp.maintenance.store_files import freed_bytes
from webapp.runtime.collector_output import collected, deleted_blobs, why_not_succeeded
from webapp.runtime.orders import Ended, Phase, Result

_OUTCOMES = {
    Ended.DONE: RunOutcome.SUCCEEDED,
    Ended.CANCELLED: RunOutcome.STOPPED,
    Ended.INTERRUPTED: RunOutcome.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run's row says at its end. Sizes are None where they could not be measured."""

    outcome: RunOutcome
    reason: str
    bytes_freed: int | None = None
    bytes_predicted: int | None = None
    blobs: int | None = None
    manifests: int | None = None
    seconds_without_push: float | None = None


def ending_of(
    kind: RunKind,
    result: Result | None,
    lines: Sequence[str],
    before: dict[str, int] | None,
    after: dict[str, int] | None,
    problem: str = "",
) -> Ending:
    """Judge a run.

    Args:
        result: the keeper's; None where it does not know the order any more.
        lines: what the collector printed.
        before, after: sizes of the blobs' data files in bytes, where they could be read.
        problem: what went wrong on our side; '' where nothing did.
    """
    if result is None:
        return Ending(RunOutcome.INTERRUPTED, problem or "The keeper knows nothing of this order any more.")
    found = collected(lines)
    outcome, reason = _OUTCOMES.get(result.ended, RunOutcome.FAILED), problem or result.reason
    if outcome == RunOutcome.SUCCEEDED:
        reason = why_not_succeeded(result.exit_code, found) or problem
        outcome = RunOutcome.FAILED if reason else outcome
    return Ending(
        outcome=outcome,
        reason=reason,
        bytes_freed=freed_bytes(before, after) if kind == RunKind.COLLECT else None,
        bytes_predicted=None if before is None else sum(before.get(each, 0) for each in deleted_blobs(lines)),
        blobs=found.summary.blobs_eligible if found.summary else None,
        manifests=found.summary.manifests_eligible if found.summary else None,
        seconds_without_push=_seconds_without_push(result) if kind == RunKind.COLLECT else None,
    )


def _seconds_without_push(result: Result) -> float | None:
    """From the moment in which the writer was sent away until it answered again."""
    gone, back = result.began.get(Phase.DRAINING), result.began.get(Phase.SERVING)
    return None if gone is None or back is None else back - gone
