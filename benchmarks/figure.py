"""A figure, how it stands to its target, and how figures are taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and what beside it. The target is a limit of `ratio` where it is in times, else of `value`.

    Attributes:
        unit: of `value` and `beside`: 'ms' or 'MB'.
        target_is_ratio: whether `target` limits the ratio of the two.
    """

    name: str
    value: float
    beside_name: str
    beside: float
    unit: str
    target: float
    target_is_ratio: bool

    @property
    def ratio(self) -> float:
        """How many times as much as what ran beside it."""
        return self.value / self.beside

    @property
    def is_ok(self) -> bool:
        """Whether the target is met."""
        return (self.ratio if self.target_is_ratio else self.value) <= self.target


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
    return sorted(_timed_ms(run) for _ in range(times))[int(times * 0.95)]


def _timed_ms(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000
