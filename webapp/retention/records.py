"""Make, change, move, switch and delete rules: rows, and an activity for each change.

Whatever would let a rule take something that nobody has seen in a preview switches it off: another wording, and a
pattern above it that is not there any more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.retention.listing import all_rules, patterns_in, terms_of
from webapp.retention.models import PartState, RetentionPart, RetentionRule
from webapp.retention.rules import Terms
from webapp.retention.words import plan_words

WAS_CHANGED = "The rule was changed. Look at its preview before it is switched on again."
ABOVE_CHANGED = (
    "What stands above it was changed, so it counts for more repositories than its preview showed. "
    "Look at its preview before it is switched on again."
)
RESTORED = "The records were restored from a backup. Look at its preview before it is switched on again."


MOST_RULES = 200
"""More than anybody can keep in order."""


class TooManyRules(Exception):
    """There are so many rules already; another one is not made."""

    sentence = f"There are {MOST_RULES} rules already. Give one of them more patterns, or delete one."


class ChangedSince(Exception):
    """The rule, or what it would take, is other than what was seen in the preview. Nothing was changed."""

    sentence = "This changed since you looked. Look again before you switch it on."


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, from where, and when."""

    actor: str
    place: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person decides of a rule; `RetentionRule` says what each means."""

    name: str
    repositories: tuple[str, ...]
    terms: Terms


def make(session: Session, plan: Plan, change: Change) -> int:
    """Make a rule, the last in the order and switched off; returns its id. Raises TooManyRules."""
    if (session.scalar(select(func.count()).select_from(RetentionRule)) or 0) >= MOST_RULES:
        raise TooManyRules
    last = session.scalar(select(func.max(RetentionRule.position))) or 0
    rule = RetentionRule(position=last + 1, is_on=False, made_by=change.actor, made_at=change.now)
    _set(rule, plan)
    session.add(rule)
    session.flush()
    _note(session, rule, ActivityKind.RULE_MADE, plan_words(rule, plan.terms), change)
    return rule.id


def alter(session: Session, rule: RetentionRule, plan: Plan, change: Change) -> None:
    """Give a rule another wording. It is switched off by that, unless only its name is another."""
    before = wording(rule)
    _set(rule, plan)
    _note(session, rule, ActivityKind.RULE_CHANGED, plan_words(rule, plan.terms), change)
    if wording(rule) != before:
        _switch_off(session, rule, WAS_CHANGED, change)
        _switch_off_uncovered(session, change)


def move(session: Session, rule: RetentionRule, up: bool, change: Change) -> None:
    """Let a rule change places with the one above or below it."""
    rules = list(all_rules(session))
    here = rules.index(rule)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(rules):
        return
    rules[here], rules[there] = rules[there], rules[here]
    for position, each in enumerate(rules, 1):
        each.position = position
    _note(session, rule, ActivityKind.RULE_MOVED, f"to place {there + 1}", change)
    _switch_off_uncovered(session, change)


def switch_on(session: Session, rule: RetentionRule, seen: str, change: Change) -> None:
    """Switch a rule on whose preview was seen.

    Args:
        seen: `wording` with `above` as they were in that preview.

    Raises:
        ChangedSince: they are otherwise now.
    """
    if seen != standing(session, rule):
        raise ChangedSince
    rule.is_on, rule.why_off = True, ""
    rule.seen_terms, rule.seen_above = wording(rule), "\n".join(above(session, rule))
    rule.seen_at, rule.seen_by = change.now, change.actor
    _note(session, rule, ActivityKind.RULE_SWITCHED_ON, plan_words(rule, terms_of(rule)), change)


def switch_off(session: Session, rule: RetentionRule, change: Change) -> None:
    """Switch a rule off. What it stands for stays: no other rule counts for it instead."""
    if rule.is_on:
        _switch_off(session, rule, f"{change.actor} switched it off.", change)


def delete(session: Session, rule: RetentionRule, change: Change) -> None:
    """Delete a rule. What it did stays in the records."""
    _note(session, rule, ActivityKind.RULE_DELETED, plan_words(rule, terms_of(rule)), change)
    _withdraw(session, rule)
    session.delete(rule)
    session.flush()
    _switch_off_uncovered(session, change)


def switch_off_after_restore(session: Session) -> None:
    """Switch every rule off: what was pushed and deleted since the backup, nobody has seen in a preview."""
    session.execute(update(RetentionRule).where(RetentionRule.is_on.is_(True)).values(is_on=False, why_off=RESTORED))
    waiting = update(RetentionPart).where(RetentionPart.state == PartState.WAITING)
    session.execute(waiting.values(state=PartState.ANSWERED))


def wording(rule: RetentionRule) -> str:
    """The fingerprint of what a rule says; its name is not part of it."""
    terms = terms_of(rule)
    said = [rule.repositories, terms.keep_newest, terms.keep_days, terms.keep_tags, terms.untagged_days]
    return hashlib.sha256(json.dumps([*said, terms.may_take_last_tag]).encode()).hexdigest()


def above(session: Session, rule: RetentionRule) -> list[str]:
    """The patterns of the rules above a rule: what they fit is not this one's."""
    rules = [each for each in all_rules(session) if (each.position, each.id) < (rule.position, rule.id)]
    return sorted({pattern for each in rules for pattern in patterns_in(each.repositories)})


def standing(session: Session, rule: RetentionRule) -> str:
    """The fingerprint of what a rule says, and of what it counts for."""
    return hashlib.sha256("\n".join((wording(rule), *above(session, rule))).encode()).hexdigest()


def _set(rule: RetentionRule, plan: Plan) -> None:
    rule.name = plan.name
    rule.repositories = ", ".join(plan.repositories)
    rule.keep_newest, rule.keep_days = plan.terms.keep_newest, plan.terms.keep_days
    rule.keep_tags = ", ".join(plan.terms.keep_tags)
    rule.untagged_days, rule.may_take_last_tag = plan.terms.untagged_days, plan.terms.may_take_last_tag


def _switch_off_uncovered(session: Session, change: Change) -> None:
    """Switch off what counts for more than it did when it was switched on."""
    rules: Sequence[RetentionRule] = all_rules(session)
    for each in rules:
        if each.is_on and not set(each.seen_above.split()) <= set(above(session, each)):
            _switch_off(session, each, ABOVE_CHANGED, change)


def _switch_off(session: Session, rule: RetentionRule, why: str, change: Change) -> None:
    was_on, rule.is_on = rule.is_on, False
    _withdraw(session, rule)
    if was_on:
        rule.why_off = why
        _note(session, rule, ActivityKind.RULE_SWITCHED_OFF, why, change)


def _withdraw(session: Session, rule: RetentionRule) -> None:
    """Ask nobody any more about what this rule would take: it is another one by now, or none."""
    waiting = select(RetentionPart).where(RetentionPart.state == PartState.WAITING, RetentionPart.rule_id == rule.id)
    for part in session.scalars(waiting):
        part.state = PartState.ANSWERED


def _note(session: Session, rule: RetentionRule, kind: ActivityKind, what: str, change: Change) -> None:
    record(
        session,
        at=change.now,
        actor=change.actor,
        kind=kind,
        outcome=Outcome.DONE,
        reason=f"{rule.name}: {what}",
        place=change.place,
    )
