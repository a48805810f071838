"""What somebody types to find something: a part of a name, a whole reference, a digest or its beginning."""

from __future__ import annotations

import re
from dataclasses import dataclass

SHORTEST_DIGEST = 6
"""So many hexadecimal digits without their algorithm are looked for among the digests, too."""

ALGORITHMS = ("sha256", "sha384", "sha512")
_DIGEST = re.compile(r"(?:(sha256|sha384|sha512):)?([0-9a-f]{1,128})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for.

    Attributes:
        name: a part of a repository's name, or of a tag's; empty where only digests are looked for.
        tag: of `team/api:1.4` what follows the colon; None where there is none, and a tag may have `name` in it.
        digests: where the digests that are looked for begin, each with its algorithm: 'sha256:4ab3…'.
    """

    name: str
    tag: str | None = None
    digests: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is looked for."""
        return not (self.name or self.tag or self.digests)


def read_needle(typed: str, public_name: str = "") -> Needle:
    """Understand what was typed. A reference may have the registry's `public_name` in front, as a pull command has it."""
    text = "".join(filter(str.isprintable, typed)).strip()
    if public_name:
        text = text.removeprefix(f"{public_name}/")
    before, at, digest = text.rpartition("@")
    found = _DIGEST.fullmatch(digest)
    if found and (at or found[1]):
        return Needle("", digests=_beginnings(found))
    if found and len(found[2]) >= SHORTEST_DIGEST:
        return Needle(text, digests=_beginnings(found))
    name, colon, tag = (before if at else text).rpartition(":")
    return Needle(name, tag) if colon and name else Needle(tag)


def begins_digest(typed: str) -> tuple[str, ...]:
    """Where the digests begin that somebody may mean; none where it can be no digest."""
    return read_needle(typed).digests


def _beginnings(found: re.Match[str]) -> tuple[str, ...]:
    algorithms = (found[1].lower(),) if found[1] else ALGORITHMS
    return tuple(f"{each}:{found[2].lower()}" for each in algorithms)
