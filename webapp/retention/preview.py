"""What the rules would take now, as far as the catalogue tells: the same function for the page, the command and a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from webapp.retention.facts import Named, facts_of, repositories
from webapp.retention.limits import why_too_many
from webapp.retention.listing import RuleInOrder, rule_for
from webapp.retention.rules import Decision, decide
from webapp.retention.space import Freed, freed_by


@dataclass(frozen=True, slots=True)
class Means:
    """What decides beside the rules.

    Attributes:
        protected: patterns of tags that stay whatever a rule says.
        share_percent: the share of a repository's tags that a run takes without asking.
    """

    protected: tuple[str, ...] = ()
    share_percent: int = 20


@dataclass(frozen=True)
class Foreseen:
    """What a rule would do to a repository."""

    repository: Named
    rule: RuleInOrder
    decisions: Sequence[Decision]
    share_percent: int

    @cached_property
    def tags(self) -> list[Decision]:
        """The tags that would go."""
        return [each for each in self.decisions if each.goes and each.name]

    @cached_property
    def untagged(self) -> list[Decision]:
        """The untagged manifests that would go."""
        return [each for each in self.decisions if each.goes and not each.name]

    @cached_property
    def tag_count(self) -> int:
        """How many of its tags are subject to rules."""
        return sum(1 for each in self.decisions if each.name)

    @property
    def why_it_waits(self) -> str:
        """Why a run would stop at it and ask; '' where it would not."""
        return why_too_many(len(self.tags), self.tag_count, self.share_percent)

    @property
    def fingerprint(self) -> str:
        """What a person agrees to who lets this repository go on."""
        told = hashlib.sha256()
        _tell(told, self)
        return told.hexdigest()

    def manifests(self) -> Iterator[tuple[int, str]]:
        """What would go, by the number of the repository and the digest."""
        for digest in {each.digest for each in (*self.tags, *self.untagged)}:
            yield self.repository.id, digest


@dataclass(slots=True)
class Sum:
    """What some repositories would lose together; `fingerprint` is of every name and digest of it."""

    repositories: int = 0
    tags_going: int = 0
    tags_staying: int = 0
    untagged_going: int = 0
    waiting: int = 0
    freed: Freed = field(default_factory=lambda: Freed(0, {}))
    fingerprint: str = ""


def foresee(
    session: Session,
    rules: Sequence[RuleInOrder],
    means: Means,
    now: datetime,
    only_rule: int | None = None,
    repository: str = "",
) -> Iterator[Foreseen]:
    """What the rules that are on would do, a repository after the other, by their names.

    Args:
        only_rule: this one alone, as if it were on.
        repository: this one alone; '' for all.
    """
    matched: dict[int, RuleInOrder] = {}
    wanted: list[Named] = []
    for each in repositories(session, repository):
        rule = rule_for(rules, each.name)
        if rule is not None and (rule.id == only_rule if only_rule is not None else rule.is_on):
            matched[each.id] = rule
            wanted.append(each)
    for each, facts in facts_of(session, wanted, now):
        rule = matched[each.id]
        yield Foreseen(each, rule, decide(rule.terms, facts, means.protected, now), means.share_percent)


class Totals:
    """Adds up what is foreseen, while it goes by."""

    def __init__(self) -> None:
        self.sum = Sum()
        self._told = hashlib.sha256()
        self._going: list[tuple[int, str]] = []

    def watch(self, foreseen: Iterable[Foreseen]) -> Iterator[Foreseen]:
        """The same repositories, counted."""
        for each in foreseen:
            going = len(each.tags)
            self.sum.repositories += 1
            self.sum.tags_going += going
            self.sum.tags_staying += each.tag_count - going
            self.sum.untagged_going += len(each.untagged)
            self.sum.waiting += bool(each.why_it_waits)
            self._going += each.manifests()
            _tell(self._told, each)
            yield each

    def count(self, foreseen: Iterable[Foreseen]) -> None:
        """Let them all go by."""
        for _each in self.watch(foreseen):
            continue

    @property
    def fingerprint(self) -> str:
        """Of every name and digest that has gone by."""
        return self._told.hexdigest()

    def end(self, session: Session) -> Sum:
        """All together, with the space that could come back."""
        self.sum.fingerprint = self.fingerprint
        self.sum.freed = freed_by(session, self._going)
        return self.sum


def sum_of_run(session: Session, rules: Sequence[RuleInOrder], means: Means, now: datetime) -> Sum:
    """What a run would take now; the repositories that it would not touch are counted as waiting, and no more."""
    totals, waiting = Totals(), 0
    for each in foresee(session, rules, means, now):
        if each.why_it_waits:
            waiting += 1
        else:
            totals.count([each])
    total = totals.end(session)
    total.waiting = waiting
    return total


def _tell(told: hashlib._Hash, foreseen: Foreseen) -> None:
    for each in (*foreseen.tags, *foreseen.untagged):
        told.update(f"{foreseen.rule.id}\n{foreseen.repository.name}\n{each.name}\n{each.digest}\n".encode())
