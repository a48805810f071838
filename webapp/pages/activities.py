"""The activities: who did what, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for

from webapp.accounts.permissions import kinds_shown
from webapp.activities.groups import Day, Line, grouped_by_day
from webapp.activities.listing import Filter, page, read_cursor
from webapp.activities.models import ACCOUNT_KINDS, RULE_KINDS, WINDOW_KINDS, Activity, ActivityKind, Outcome
from webapp.pages.answers import page_or_fragment
from webapp.pages.current import parts, person
from webapp.pages.filters import counted, short_digest

bp = Blueprint("activities", __name__)

LONGEST_FILTER = 300
FILTERS = ("repository", "person", "kind", "since", "until")

KINDS = {
    ActivityKind.TAG_DELETED: ("Deleted tags", "trash", "deleted"),
    ActivityKind.MANIFEST_DELETED: ("Deleted manifests", "trash", "deleted the manifest"),
    ActivityKind.IMAGE_DELETED: ("Deleted images", "trash", "deleted image"),
    ActivityKind.TAG_RESTORED: ("Restored tags", "refresh", "restored"),
    ActivityKind.TAG_GIVEN: ("Given names", "tag", "gave a manifest the name"),
    ActivityKind.RUN_STARTED: ("Begun runs", "play", "started a run"),
    ActivityKind.RUN_FINISHED: ("Runs", "box", "ran a collection"),
    ActivityKind.CHECKED_CACHES: ("Checked the caches", "box", "has checked the registry's caches"),
    ActivityKind.RECORDS_RESTORED: ("Restored records", "refresh", "restored the records from a backup"),
    ActivityKind.HOLD_STARTED: ("Begun holds", "lock", "holds the registry read-only"),
    ActivityKind.HOLD_ENDED: ("Holds", "lock", "held the registry read-only"),
    ActivityKind.WINDOW_MADE: ("New windows", "clock", "made the window"),
    ActivityKind.WINDOW_CHANGED: ("Changed windows", "clock", "changed the window"),
    ActivityKind.WINDOW_PAUSED: ("Paused windows", "clock", "paused the window"),
    ActivityKind.WINDOW_RESUMED: ("Resumed windows", "clock", "resumed the window"),
    ActivityKind.WINDOW_SKIPPED: ("Skipped windows", "clock", "skips the next time of the window"),
    ActivityKind.WINDOW_DELETED: ("Deleted windows", "trash", "deleted the window"),
    ActivityKind.RULE_MADE: ("New rules", "clock", "made the rule"),
    ActivityKind.RULE_CHANGED: ("Changed rules", "clock", "changed the rule"),
    ActivityKind.RULE_MOVED: ("Moved rules", "clock", "moved the rule"),
    ActivityKind.RULE_SWITCHED_ON: ("Rules switched on", "play", "switched on the rule"),
    ActivityKind.RULE_SWITCHED_OFF: ("Rules switched off", "clock", "switched off the rule"),
    ActivityKind.RULE_DELETED: ("Deleted rules", "trash", "deleted the rule"),
    ActivityKind.MADE_READ_WRITE: ("Made read-write", "box", "made the registry read-write"),
    ActivityKind.SIGNED_IN: ("Sign-ins", "sign-in", "signed in"),
    ActivityKind.SIGN_IN_FAILED: ("Failed sign-ins", "lock", "tried to sign in"),
    ActivityKind.SIGNED_OUT: ("Sign-outs", "sign-out", "signed out"),
    ActivityKind.USER_CREATED: ("New users", "user", "created a user"),
    ActivityKind.USER_DISABLED: ("Disabled users", "user", "disabled a user"),
    ActivityKind.USER_ENABLED: ("Enabled users", "user", "enabled a user"),
    ActivityKind.PASSWORD_CHANGED: ("Changed passwords", "lock", "changed a password"),
}
"""Of each kind: its name in the filter, its icon, and its verb."""

DELETIONS = (ActivityKind.TAG_DELETED, ActivityKind.MANIFEST_DELETED, ActivityKind.IMAGE_DELETED)

OUTCOMES = {
    Outcome.DONE: ("", ""),
    Outcome.ALREADY_GONE: ("already gone", ""),
    Outcome.KEPT: ("kept", "warn"),
    Outcome.FAILED: ("failed", "danger"),
    Outcome.UNKNOWN: ("unknown", "warn"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, and what it unfolds to."""

    key: str
    icon: str
    at: datetime
    actor: str
    verb: str
    subject: str
    subject_link: str
    rest: str
    outcome_word: str
    outcome_kind: str
    details: list[tuple[str, str, bool]]
    items: list[str] = field(default_factory=list)


@bp.get("/activities")
def index() -> Response:
    """List activities, a line each, by day."""
    asked = {name: request.args.get(name, "").strip()[:LONGEST_FILTER] for name in FILTERS}
    given = {name: value for name, value in asked.items() if value}
    before = read_cursor(request.args.get("before"))

    def address(**more: str) -> str:
        return f"{url_for('.index')}?{urlencode({**given, **more})}"

    shown = kinds_shown(person())
    with parts().reading() as session:
        found = page(session, _filter(asked, shown), before)
        return page_or_fragment(
            "activities/list.html",
            "activities/_days.html",
            shown=len(found.items),
            days=[_day(each) for each in grouped_by_day(found.items, UTC)],
            filter=asked,
            kinds=[("", "Everything"), *((kind.value, KINDS[kind][0]) for kind in ActivityKind if kind in shown)],
            is_filtered=bool(given),
            next_page=address(before=str(found.older)) if found.older else "",
            first_page=address() if before else "",
        )


def _filter(asked: dict[str, str], shown: frozenset[ActivityKind]) -> Filter:
    kind = asked["kind"]
    until = _day_of(asked["until"])
    return Filter(
        repository=asked["repository"] or None,
        person=asked["person"] or None,
        kind=ActivityKind(kind) if kind in {each.value for each in ActivityKind} else None,
        since=_day_of(asked["since"]),
        until=until + timedelta(days=1) if until else None,
        shown=shown,
    )


def _day_of(text: str) -> datetime | None:
    """The begin of a day that a field of the form names; None for anything else."""
    try:
        named = date.fromisoformat(text)
        return datetime(named.year, named.month, named.day, tzinfo=UTC) if named < date.max else None
    except ValueError:
        return None


def _day(day: Day) -> dict[str, Any]:
    return {"date": day.date, "entries": [_entry(line) for line in day.lines]}


def _entry(line: Line) -> Entry:
    head = line.head
    _name, icon, verb = KINDS[head.kind]
    word, kind = _outcome(line)
    subject = _subject(head)
    if head.kind in DELETIONS and not {Outcome.DONE, Outcome.ALREADY_GONE} & line.outcomes.keys():
        verb = verb.replace("deleted", "tried to delete")
    if head.kind == ActivityKind.TAG_GIVEN and head.outcome != Outcome.DONE:
        verb = verb.replace("gave", "tried to give")
    rest = _rest(head)
    if line.is_group and head.kind != ActivityKind.IMAGE_DELETED:
        verb = f"{verb.removesuffix(' the manifest')} {_counted(line)} of"
        subject, rest = head.repository or "", ""
    return Entry(
        key=str(head.id),
        icon=icon,
        at=head.at,
        actor=head.actor,
        verb=verb,
        subject=subject,
        subject_link=_link(head),
        rest=rest,
        outcome_word=word,
        outcome_kind=kind,
        details=_details(line),
        items=[each.tag or "" for each in line.tags] if line.is_group else [],
    )


def _outcome(line: Line) -> tuple[str, str]:
    """A word for how it ended; for several tags, how many ended otherwise than done."""
    outcomes = line.outcomes
    if len(outcomes) == 1:
        return OUTCOMES[next(iter(outcomes))]
    others = [(count, *OUTCOMES[outcome]) for outcome, count in outcomes.items() if outcome != Outcome.DONE]
    kinds = {kind for _count, _word, kind in others}
    worst = next((kind for kind in ("danger", "warn") if kind in kinds), "")
    return ", ".join(f"{count} {word}" for count, word, _kind in others), worst


def _subject(activity: Activity) -> str:
    if activity.repository is None:
        return ""
    if activity.kind == ActivityKind.MANIFEST_DELETED:
        return short_digest(activity.digest)
    return f"{activity.repository}:{activity.tag}" if activity.tag else activity.repository


def _counted(line: Line) -> str:
    """What went together: the tags, or, where none was named, the manifests."""
    return counted(len(line.tags), "tag") if line.tags else counted(len(line.items), "manifest")


def _rest(activity: Activity) -> str:
    """What stands after the subject."""
    if activity.kind == ActivityKind.MANIFEST_DELETED:
        return f"of {activity.repository}"
    if activity.kind in WINDOW_KINDS | RULE_KINDS:
        return f"“{activity.reason.partition(': ')[0]}”"
    return f"from {activity.place}" if activity.kind in ACCOUNT_KINDS and activity.place else ""


def _link(activity: Activity) -> str:
    if activity.run_id is not None:
        return url_for("maintenance.run", run_id=activity.run_id)
    if activity.removal_id is not None:
        return url_for("removals.show", removal_id=activity.removal_id)
    return ""


def _details(line: Line) -> list[tuple[str, str, bool]]:
    """What a line unfolds to: label, value, and whether the value is code."""
    head = line.head
    reasons = dict.fromkeys(each.reason for each in line.items if each.reason)
    digests = dict.fromkeys(each.digest for each in line.items if each.digest)
    details = [("Digest", next(iter(digests)), True)] if len(digests) == 1 else []
    details += [("Reason", reason, False) for reason in list(reasons)[:5]]
    details.append(("From", head.place or "not known", False))
    details.append(("At", f"{head.at:%Y-%m-%d %H:%M:%S} UTC", False))
    return details
