"""The rules in their order, and which of them counts for a repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.removal.remover import fitting
from webapp.retention.models import RetentionRule
from webapp.retention.rules import Terms


def all_rules(session: Session) -> Sequence[RetentionRule]:
    """All rules, in the order in which they are tried."""
    return session.scalars(select(RetentionRule).order_by(RetentionRule.position, RetentionRule.id)).all()


def patterns_in(joined: str) -> tuple[str, ...]:
    """The patterns in a text with commas between them."""
    return tuple(filter(None, (each.strip() for each in joined.split(","))))


def terms_of(rule: RetentionRule) -> Terms:
    """What a rule says."""
    return Terms(
        rule.keep_newest,
        rule.keep_days,
        patterns_in(rule.keep_tags),
        rule.untagged_days,
        rule.may_take_last_tag,
    )


@dataclass(frozen=True, slots=True)
class RuleInOrder:
    """A rule as runs and previews read it."""

    id: int
    name: str
    patterns: tuple[str, ...]
    terms: Terms
    is_on: bool


def in_order(rules: Sequence[RetentionRule]) -> list[RuleInOrder]:
    """The same rules, as runs and previews read them."""
    return [
        RuleInOrder(each.id, each.name, patterns_in(each.repositories), terms_of(each), each.is_on) for each in rules
    ]


def rule_for(rules: Sequence[RuleInOrder], repository: str) -> RuleInOrder | None:
    """The rule that counts for a repository: the first that fits, whether it is on or not; None where none fits."""
    return next((each for each in rules if fitting(each.patterns).fullmatch(repository)), None)
