"""Rectangles of a treemap: as large as what they stand for, beside one another, and all of the room is taken."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.pages.treemap import Box, squarified

SIZES = st.lists(st.integers(1, 10**15), min_size=1, max_size=40).map(lambda sizes: sorted(sizes, reverse=True))
SIDES = st.tuples(st.floats(50, 2000), st.floats(50, 2000))
ROUNDED = 0.01
"""Percents are written with three digits."""


@given(SIZES, SIDES)
def test_each_is_as_large_as_what_it_stands_for(sizes: list[int], sides: tuple[float, float]) -> None:
    boxes = squarified(sizes, *sides)
    for size, box in zip(sizes, boxes, strict=True):
        share = box.width * box.height / 100**2
        assert share == pytest.approx(size / sum(sizes), abs=2 * ROUNDED / 100)


@given(SIZES, SIDES)
def test_none_stands_upon_another_or_outside(sizes: list[int], sides: tuple[float, float]) -> None:
    boxes = squarified(sizes, *sides)
    for box in boxes:
        assert -ROUNDED <= box.x <= box.x + box.width <= 100 + ROUNDED
        assert -ROUNDED <= box.y <= box.y + box.height <= 100 + ROUNDED
    for one, other in combinations(boxes, 2):
        assert _common(one, other) <= ROUNDED


def _common(one: Box, other: Box) -> float:
    """The smaller side of what two boxes have in common."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, min(width, height))


def test_equal_sizes_make_squares() -> None:
    assert squarified([1, 1, 1, 1], 100, 100) == [
        Box(0, 0, 50, 50),
        Box(0, 50, 50, 50),
        Box(50, 0, 50, 50),
        Box(50, 50, 50, 50),
    ]


def test_the_example_of_the_paper_comes_out() -> None:
    """6 by 4 with 6, 6, 4, 3, 2, 2, 1: the first two stand above each other, in a row of half the width."""
    first, second, third, *_rest = squarified([6, 6, 4, 3, 2, 2, 1], 6, 4)
    assert (first, second) == (Box(0, 0, 50, 50), Box(0, 50, 50, 50))
    assert third == Box(50, 0, 28.571, 58.333)


def test_nothing_has_no_boxes() -> None:
    assert squarified([], 100, 100) == []
    assert squarified([5], 0, 100) == [Box(0, 0, 0, 0)]
