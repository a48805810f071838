"""Rules, previews and runs of retention, as the pages show them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import url_for

from webapp.pages.current import parts
from webapp.pages.filters import counted, in_bytes, short_digest
from webapp.retention.listing import in_order, patterns_in, terms_of
from webapp.retention.models import PartState, RetentionOutcome, RetentionPart, RetentionRule, RetentionRun
from webapp.retention.preview import Sum
from webapp.retention.shown import Group
from webapp.retention.words import lines_of, why

OUTCOMES = {
    RetentionOutcome.DONE: ("done", "ok"),
    RetentionOutcome.PARTLY: ("partly", "warn"),
    RetentionOutcome.FAILED: ("failed", "danger"),
    RetentionOutcome.REFUSED: ("did nothing", "warn"),
    RetentionOutcome.INTERRUPTED: ("interrupted", "warn"),
}
STATES = {
    PartState.INTENDED: ("to come", ""),
    PartState.UNDER_WAY: ("now", ""),
    PartState.DONE: ("done", "ok"),
    PartState.PARTLY: ("partly", "warn"),
    PartState.FAILED: ("failed", "danger"),
    PartState.WAITING: ("waits for a decision", "warn"),
    PartState.ANSWERED: ("waited", ""),
    PartState.PUT_OFF: ("next run", ""),
    PartState.INTERRUPTED: ("interrupted", "warn"),
}
"""Of each: its word, and the kind of it."""


def rule_line(rule: RetentionRule, number: int) -> dict[str, Any]:
    """A rule in the list."""
    return {
        "id": rule.id,
        "number": number,
        "name": rule.name,
        "patterns": ", ".join(patterns_in(rule.repositories)),
        "lines": " ".join(lines_of(terms_of(rule))),
        "is_on": rule.is_on,
        "why_off": rule.why_off,
    }


def space_words(freed: int) -> str:
    """What comes back, and when."""
    if not freed:
        return "no space comes back"
    retention: timedelta = parts().remover.retention
    when = f"once the trash gives it up after {retention.days} days" if retention else "at the next collection"
    return f"up to {in_bytes(freed)} come back {when}"


def sum_facts(total: Sum) -> list[str]:
    """What rules would take together, as the line of facts."""
    facts = [f"{counted(total.tags_going, 'tag')} would go", f"{counted(total.tags_staying, 'tag')} stay"]
    if total.untagged_going:
        facts.append(f"{counted(total.untagged_going, 'untagged manifest')} would go")
    facts.append(f"{counted(total.repositories, 'repository', 'repositories')}")
    if total.tags_going or total.untagged_going:
        facts.append(space_words(total.freed.together))
    return facts


def group_lines(group: Group, freed: int, rule: RetentionRule | None) -> dict[str, Any]:
    """A repository of a preview, with its rows."""
    foreseen = group.foreseen
    of = foreseen.rule
    return {
        "repository": foreseen.repository.name,
        "rule": None if rule else {"id": of.id, "name": of.name},
        "facts": _group_facts(len(foreseen.tags), foreseen.tag_count, len(foreseen.untagged), freed),
        "waits": foreseen.why_it_waits,
        "rows": [
            {
                "name": each.name,
                "digest": each.digest,
                "short": short_digest(each.digest),
                "goes": each.goes,
                "why": why(each, of),
                "at": each.at,
            }
            for each in group.decisions
        ],
    }


def _group_facts(going: int, tags: int, untagged: int, freed: int) -> list[str]:
    facts = [f"{going} of {counted(tags, 'tag')} would go"]
    if untagged:
        facts.append(counted(untagged, "untagged manifest"))
    return [*facts, f"up to {in_bytes(freed)}"] if freed else facts


def run_line(run: RetentionRun, is_live: bool) -> dict[str, Any]:
    """A run in a list, and at the head of its page."""
    word, kind = OUTCOMES[run.outcome] if run.outcome else ("under way", "") if is_live else ("interrupted", "warn")
    return {
        "id": run.id,
        "started_at": run.started_at,
        "actor": "a window" if run.actor == "window" else run.actor,
        "outcome": word,
        "outcome_kind": kind,
        "sentence": run.sentence,
        "is_live": run.outcome is None and is_live,
        "tags_foreseen": run.tags_foreseen,
        "tags_taken": run.tags_taken,
        "untagged_foreseen": run.untagged_foreseen,
        "untagged_taken": run.untagged_taken,
        "bytes_foreseen": run.bytes_foreseen,
    }


def part_line(part: RetentionPart) -> dict[str, Any]:
    """A repository of a run."""
    word, kind = STATES[part.state]
    differences = [line.partition("\t") for line in part.differences.splitlines()]
    return {
        "id": part.id,
        "repository": part.repository,
        "rule_name": part.rule_name,
        "word": word,
        "kind": kind,
        "foreseen": _items(part.tags_foreseen, part.untagged_foreseen),
        "taken": _items(part.tags_taken, part.untagged_taken),
        "bytes_foreseen": part.bytes_foreseen,
        "sentence": part.sentence,
        "answered_by": part.answered_by,
        "waits": part.state == PartState.WAITING,
        "removal": url_for("removals.show", removal_id=part.removal_id) if part.removal_id else "",
        "differences": [{"name": name, "reason": reason} for name, _tab, reason in differences],
    }


def _items(tags: int, untagged: int) -> str:
    return f"{counted(tags, 'tag')}, {untagged} untagged" if untagged else counted(tags, "tag")


def waiting_line(part: RetentionPart) -> dict[str, Any]:
    """A repository that waits for a decision."""
    return {
        "id": part.id,
        "repository": part.repository,
        "rule_name": part.rule_name,
        "rule_id": part.rule_id,
        "tags": part.tags_foreseen,
        "sentence": part.sentence,
    }


def names_of(rules: list[RetentionRule]) -> list[str]:
    """The names of the rules that are on."""
    return [each.name for each in in_order(rules) if each.is_on]
