"""What rules say and decide, in words for people."""

from __future__ import annotations

from webapp.retention.listing import RuleInOrder, patterns_in
from webapp.retention.models import RetentionRule
from webapp.retention.rules import Decision, Line, Terms

ACTOR = "retention: "
"""Before the name of a rule: who deleted something, in the activities."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: '1 repository', '3 tags'."""
    many = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def days_words(days: int) -> str:
    """A number of days: '1 day', '30 days'."""
    return counted(days, "day")


def lines_of(terms: Terms) -> list[str]:
    """What a rule says, a sentence a line."""
    kept = []
    if terms.keep_newest is not None:
        kept.append("the newest tag" if terms.keep_newest == 1 else f"the newest {terms.keep_newest} tags")
    if terms.keep_days is not None:
        kept.append(f"what was pushed within {days_words(terms.keep_days)}")
    if terms.keep_tags:
        kept.append(f"tags like {', '.join(terms.keep_tags)}")
    lines = [f"Keep {', '.join(kept)}; take the rest." if kept else "Keep all tags."]
    if terms.untagged_days is not None:
        lines.append(f"Take untagged manifests older than {days_words(terms.untagged_days)}.")
    if terms.may_take_last_tag and terms.takes_tags:
        lines.append("May take the last tag of a repository.")
    return lines


def plan_words(rule: RetentionRule, terms: Terms) -> str:
    """A rule in one line, for the activities."""
    return f"{', '.join(patterns_in(rule.repositories))}: {' '.join(lines_of(terms))}"


def why(decision: Decision, rule: RuleInOrder) -> str:
    """By which line a tag or an untagged manifest goes or stays."""
    terms = rule.terms
    return {
        Line.NEWEST: f"among the newest {terms.keep_newest}" if terms.keep_newest != 1 else "the newest",
        Line.YOUNGER: f"younger than {days_words((terms.keep_days if decision.name else terms.untagged_days) or 0)}",
        Line.PATTERN: f"like {decision.detail}",
        Line.PROTECTED: "protected (HOLYSTONE_PROTECTED_TAGS)",
        Line.UNKNOWN: "what it is on is not known" if decision.name else "its age is not known",
        Line.SIBLING: f"a sibling of {decision.detail}: the same digest",
        Line.LAST_TAG: "nothing else would be left of the repository",
        Line.NO_LINE: "no line of the rule keeps it",
        Line.IN_TRASH: "in the trash, which holds it until its date",
        Line.OLDER: f"untagged, and older than {days_words(terms.untagged_days or 0)}",
        Line.LATER: "a later run takes it: one takes so many and no more",
        Line.NO_RULE: "the rule takes none",
    }[decision.line]
