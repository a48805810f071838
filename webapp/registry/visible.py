"""Text from inside images, made visible: bounded, and with a sign in place of what a screen obeys and nobody sees.

`registry.text.plain_text` makes text safe to keep. This is for pages that show what somebody wrote as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from webapp.registry.text import cut

Item = TypeVar("Item")
Other = TypeVar("Other")

SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Some(Generic[Item]):
    """The first of some things, and how many there are beyond them."""

    items: tuple[Item, ...] = ()
    more: int = 0

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.items)


def first(found: Iterable[Item], most: int) -> Some[Item]:
    """At most `most` of some things."""
    everything = tuple(found)
    return Some(everything[:most], max(0, len(everything) - most))


def mapped(some: Some[Item], make: Callable[[Item], Other]) -> Some[Other]:
    """The same number of things, each made into another."""
    return Some(tuple(make(item) for item in some.items), some.more)


def visible(value: str, longest: int) -> str:
    """`value`, cut to `longest` characters, each unprintable one written as in a program: `\\n`, `\\x1b`, `\\u202e`."""
    short = cut(value, longest)
    return short if short.isprintable() else "".join(map(_sign, short))


def visible_pairs(value: Any, most: int, longest_key: int, longest_value: int) -> Some[tuple[str, str]]:
    """The pairs of texts of an object, such as labels or annotations, by key; none of what has another type."""
    if not isinstance(value, dict):
        return Some()
    texts = sorted((key, text) for key, text in value.items() if isinstance(text, str))
    return mapped(first(texts, most), lambda pair: (visible(pair[0], longest_key), visible(pair[1], longest_value)))


def _sign(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
