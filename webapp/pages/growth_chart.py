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
MOST_POINTS = 250
DAYS_LISTED = 14
MOST_LISTED = 75


Figures = tuple[date, int, int, int | None]
"""A day, how large the registry was on it, what the trash held, what a collection would have freed (None: not known)."""


@dataclass(frozen=True, slots=True)
class Day:
    """A line of the table."""

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


def growth(days: Sequence[Figures]) -> Growth | None:
    """The line over some days, the first one first; None where there are too few for one."""
    if len(days) < FEWEST_DAYS:
        return None
    first, last = days[0][0], days[-1][0]
    length = (last - first).days
    most = round_bytes(max(size_bytes for _day, size_bytes, *_rest in days))
    points = [
        (WIDTH * (day - first).days / length, HEIGHT * (1 - size_bytes / most))
        for day, size_bytes, *_rest in _some(days)
    ]
    line = " ".join(f"{x:.1f},{y:.2f}" for x, y in points)
    return Growth(
        line=line,
        area=f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}",
        label=_label(days[0][1], days[-1][1], length),
        most=in_bytes(round(most)),
        since=first,
        until=last,
        listed=tuple(Day(*each) for each in _listed(days)),
    )


def _listed(days: Sequence[Figures]) -> list[Figures]:
    """The last one first: some weeks of days, and before them the last day of each month."""
    recent, earlier = days[-DAYS_LISTED:], days[:-DAYS_LISTED]
    months = {(each[0].year, each[0].month): each for each in earlier}
    return [*reversed(recent), *reversed(months.values())][:MOST_LISTED]


def _some(days: Sequence[Figures]) -> Sequence[Figures]:
    """Not more than can be told apart; the first and the last are among them."""
    step = -(-len(days) // MOST_POINTS)
    return [*days[:-1:step], days[-1]]


def _label(first_bytes: int, last_bytes: int, days: int) -> str:
    change = last_bytes - first_bytes
    grown = f"{'grown' if change >= 0 else 'shrunk'} by {in_bytes(abs(change))}"
    words = f"The registry has {grown} in {counted(days, 'day')}, from {in_bytes(first_bytes)}"
    return f"{words} to {in_bytes(last_bytes)}."
