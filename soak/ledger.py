"""What the registry acknowledged, and what Holystone said that it deleted: everything else must pull."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from demo.build import Built

DELETED_BY_ITS_WORD = ("deleted", "already-gone")
KEPT_BY_ITS_WORD = ("kept",)


class Standing(StrEnum):
    """Whether something has to pull. `at-stake` while somebody deletes it; `unknown` where nobody said how that ended."""

    KEPT = "kept"
    AT_STAKE = "at-stake"
    DELETED = "deleted"
    UNKNOWN = "unknown"


@dataclass
class Entry:
    """A tag or a digest of a repository whose PUT was answered with 201. `changes` counts how often it was at stake."""

    repository: str
    reference: str
    built: Built
    standing: Standing = Standing.KEPT
    changes: int = 0

    @property
    def name(self) -> str:
        """As the command names it."""
        return f"{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"


@dataclass
class Family:
    """What one push made: its tags, their manifest, and what goes with it (platforms, a signature).

    `is_whole` once the push has ended, well or not: before, nobody deletes of it.
    """

    repository: str
    tags: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)
    is_whole: bool = False

    @property
    def entries(self) -> list[Entry]:
        """All of it."""
        return [*self.tags, *self.others]

    @property
    def kept_tags(self) -> list[Entry]:
        """Its tags that nobody has touched."""
        return [each for each in self.tags if each.standing is Standing.KEPT]

    @property
    def is_untouched(self) -> bool:
        """Whether the push has ended, and nobody deletes or knows nothing of a part."""
        doubtful = (Standing.AT_STAKE, Standing.UNKNOWN)
        return self.is_whole and not any(each.standing in doubtful for each in self.entries)


class Ledger:
    """All families. Each method may be called from any thread."""

    def __init__(self) -> None:
        self._families: list[Family] = []
        self._lock = threading.Lock()

    def begin(self, repository: str) -> Family:
        """A push begins."""
        family = Family(repository)
        with self._lock:
            self._families.append(family)
        return family

    def acknowledged(self, family: Family, reference: str, built: Built, *, is_main_tag: bool = False) -> None:
        """A PUT of a manifest was answered with 201."""
        with self._lock:
            (family.tags if is_main_tag else family.others).append(Entry(family.repository, reference, built))

    def entries(self, standing: Standing) -> list[Entry]:
        """All that stand so."""
        with self._lock:
            return [each for family in self._families for each in family.entries if each.standing is standing]

    def families(self, fits: Callable[[Family], bool]) -> list[Family]:
        """The families that fit."""
        with self._lock:
            return [each for each in self._families if fits(each)]

    def any_kept(self, choose: random.Random) -> tuple[Entry, int] | None:
        """Something that has to pull, and its `changes` now; None where there is nothing."""
        with self._lock:
            kept = [each for family in self._families for each in family.entries if each.standing is Standing.KEPT]
            if not kept:
                return None
            entry = choose.choice(kept)
            return entry, entry.changes

    def had_to_pull(self, entry: Entry, changes: int) -> bool:
        """Whether it had to pull all the time since `any_kept` gave these `changes`."""
        with self._lock:
            return entry.standing is Standing.KEPT and entry.changes == changes

    def put_at_stake(self, entries: Iterable[Entry]) -> list[Entry]:
        """Somebody begins to delete these; returns those of them that were kept until now."""
        with self._lock:
            taken = [each for each in entries if each.standing is Standing.KEPT]
            for each in taken:
                each.standing, each.changes = Standing.AT_STAKE, each.changes + 1
        return taken

    def settle(self, at_stake: Iterable[Entry], answer: Mapping[str, Any] | None) -> Counter[Standing]:
        """What became of them by the command's own answer; None where it gave none, so that nothing is known.

        What the answer does not name was not deleted.
        """
        said = _outcomes(answer) if answer is not None else None
        count: Counter[Standing] = Counter()
        with self._lock:
            for each in at_stake:
                each.standing = _standing(said, each)
                count[each.standing] += 1
        return count


def _outcomes(answer: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    tags = {(each["repository"], each["tag"]): each.get("outcome", "kept") for each in answer["tags"]}
    manifests = {(each["repository"], each["digest"]): each.get("outcome", "kept") for each in answer["manifests"]}
    return tags | manifests


def _standing(said: Mapping[tuple[str, str], str] | None, entry: Entry) -> Standing:
    if said is None:
        return Standing.UNKNOWN
    outcome = said.get((entry.repository, entry.reference), "kept")
    if outcome in DELETED_BY_ITS_WORD:
        return Standing.DELETED
    return Standing.KEPT if outcome in KEPT_BY_ITS_WORD else Standing.UNKNOWN
