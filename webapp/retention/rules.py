"""What a rule keeps and what it takes of one repository. Pure: facts in, a decision for each tag out.

A rule says what stays. A tag goes only where no line of the rule keeps it, it is on no digest that a tag which stays is
on, and everything that has to be known of it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.removal.remover import fitting
from webapp.retention.limits import MOST_UNTAGGED


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule says; `RetentionRule` tells what each means. An empty line keeps nothing."""

    keep_newest: int | None = None
    keep_days: int | None = None
    keep_tags: tuple[str, ...] = ()
    untagged_days: int | None = None
    may_take_last_tag: bool = False

    @property
    def takes_tags(self) -> bool:
        """Whether it says which tags stay. Where it does not, all do."""
        return self.keep_newest is not None or self.keep_days is not None or bool(self.keep_tags)


class Line(StrEnum):
    """What decides of a tag or an untagged manifest: a line of the rule, or what holds for every rule."""

    NEWEST = "newest"
    YOUNGER = "younger"
    PATTERN = "pattern"
    PROTECTED = "protected"
    UNKNOWN = "unknown"
    SIBLING = "sibling"
    LAST_TAG = "last-tag"
    NO_LINE = "no-line"
    IN_TRASH = "in-trash"
    OLDER = "older"
    LATER = "later"
    RULE_IS_OFF = "rule-is-off"
    NO_RULE = "no-rule"


GOES = (Line.NO_LINE, Line.OLDER)
"""Everything else keeps."""


@dataclass(frozen=True, slots=True)
class TagFact:
    """A tag that is subject to rules. `digest` is empty where it is not known what it is on."""

    name: str
    digest: str
    pushed_at: datetime


@dataclass(frozen=True, slots=True)
class UntaggedFact:
    """A manifest that nothing leads to. `first_seen_at` is None where nobody knows it any more."""

    digest: str
    first_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision needs to know of a repository.

    `tags` has neither signatures and their like nor stand-ins: they are not subject to rules. `in_trash` are digests
    that the trash holds.
    """

    tags: Sequence[TagFact]
    untagged: Sequence[UntaggedFact] = ()
    in_trash: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a tag, or of an untagged manifest (`name` is empty then), and by which line.

    `detail` is the tag whose digest it shares, or the pattern that fits it.
    """

    name: str
    digest: str
    at: datetime | None
    line: Line
    detail: str = ""

    @property
    def goes(self) -> bool:
        """Whether the rule takes it."""
        return self.line in GOES


def decide(terms: Terms, facts: Facts, protected: tuple[str, ...], now: datetime) -> list[Decision]:
    """Decide of every tag and every untagged manifest of a repository, the newest first.

    Args:
        protected: patterns of tags that stay whatever a rule says.
    """
    tags = sorted(facts.tags, key=lambda tag: tag.pushed_at, reverse=True)
    by_lines = _by_lines(terms, tags, protected, now)
    by_lines |= _last_tag(terms, tags, by_lines)
    by_lines |= _siblings(tags, by_lines)
    taken = [Decision(tag.name, tag.digest, tag.pushed_at, *by_lines.get(tag.name, (Line.NO_LINE, ""))) for tag in tags]
    untagged = [_of_untagged(terms, each, facts.in_trash, now) for each in facts.untagged]
    return taken + _oldest_first(untagged)


Found = dict[str, tuple[Line, str]]
"""Of the tags that stay: what keeps each, and the detail of it."""


def _by_lines(terms: Terms, tags: Sequence[TagFact], protected: tuple[str, ...], now: datetime) -> Found:
    """What stays by itself; the first reason of several is the one that is told."""
    since = _newest_since(terms, tags)
    found: Found = {}
    for tag in tags:
        if not tag.digest:
            found[tag.name] = Line.UNKNOWN, ""
        elif fitting(protected).fullmatch(tag.name):
            found[tag.name] = Line.PROTECTED, ""
        elif fitting(terms.keep_tags).fullmatch(tag.name):
            found[tag.name] = Line.PATTERN, _first_fitting(terms.keep_tags, tag.name)
        elif since is not None and tag.pushed_at >= since:
            found[tag.name] = Line.NEWEST, ""
        elif terms.keep_days is not None and tag.pushed_at > now - timedelta(days=terms.keep_days):
            found[tag.name] = Line.YOUNGER, ""
        elif not terms.takes_tags:
            found[tag.name] = Line.NO_RULE, ""
    return found


def _newest_since(terms: Terms, tags: Sequence[TagFact]) -> datetime | None:
    """The push of the last of the newest that stay: all that are as old as it stay, too, so none is picked by chance."""
    if not terms.keep_newest:
        return None
    known = [tag for tag in tags if tag.digest]
    return known[min(terms.keep_newest, len(known)) - 1].pushed_at if known else None


def _last_tag(terms: Terms, tags: Sequence[TagFact], found: Found) -> Found:
    """Where nothing of a repository would stay, its newest tags do."""
    known = [tag for tag in tags if tag.digest]
    if terms.may_take_last_tag or not known or any(tag.name in found for tag in known):
        return {}
    return {tag.name: (Line.LAST_TAG, "") for tag in known if tag.pushed_at == known[0].pushed_at}


def _siblings(tags: Iterable[TagFact], found: Found) -> Found:
    """A tag stays that is on the digest of one that stays."""
    stays: dict[str, str] = {}
    for tag in tags:
        if tag.digest and tag.name in found:
            stays.setdefault(tag.digest, tag.name)
    return {
        tag.name: (Line.SIBLING, stays[tag.digest]) for tag in tags if tag.name not in found and tag.digest in stays
    }


def _of_untagged(terms: Terms, fact: UntaggedFact, in_trash: Collection[str], now: datetime) -> Decision:
    if terms.untagged_days is None:
        line = Line.NO_RULE
    elif fact.digest in in_trash:
        line = Line.IN_TRASH
    elif fact.first_seen_at is None:
        line = Line.UNKNOWN
    else:
        line = Line.OLDER if fact.first_seen_at < now - timedelta(days=terms.untagged_days) else Line.YOUNGER
    return Decision("", fact.digest, fact.first_seen_at, line)


def _oldest_first(untagged: list[Decision]) -> list[Decision]:
    """The same, with no more going than a run takes at once; the rest is left to the next one."""
    going = sorted((each for each in untagged if each.goes), key=lambda each: (each.at is not None, each.at))
    later = [replace(each, line=Line.LATER) for each in going[MOST_UNTAGGED:]]
    return [*going[:MOST_UNTAGGED], *later, *(each for each in untagged if not each.goes)]


def _first_fitting(patterns: tuple[str, ...], name: str) -> str:
    return next(each for each in patterns if fitting((each,)).fullmatch(name))
