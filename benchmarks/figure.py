"""A figure, how it stands to its target, and how figures are taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and what beside it. The target is a limit of `ratio` where it is in times, else of `value`.

    Attributes:
        unit: of `value` and `beside`: 'ms', 's', 'MB', 'bytes', '%', or what is counted.
        target: None where there is none, and the figure is shown for what it is.
        target_is_ratio: whether `target` limits the ratio of the two.
        slack: what `value` may be above a target that is a ratio, in its unit.
        least_ratio: what the ratio must reach; equal to the target where it is to be hit exactly.
        most_ratio: what the ratio may be beside a target that is none.
    """

    name: str
    value: float
    beside_name: str
    beside: float
    unit: str
    target: float | None
    target_is_ratio: bool
    slack: float = 0.0
    least_ratio: float = 0.0
    most_ratio: float = math.inf

    @property
    def ratio(self) -> float:
        """How many times as much as what ran beside it; 1 where both are nothing."""
        if self.beside == 0:
            return 1.0 if self.value == 0 else float("inf")
        return self.value / self.beside

    @property
    def is_ok(self) -> bool:
        """Whether the target is met."""
        if self.target is None:
            return True
        most = self.target * self.beside + self.slack if self.target_is_ratio else self.target
        return self.value <= most and self.least_ratio <= self.ratio <= self.most_ratio

    @property
    def target_words(self) -> str:
        """The target, for people; '' where there is none."""
        if self.target is None:
            return ""
        if not self.target_is_ratio:
            most = f", {self.most_ratio:g} times" if self.most_ratio < math.inf else ""
            return f"{self.target:g} {self.unit}{most}"
        least = f"{self.least_ratio:g} to " if self.least_ratio not in (0, self.target) else ""
        slack = f" + {self.slack:g} {self.unit}" if self.slack else ""
        exactly = "exactly " if self.least_ratio == self.target else ""
        return f"{exactly}{least}{self.target:g} times{slack}"

    @property
    def verdict(self) -> str:
        """'ok', 'missed', or '' where there is no target."""
        if self.target is None:
            return ""
        return "ok" if self.is_ok else "missed"


def in_turns(rounds: int, *prepare_and_run: Callable[[], Callable[[], object]]) -> list[float]:
    """Take each of some measurements in turns, `rounds` times after one for warmth; the median of each in ms.

    Each is a function that prepares a round and returns what is to be timed.
    """
    taken: list[list[float]] = [[] for _ in prepare_and_run]
    for number in range(rounds + 1):
        for kept, prepare in zip(taken, prepare_and_run, strict=True):
            run = prepare()
            elapsed = _timed_ms(run)
            if number:
                kept.append(elapsed)
    return [median(each) for each in taken]


def percentile_95_ms(run: Callable[[], object], times: int) -> float:
    """The time in ms within which 95 of 100 calls end."""
    return percentiles_95_ms(times, run)[0]


def percentiles_95_ms(times: int, *runs: Callable[[], object]) -> list[float]:
    """The same of several, called in turns."""
    taken = [[_timed_ms(run) for run in runs] for _ in range(times)]
    return [sorted(column)[int(times * 0.95)] for column in zip(*taken, strict=True)]


def _timed_ms(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000
