"""The rules in their order, which of them counts for a repository, and the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.removal.remover import fitting
from webapp.retention.models import PartState, RetentionPart, RetentionRule, RetentionRun
from webapp.retention.rules import Terms

RUNS_A_PAGE = 20
PARTS_A_PAGE = 100


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


def past_runs(session: Session, before: int | None = None, size: int = RUNS_A_PAGE) -> tuple[list[RetentionRun], int]:
    """Runs, the newest first, and the number of the last one where there are older ones (else 0)."""
    found = select(RetentionRun).order_by(RetentionRun.id.desc()).limit(size + 1)
    if before is not None:
        found = found.where(RetentionRun.id < before)
    rows = list(session.scalars(found))
    return rows[:size], rows[size - 1].id if len(rows) > size else 0


def find_run(session: Session, run_id: int) -> RetentionRun | None:
    """A run by its number."""
    return session.get(RetentionRun, run_id)


def parts_of_run(
    session: Session, run_id: int, after: int = 0, size: int = PARTS_A_PAGE
) -> tuple[list[RetentionPart], int]:
    """The repositories of a run, and the number of the last one where there are more (else 0)."""
    found = (
        select(RetentionPart)
        .where(RetentionPart.run_id == run_id, RetentionPart.id > after)
        .order_by(RetentionPart.id)
        .limit(size + 1)
    )
    rows = list(session.scalars(found))
    return rows[:size], rows[size - 1].id if len(rows) > size else 0


def waiting_parts(session: Session, size: int = PARTS_A_PAGE) -> tuple[list[RetentionPart], bool]:
    """Repositories that wait for a decision, and whether there are more of them."""
    found = select(RetentionPart).where(RetentionPart.state == PartState.WAITING).order_by(RetentionPart.id)
    rows = list(session.scalars(found.limit(size + 1)))
    return rows[:size], len(rows) > size
