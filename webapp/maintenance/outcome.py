"""How a run ended, read from the keeper's result and from what the collector printed. Pure.

The exit code alone is believed nowhere: a collector that did not understand its arguments exits with 0
(distribution.md 3.8), so its summary must be there.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.maintenance.freed import Freed
from webapp.maintenance.models import RunOutcome
from webapp.maintenance.printed import Printed
from webapp.runtime.collector_output import why_not_succeeded
from webapp.runtime.orders import Ended, Phase, Result

_OUTCOMES = {Ended.CANCELLED: RunOutcome.STOPPED, Ended.INTERRUPTED: RunOutcome.INTERRUPTED}
_TELLS_NOT_WHY = (Ended.CANCELLED, Ended.EXPIRED, Ended.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class CutShort:
    """Why our side did not see an order through, and what the run's outcome is then."""

    outcome: RunOutcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run's row says at its end. Sizes are None where they could not be measured."""

    outcome: RunOutcome
    reason: str
    freed: Freed | None = None
    blobs: int | None = None
    manifests: int | None = None
    blobs_marked: int | None = None
    blobs_deleted: int | None = None
    seconds_without_push: float | None = None
    seconds_without_pull: float | None = None
    asks: str = ""
    obstacle: str = ""


def ending_of(result: Result | None, printed: Printed, cut: CutShort | None) -> Ending:
    """Judge a run.

    Args:
        result: the keeper's; None where it does not know the order any more.
        cut: why our side did not see the order through; None where it did.
    """
    outcome, reason = _judge(result, printed, cut)
    summary = printed.found.summary
    return Ending(
        outcome=outcome,
        reason=reason,
        blobs=summary.blobs_eligible if summary else None,
        manifests=summary.manifests_eligible if summary else None,
        blobs_marked=summary.blobs_marked if summary else None,
        blobs_deleted=printed.found.blobs_listed if summary else None,
        seconds_without_push=_seconds_without_push(result) if result else None,
    )


def _judge(result: Result | None, printed: Printed, cut: CutShort | None) -> tuple[RunOutcome, str]:
    if result is not None and result.exit_code is not None:  # the collector came to its end, whatever became of us
        problem = why_not_succeeded(result.exit_code, printed.found)
        return (RunOutcome.FAILED, problem) if problem else (RunOutcome.SUCCEEDED, "")
    if cut is not None and (result is None or result.ended in _TELLS_NOT_WHY):
        return cut.outcome, cut.sentence
    if result is None:
        return RunOutcome.INTERRUPTED, "The keeper knows nothing of this order any more."
    return _OUTCOMES.get(result.ended, RunOutcome.FAILED), result.reason


def _seconds_without_push(result: Result) -> float | None:
    """From the moment in which the writer was sent away until it answered again."""
    gone, back = result.began.get(Phase.DRAINING), result.began.get(Phase.SERVING)
    return None if gone is None or back is None else back - gone
