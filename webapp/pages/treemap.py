"""A treemap: rectangles within a rectangle, each as large as what it stands for, and as square as can be. Pure.

Places are percents of what contains a rectangle, so the drawing stretches with the page and its text does not.
Source: Bruls, Huizing, van Wijk, 'Squarified Treemaps', 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Where a rectangle is, in percent of what contains it."""

    x: float
    y: float
    width: float
    height: float

    def nominal(self, width: float, height: float) -> tuple[float, float]:
        """Its width and height in pixels, where what contains it has so many."""
        return self.width * width / 100, self.height * height / 100


def squarified(sizes: Sequence[float], width: float, height: float) -> list[Box]:
    """Boxes for some sizes, the largest first, in a rectangle of this width and height.

    Args:
        sizes: all above 0, in descending order.
    """
    if width <= 0 or height <= 0:
        return [Box(0, 0, 0, 0)] * len(sizes)
    boxes: list[Box] = []
    together = sum(sizes)
    areas = [size / together * width * height for size in sizes] if together else []
    x = y = 0.0
    left_width, left_height = width, height
    while areas:
        side = min(left_width, left_height)
        row = areas[: _fitting(areas, side)]
        thickness = min(sum(row) / side, max(left_width, left_height)) if side > 0 else 0.0
        along = 0.0
        for area in row:
            length = area / thickness if thickness > 0 else 0.0
            place = (
                (x, y + along, thickness, length) if left_width >= left_height else (x + along, y, length, thickness)
            )
            boxes.append(_in_percent(*place, width, height))
            along += length
        if left_width >= left_height:
            x, left_width = x + thickness, max(0.0, left_width - thickness)
        else:
            y, left_height = y + thickness, max(0.0, left_height - thickness)
        areas = areas[len(row) :]
    return boxes


def _fitting(areas: Sequence[float], side: float) -> int:
    """How many of the first areas stand in one row along a side, so that the longest of them is as short as can be."""
    best = float("inf")
    for number in range(1, len(areas) + 1):
        worst = _worst(areas[:number], side)
        if worst > best:
            return number - 1
        best = worst
    return len(areas)


def _worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of a length to a width in a row."""
    together = sum(row)
    least = min(row)
    if least <= 0 or together <= 0 or side <= 0:
        return float("inf")
    return max(side**2 * max(row) / together**2, together**2 / (side**2 * least))


def _in_percent(x: float, y: float, box_width: float, box_height: float, width: float, height: float) -> Box:
    return Box(
        round(100 * x / width, 3),
        round(100 * y / height, 3),
        round(100 * box_width / width, 3),
        round(100 * box_height / height, 3),
    )
