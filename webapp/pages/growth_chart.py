"""The line of /space: how large the registry was on each day. Pure.

It is drawn into a square of a thousand by a hundred that stretches with the page; its labels stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from webapp.pages.filters import counted, in_bytes
from webapp.pages.run_chart import round_bytes

WIDTH, HEIGHT = 1000, 100
FEWEST_DAYS = 2
MOST_POINTS = 400
DAYS_LISTED = 31
MOST_LISTED = 120


@dataclass(frozen=True, slots=True)
class Day:
    """The figures of a day; what a collection would have freed is None where nobody knew."""

    day: date
    size_bytes: int
    in_trash_bytes: int
    collectable_bytes: int | None


@dataclass(frozen=True, slots=True)
class Growth:
    """What `space/_growth.html` draws: the points of the line, those of the area below it, and a sentence for both."""

    line: str
    area: str
    label: str
    most: str
    since: date
    until: date
    listed: tuple[Day, ...]


def growth(days: Sequence[Day]) -> Growth | None:
    """The line over some days, the first one first; None where there are too few for one."""
    if len(days) < FEWEST_DAYS:
        return None
    first, last = days[0], days[-1]
    most = round_bytes(max(each.size_bytes for each in days))
    length = (last.day - first.day).days
    points = [
        (WIDTH * (each.day - first.day).days / length, HEIGHT * (1 - each.size_bytes / most)) for each in _some(days)
    ]
    line = " ".join(f"{x:.1f},{y:.2f}" for x, y in points)
    return Growth(
        line=line,
        area=f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}",
        label=_label(first, last, length),
        most=in_bytes(round(most)),
        since=first.day,
        until=last.day,
        listed=tuple(listed(days)),
    )


def listed(days: Sequence[Day]) -> list[Day]:
    """The days that the table names, the last one first: a month of them, and before that the last of each month."""
    recent, earlier = days[-DAYS_LISTED:], days[:-DAYS_LISTED]
    months = {(each.day.year, each.day.month): each for each in earlier}
    return [*reversed(recent), *reversed(months.values())][:MOST_LISTED]


def _some(days: Sequence[Day]) -> Sequence[Day]:
    """Not more than can be told apart; the first and the last are among them."""
    step = -(-len(days) // MOST_POINTS)
    return [*days[:-1:step], days[-1]]


def _label(first: Day, last: Day, length: int) -> str:
    change = last.size_bytes - first.size_bytes
    grown = f"{'grown' if change >= 0 else 'shrunk'} by {in_bytes(abs(change))}"
    words = f"The registry has {grown} in {counted(length, 'day')}, from {in_bytes(first.size_bytes)}"
    return f"{words} to {in_bytes(last.size_bytes)}."
