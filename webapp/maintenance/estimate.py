"""How long pushes would stop for a collection. Pure. (How many bytes would come back, the dry run says itself.)

A collection marks what a dry run marks, at the same speed, and then deletes. So a dry run's duration is taken as it is,
and only what it cannot tell is learned from the past runs of this registry: what a deleted blob costs, and what the
two restarts of the registry add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OVERHEAD_S = 0.25
"""Two restarts and the proofs between them, before any run has told: seen with registry 2.8.2, idle, on a local disk."""

SWEEP_S = 0.00012
"""To delete one blob or manifest, before any run has told: seen with registry 2.8.2 on a local disk with a warm cache."""

PRIOR_WEIGHT = 0.1
"""How much the two constants count against one past run: little, but they decide what past runs leave open."""

UNTOLD_SPREAD = 1.0
LEAST_SPREAD = 0.15
MOST_SPREAD = 9.0
LEAST_SPREAD_S = 0.2
"""The range: a factor of two each way while no run has told, then between these parts, and never within 0.2 seconds."""


@dataclass(frozen=True, slots=True)
class EstimateFacts:
    """What a dry run told.

    Attributes:
        dry_run_s: how long it took, in seconds.
        manifests: how many it would delete (none, for as long as untagged ones are kept).
        blobs_marked: how many it would keep.
        blobs_eligible: how many it would delete.
    """

    dry_run_s: float
    manifests: int
    blobs_marked: int
    blobs_eligible: int

    @property
    def to_delete(self) -> int:
        """What the sweep would have to do: blobs and manifests."""
        return self.blobs_eligible + self.manifests


@dataclass(frozen=True, slots=True)
class PastRun:
    """A collection of this registry: what was known before it, and for how many seconds it then took no push."""

    facts: EstimateFacts
    seconds_without_push: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """For how many seconds a collection would take no push, and the range."""

    seconds: float
    seconds_least: float
    seconds_most: float


def estimate(facts: EstimateFacts, past: Sequence[PastRun] = ()) -> Estimate:
    """Estimate a collection.

    Args:
        facts: of a dry run made just now.
        past: collections of the same registry that succeeded; the latest dozen or so, in any order.
    """
    overhead_s, sweep_s = _costs(past)
    seconds = _seconds(facts, overhead_s, sweep_s)
    spread = _spread(past, overhead_s, sweep_s)
    return Estimate(
        seconds=seconds,
        seconds_least=max(0.0, min(seconds / (1 + spread), seconds - LEAST_SPREAD_S)),
        seconds_most=max(seconds * (1 + spread), seconds + LEAST_SPREAD_S),
    )


def _seconds(facts: EstimateFacts, overhead_s: float, sweep_s: float) -> float:
    return max(0.0, facts.dry_run_s + overhead_s + sweep_s * facts.to_delete)


def _costs(past: Sequence[PastRun]) -> tuple[float, float]:
    """The overhead and the cost of one deletion, both in seconds: the line through what past runs took beyond marking.

    The line is that of least squares. Two made-up runs, of nothing and of as much as the largest had to delete, that
    cost what the constants say, count a little: so one past run is enough, and several of one size are, too.
    """
    most = max([each.facts.to_delete for each in past], default=0)
    points = [(0, OVERHEAD_S, PRIOR_WEIGHT), (most, OVERHEAD_S + SWEEP_S * most, PRIOR_WEIGHT)]
    points += [(each.facts.to_delete, each.seconds_without_push - each.facts.dry_run_s, 1.0) for each in past]
    weight = sum(each for _, _, each in points)
    mean_count = sum(count * each for count, _, each in points) / weight
    mean_s = sum(seconds * each for _, seconds, each in points) / weight
    variance = sum(each * (count - mean_count) ** 2 for count, _, each in points)
    covariance = sum(each * (count - mean_count) * (seconds - mean_s) for count, seconds, each in points)
    sweep_s = max(0.0, covariance / variance) if variance else SWEEP_S
    return mean_s - sweep_s * mean_count, sweep_s


def _spread(past: Sequence[PastRun], overhead_s: float, sweep_s: float) -> float:
    """By which part the truth may lie above the estimate, or the estimate above the truth."""
    if not past:
        return UNTOLD_SPREAD
    worst = max(_miss(_seconds(each.facts, overhead_s, sweep_s), each.seconds_without_push) for each in past)
    return min(MOST_SPREAD, max(LEAST_SPREAD, worst) * (1 + 1 / len(past)))


def _miss(estimated_s: float, taken_s: float) -> float:
    """By which part the larger of the two is above the smaller."""
    least = min(estimated_s, taken_s)
    return UNTOLD_SPREAD if least <= 0 else max(estimated_s, taken_s) / least - 1
