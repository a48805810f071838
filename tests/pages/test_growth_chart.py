"""The line over the days: where its points are, what it says, and which days the table names."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from webapp.pages.growth_chart import DAYS_LISTED, MOST_LISTED, MOST_POINTS, Figures, growth

FIRST = date(2026, 1, 1)


def days(*sizes: int) -> list[Figures]:
    return [(FIRST + timedelta(days=number), size, 0, None) for number, size in enumerate(sizes)]


def test_it_begins_with_the_second_day() -> None:
    assert growth([]) is None
    assert growth(days(5)) is None
    assert growth(days(5, 6)) is not None


def test_its_points_are_where_day_and_size_are() -> None:
    drawn = growth([*days(0, 500), (FIRST + timedelta(days=10), 1000, 0, None)])
    assert drawn is not None
    assert drawn.line == "0.0,100.00 100.0,50.00 1000.0,0.00"
    assert drawn.area == f"0,100 {drawn.line} 1000,100"
    assert drawn.most == "1.00 kB"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((1_000, 3_000), "The registry has grown by 2.00 kB in 1 day, from 1.00 kB to 3.00 kB."),
        ((3_000, 2_000, 1_000), "The registry has shrunk by 2.00 kB in 2 days, from 3.00 kB to 1.00 kB."),
        ((0, 0), "The registry has grown by 0 B in 1 day, from 0 B to 0 B."),
    ],
)
def test_a_sentence_says_the_same(sizes: tuple[int, ...], words: str) -> None:
    drawn = growth(days(*sizes))
    assert drawn is not None
    assert drawn.label == words


def test_five_years_are_a_line_and_a_table_that_end_today() -> None:
    drawn = growth(days(*range(1, 1826)))
    assert drawn is not None
    points = drawn.line.split()
    assert len(points) <= MOST_POINTS + 1
    assert points[-1].startswith("1000.0,")
    assert drawn.listed[0].size_bytes == 1825
    assert len(drawn.listed) <= MOST_LISTED
    listed = [each.day for each in drawn.listed]
    assert listed == sorted(listed, reverse=True)
    assert all((each + timedelta(days=1)).day == 1 for each in listed[DAYS_LISTED + 1 :]), "the last of each month"


def test_sizes_that_nobody_can_believe_are_drawn() -> None:
    drawn = growth(days(0, 9 * 10**18))
    assert drawn is not None
    assert "0.0,100.00" in drawn.line
