"""The map of /space: namespaces, and in each its repositories, as rectangles that lead there. Pure.

What is too small to be pressed stands together as one rectangle, so that there are never more than some sixty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from webapp.pages.treemap import Box, squarified

MOST_GROUPS = 12
MOST_TILES = 40

HEAD = 24
LETTER = 6.6
STRONG_LETTER = 7.6
PADDING = 12
"""Pixels: the height of a group's head, the width of a letter and of a strong one at most times, and what a text keeps from both edges."""

LEAST_WORDS = (48, 24)
LEAST_SECOND_LINE = 40
LEAST_HEAD = (64, 56)
"""Pixels: what is smaller has no text, no second line of it, or no head."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that takes space: `exclusive_bytes` of it are needed nowhere else. `label` is short, `words` tell all."""

    label: str
    size_bytes: int
    exclusive_bytes: int
    size_words: str
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A namespace with its repositories, the largest first; `rest` is what is not among them, where there is any."""

    whole: Part
    parts: Sequence[Part]
    rest: Part | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing for a width of the page: nominal pixels, and the least share of it that a rectangle is drawn for."""

    name: str
    width: int
    height: int
    least_share: float


WIDE = Frame("wide", 1200, 360, 1 / 400)
NARROW = Frame("narrow", 336, 448, 1 / 100)


@dataclass(frozen=True, slots=True)
class Tile:
    """One rectangle within a group. `own` percent of its height, from below, stand for what is needed nowhere else."""

    box: Box
    part: Part
    own: float
    label: str
    size_words: str


@dataclass(frozen=True, slots=True)
class Group:
    """One namespace; `label` is the text of its head, '' where it has none. `head` is its height in percent."""

    box: Box
    whole: Part
    label: str
    head: float
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class SpaceMap:
    """What `space/_map.html` draws."""

    frame: Frame
    groups: tuple[Group, ...]


def space_map(branches: Sequence[Branch], frame: Frame) -> SpaceMap:
    """Place some namespaces, or the repositories of one.

    Args:
        branches: in any order. Where there is one only, it needs no head.
    """
    shown = sorted((each for each in branches if each.whole.size_bytes > 0), key=lambda each: -each.whole.size_bytes)
    boxes = squarified([each.whole.size_bytes for each in shown], frame.width, frame.height)
    least_bytes = frame.least_share * sum(each.whole.size_bytes for each in shown)
    groups = tuple(
        _group(branch, box, frame, least_bytes, len(shown) > 1) for branch, box in zip(shown, boxes, strict=True)
    )
    return SpaceMap(frame, groups)


def _group(branch: Branch, box: Box, frame: Frame, least_bytes: float, may_have_head: bool) -> Group:
    width, height = box.nominal(frame.width, frame.height)
    has_head = may_have_head and width >= LEAST_HEAD[0] and height >= LEAST_HEAD[1] and bool(branch.parts)
    label = _cut(f"{branch.whole.label} · {branch.whole.size_words}", width, STRONG_LETTER) if has_head else ""
    parts = _large_enough(branch, least_bytes)
    inner_height = height - HEAD if label else height
    head = round(100 * HEAD / height, 3) if label else 0.0
    boxes = squarified([each.size_bytes for each in parts], width, inner_height)
    tiles = (_tile(part, each, width, inner_height) for part, each in zip(parts, boxes, strict=True))
    return Group(box, branch.whole, label, head, tuple(tiles))


def _large_enough(branch: Branch, least_bytes: float) -> list[Part]:
    """The parts that can be pressed, and the rest of the branch as one; the whole branch where none of them can."""
    large = [each for each in branch.parts if each.size_bytes >= least_bytes]
    left = [each for each in branch.parts if each.size_bytes < least_bytes]
    rest_bytes = sum(each.size_bytes for each in left) + (branch.rest.size_bytes if branch.rest else 0)
    if not large:
        return [branch.whole]
    if rest_bytes <= 0:
        return large
    whole = branch.whole
    rest = branch.rest or replace(whole, label="Others", words=f"The other repositories of {whole.label}")
    rest = replace(rest, size_bytes=rest_bytes, exclusive_bytes=0)
    return sorted([*large, rest], key=lambda each: -each.size_bytes)


def _tile(part: Part, box: Box, width: float, height: float) -> Tile:
    tile_width, tile_height = box.nominal(width, height)
    has_words = tile_width >= LEAST_WORDS[0] and tile_height >= LEAST_WORDS[1]
    label = _cut(part.label, tile_width) if has_words else ""
    second = label and tile_height >= LEAST_SECOND_LINE and _fits(part.size_words, tile_width)
    own = round(100 * part.exclusive_bytes / part.size_bytes, 2) if part.size_bytes else 0.0
    return Tile(box, part, own, label, part.size_words if second else "")


def _fits(text: str, width: float, letter: float = LETTER) -> bool:
    return len(text) * letter + PADDING <= width


def _cut(text: str, width: float, letter: float = LETTER) -> str:
    """As much of a text as fits, with a mark where it goes on; nothing where that would be a letter or two."""
    if _fits(text, width, letter):
        return text
    letters = int((width - PADDING) / letter) - 1
    return f"{text[:letters]}…" if letters >= 3 else ""
