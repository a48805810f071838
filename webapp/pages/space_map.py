"""The map of /space: namespaces, and in each its repositories, as rectangles that lead there. Pure.

What is too small to be pressed stands together as one rectangle, so that there are never more than some sixty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.pages.filters import counted, in_bytes
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
    """A namespace with its largest repositories; of the others, how many there are and what they take."""

    whole: Part
    parts: Sequence[Part]
    others: int = 0
    others_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Others:
    """The namespaces that are no branches: how many there are, what they take, and where they are listed."""

    number: int
    size_bytes: int
    address: str


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


def space_map(branches: Sequence[Branch], others: Others | None, frame: Frame) -> SpaceMap:
    """Place some namespaces and all others as one rectangle, or, without `others`, the repositories of one."""
    together = sum(each.whole.size_bytes for each in branches) + (others.size_bytes if others else 0)
    least_bytes = max(1, frame.least_share * together)
    shown = [each for each in branches if each.whole.size_bytes >= least_bytes]
    left = [each.whole for each in branches if each.whole.size_bytes < least_bytes]
    if others:
        shown += _together(others, left, least_bytes)
    shown.sort(key=lambda each: -each.whole.size_bytes)
    boxes = squarified([each.whole.size_bytes for each in shown], frame.width, frame.height)
    groups = (_group(each, box, frame, least_bytes, len(shown) > 1) for each, box in zip(shown, boxes, strict=True))
    return SpaceMap(frame, tuple(groups))


def _together(others: Others, left: Sequence[Part], least_bytes: float) -> list[Branch]:
    """All other namespaces and those that are too small, unless they are too small together."""
    size_bytes = others.size_bytes + sum(each.size_bytes for each in left)
    if size_bytes < least_bytes:
        return []
    label, size = counted(others.number + len(left), "other namespace"), in_bytes(size_bytes)
    return [Branch(Part(label, size_bytes, 0, size, f"{label}: {size}", others.address), [])]


def _group(branch: Branch, box: Box, frame: Frame, least_bytes: float, may_have_head: bool) -> Group:
    width, height = box.nominal(frame.width, frame.height)
    parts = _large_enough(branch, least_bytes)
    has_head = may_have_head and width >= LEAST_HEAD[0] and height >= LEAST_HEAD[1] and parts != [branch.whole]
    label = _cut(f"{branch.whole.label} · {branch.whole.size_words}", width, STRONG_LETTER) if has_head else ""
    inner_height = height - HEAD if label else height
    head = round(100 * HEAD / height, 3) if label else 0.0
    boxes = squarified([each.size_bytes for each in parts], width, inner_height)
    tiles = (_tile(part, each, width, inner_height) for part, each in zip(parts, boxes, strict=True))
    return Group(box, branch.whole, label, head, tuple(tiles))


def _large_enough(branch: Branch, least_bytes: float) -> list[Part]:
    """The parts that can be pressed, and all others of the branch as one; the whole branch where none of them can."""
    large = [each for each in branch.parts if each.size_bytes >= least_bytes]
    left = [each for each in branch.parts if each.size_bytes < least_bytes]
    others_bytes = branch.others_bytes + sum(each.size_bytes for each in left)
    if not large:
        return [branch.whole]
    if others_bytes <= 0:
        return large
    number, size = branch.others + len(left), in_bytes(others_bytes)
    words = f"{counted(number, 'other repository', 'other repositories')} of {branch.whole.label}: {size}"
    others = Part(counted(number, "other"), others_bytes, 0, size, words, branch.whole.address)
    return sorted([*large, others], key=lambda each: -each.size_bytes)


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
