"""The filters of a repository's tags as addresses and forms have them, and the words for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webapp.catalogue.tag_filter import TagFilter
from webapp.pages.filters import counted, thousands

LONGEST = 300
MEGABYTE = 1_000_000
LARGEST = {"older": 36_500, "bigger": 10**9, "but": 10**6}
"""More than a century, a petabyte or a million tags is no filter but a slip."""

FIELDS = {"older": "age", "bigger": "size", "but": "the number of the newest"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody wants to see of a repository.

    Attributes:
        q: a part of a name, a pattern of one, or the beginning of a digest.
        older: days since the push; `bigger`: megabytes; `but`: how many of the newest are left out.
        untagged: manifests without a tag, in place of the tags.
        unread: the names of fields with something else in them than they take; those are not filtered by.
    """

    q: str = ""
    older: int | None = None
    bigger: int | None = None
    platform: str = ""
    but: int | None = None
    untagged: bool = False
    unread: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        """The same as an address or a form has it; what is not filtered by is left out."""
        given = {
            "q": self.q,
            "older": str(self.older or ""),
            "bigger": str(self.bigger or ""),
            "platform": self.platform,
            "but": str(self.but or ""),
            "untagged": "1" if self.untagged else "",
        }
        return {name: value for name, value in given.items() if value}

    @property
    def words(self) -> list[str]:
        """All but the text, as people say it."""
        return [words for _name, words in _words(self)]

    @property
    def unread_words(self) -> str:
        """What could not be understood, as people say it; empty where everything was."""
        return " and ".join(FIELDS[name] for name in self.unread)

    def wanted(self, now: datetime) -> TagFilter:
        """What the catalogue is asked for."""
        return TagFilter(
            self.q,
            now - timedelta(days=self.older) if self.older else None,
            self.bigger * MEGABYTE if self.bigger else None,
            self.platform,
            self.but,
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that can be taken away: its words, and the list without it."""

    words: str
    without: str


def read_filters(given: Mapping[str, str]) -> Filters:
    """The filters that an address or a form names."""
    numbers = {name: _number(given.get(name, ""), largest) for name, largest in LARGEST.items()}
    return Filters(
        q=given.get("q", "").strip()[:LONGEST],
        older=numbers["older"] or None,
        bigger=numbers["bigger"] or None,
        platform=given.get("platform", "").strip()[:LONGEST],
        but=numbers["but"] or None,
        untagged=bool(given.get("untagged")),
        unread=tuple(name for name, number in numbers.items() if number is None),
    )


def has_empty_fields(given: Mapping[str, str]) -> bool:
    """Whether a form was sent with fields that nobody filled in: the address can be shorter."""
    return any(not given.get(name, "-").strip() for name in ("q", *LARGEST, "platform"))


def chips(filters: Filters, address: Callable[[Filters], str]) -> list[Chip]:
    """A chip for each filter but the text, which stands in its field."""
    usual = Filters()
    return [Chip(words, address(replace(filters, **{name: getattr(usual, name)}))) for name, words in _words(filters)]


def _words(filters: Filters) -> list[tuple[str, str]]:
    found = []
    if filters.untagged:
        found.append(("untagged", "untagged"))
    if filters.older:
        found.append(("older", f"older than {counted(filters.older, 'day')}"))
    if filters.bigger:
        found.append(("bigger", f"bigger than {thousands(filters.bigger)} MB"))
    if filters.platform:
        found.append(("platform", f"for {filters.platform}"))
    if filters.but:
        found.append(("but", f"all but the newest {thousands(filters.but)}"))
    return found


def _number(text: str, largest: int) -> int | None:
    """0 for nothing, None for what is no number that the field takes."""
    plain = text.strip()
    if not plain:
        return 0
    if not (plain.isascii() and plain.isdigit() and len(plain) < 12):
        return None
    return int(plain) if 0 < int(plain) <= largest else None
