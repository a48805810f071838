"""What a person typed of a rule: read field by field, with a sentence for each that cannot be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from webapp.retention.listing import patterns_in
from webapp.retention.models import RetentionRule
from webapp.retention.records import Plan
from webapp.retention.rules import Terms

LONGEST_NAME = 60
LONGEST_PATTERN = 255
MOST_PATTERNS = 50
MOST_NEWEST = 100_000
MOST_DAYS = 36_500
LABELS = {
    "name": "Name",
    "repositories": "Repositories",
    "newest": "Keep the newest",
    "days": "Keep what was pushed within days",
    "tags": "Keep tags like",
    "untagged": "Take untagged manifests older than days",
}
SAYS_NOTHING = "Say at least what stays, or after how many days untagged manifests go: as it is, the rule does nothing."


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, as text."""

    name: str = ""
    repositories: str = ""
    newest: str = ""
    days: str = ""
    tags: str = ""
    untagged: str = ""
    last_tag: str = ""


def typed_of(rule: RetentionRule) -> Typed:
    """A rule as it would be typed."""
    return Typed(
        rule.name,
        rule.repositories,
        _text(rule.keep_newest),
        _text(rule.keep_days),
        rule.keep_tags,
        _text(rule.untagged_days),
        "yes" if rule.may_take_last_tag else "",
    )


def read_plan(typed: Typed) -> tuple[Plan | None, dict[str, str]]:
    """The rule that was typed; None where something cannot be meant, with a sentence for each such field."""
    errors: dict[str, str] = {}
    if not typed.name or len(typed.name) > LONGEST_NAME or not typed.name.isprintable():
        errors["name"] = f"Write a name of at most {LONGEST_NAME} characters."
    repositories, tags = patterns_in(typed.repositories), patterns_in(typed.tags)
    if not repositories or not _are_patterns(repositories, r"[a-z0-9._/*?-]+"):
        errors["repositories"] = "Write patterns of repositories such as team/*, tools/build or * for all."
    if not _are_patterns(tags, r"[A-Za-z0-9_.*?-]+"):
        errors["tags"] = "Write patterns of tags such as v*, latest or *-stable."
    newest, days = _number(typed.newest, MOST_NEWEST), _number(typed.days, MOST_DAYS)
    untagged = _number(typed.untagged, MOST_DAYS)
    for name, found, most in (
        ("newest", newest, MOST_NEWEST),
        ("days", days, MOST_DAYS),
        ("untagged", untagged, MOST_DAYS),
    ):
        if found == WRONG:
            errors[name] = f"Write a whole number from 1 to {most}, or nothing."
    if not errors and newest is None and days is None and not tags and untagged is None:
        errors["newest"] = SAYS_NOTHING
    if errors:
        return None, errors
    return Plan(typed.name, repositories, Terms(newest, days, tags, untagged, bool(typed.last_tag))), {}


WRONG = 0


def _number(text: str, most: int) -> int | None:
    """The number that was typed; None for none, WRONG for what is not one."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) > most:
        return WRONG
    return int(text)


def _are_patterns(patterns: tuple[str, ...], letters: str) -> bool:
    fit = all(re.fullmatch(letters, each, re.ASCII) and len(each) <= LONGEST_PATTERN for each in patterns)
    return fit and len(patterns) <= MOST_PATTERNS


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
