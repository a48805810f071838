"""What the dialog of a removal shows: the plan with its choices, or what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.checks import DELETE_LINES
from webapp.catalogue.listing import ALL_AT_ONCE, some_tag_rows
from webapp.catalogue.models import Repository
from webapp.catalogue.referrers import kind_of_tag
from webapp.pages.asked import LEAVE, Asked, Scope
from webapp.pages.current import is_administrator, parts
from webapp.pages.dialog_keys import new_key, write_key
from webapp.pages.filters import counted
from webapp.pages.plan_words import (
    Going,
    goes_words,
    listed,
    referrers_words,
    siblings_words,
    space_words,
    tags_that_count,
    what_goes,
    what_stays,
)
from webapp.registry.errors import (
    DeletesDisabled,
    Denied,
    NoToken,
    ProxyFailed,
    ReadOnly,
    RealmRefused,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.registry.manifests import ManifestKind
from webapp.removal.execute import Preview
from webapp.removal.plan import PROTECTED, Plan
from webapp.removal.remover import HeldReadOnly
from webapp.removal.trash import day_words
from webapp.removal.wanted import Referrers, Siblings

CHANGED = "This changed since you looked. Nothing was deleted; this is what would go now."
WRONG_NAME = "This is not the repository's name."
STILL_READING = "The registry has not told everything yet."
FOR_GOOD = "Delete for good, without the trash"
IN_TRASH = "It is in the trash"
SCHEMA_1 = "Cannot be restored: schema 1."


@dataclass(frozen=True, slots=True)
class Control:
    """A radio or a tick that changes what would go."""

    kind: str
    name: str
    value: str
    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way, and what to do. `kind` is that of the notice."""

    sentence: str
    remedy: str
    kind: str = "danger"


REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (HeldReadOnly, ""),
    (ReadOnly, "If a run is under way, try again when it has ended."),
    (DeletesDisabled, f"Its configuration needs: {' '.join(DELETE_LINES.split())}."),
    (RealmRefused, "If that server is yours, add its host to HOLYSTONE_TOKEN_REALMS."),
    (Unauthorised, "Set HOLYSTONE_REGISTRY_USERNAME and HOLYSTONE_REGISTRY_PASSWORD."),
    (Denied, "Whoever runs the registry can allow it."),
    (NoToken, "See whether the token server runs and answers Holystone, then try again."),
    (
        ProxyFailed,
        "Mend the proxy, or name the registry's host in NO_PROXY, and restart Holystone.",
    ),
    (RegistryUnreachable, "Try again when Status says that the registry answers."),
)


def remedy_for(error: Exception, nothing: str = "Nothing was deleted.") -> str:
    """What to do about an error that came before anything was done; `nothing` says that."""
    remedy = next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), "Try again.")
    return f"{nothing} {remedy}".rstrip()


def plan_dialog(session: Session, asked: Asked, shown: Preview, **more: Any) -> dict[str, Any]:
    """The dialog with a plan. `more` are variables of the template that are set otherwise than usual."""
    plan = shown.plan
    key = new_key(asked, plan.fingerprint, max(tags_that_count(plan), len(asked.digests)))
    trouble = _what_keeps_it(plan)
    going = what_goes(session, plan)
    return {
        **_common(asked, shown.read_at),
        "request_key": write_key(key),
        "radios": _radios(asked, plan),
        "ticks": _ticks(session, asked, shown),
        "goes": going,
        "goes_words": goes_words(going) or "nothing",
        "stays": what_stays(session, shown),
        "already_gone": listed(plan.gone),
        "bytes_freed": shown.space.bytes_freed,
        "bytes_is_exact": shown.space.is_exact,
        "bytes_reason": shown.space.reason,
        "space_words": space_words(plan, shown.space),
        "until": day_words(plan.until) if plan.until and not trouble else "",
        "warnings": [SCHEMA_1] if any(step.kind == ManifestKind.SCHEMA1 for step in plan.steps) else [],
        "button": "" if trouble else _button(plan),
        "ask_name": key.asks_name,
        "error": trouble,
        **more,
    }


def waiting_dialog(session: Session, asked: Asked, now: datetime) -> dict[str, Any]:
    """The dialog while the registry is slow: what the catalogue knows, and no button."""
    tags, as_of = _known_tags(session, asked)
    return {
        **_common(asked, as_of or now),
        "fields": [*asked.fields, *asked.choices],
        "goes": [Going(kind_of_tag(name) or "tag", name, digest, None, "tag") for name, digest in tags],
        "goes_words": counted(len(tags), "tag"),
        "bytes_reason": STILL_READING,
        "still_reading": True,
    }


def trouble_dialog(asked: Asked, trouble: Trouble, now: datetime) -> dict[str, Any]:
    """The dialog where nothing can be planned, or nothing was deleted: why, and what to do."""
    return {**_common(asked, now), "error": trouble}


def _common(asked: Asked, as_of: datetime) -> dict[str, Any]:
    tag_page = asked.then == LEAVE and asked.scope == Scope.TAG
    back = url_for("tags.show", repository=asked.repository, tag=asked.tag) if tag_page else asked.list_address
    if asked.digest:
        back = url_for("manifests.show", repository=asked.repository, digest=asked.digest)
    return {
        "repository": asked.repository,
        "title": f"Delete {asked.name}",
        "subject": asked.repository if not (asked.tag or asked.digest) else asked.name,
        "several": asked.several,
        "query": asked.filters.q,
        "limits": asked.filters.words,
        "action": asked.address,
        "back": back,
        "then": asked.then,
        "fields": asked.fields,
        "request_key": "",
        "radios": [],
        "ticks": [],
        "goes": [],
        "goes_words": "",
        "stays": [],
        "already_gone": "",
        "bytes_freed": None,
        "bytes_is_exact": False,
        "bytes_reason": "",
        "space_words": "",
        "until": "",
        "warnings": [],
        "as_of": as_of,
        "still_reading": False,
        "button": "",
        "ask_name": False,
        "notice": "",
        "error": None,
    }


def _radios(asked: Asked, plan: Plan) -> list[Control]:
    if asked.is_image or asked.digests or not plan.siblings:
        return []
    labels = siblings_words(plan, asked.include_protected)
    return [
        Control("radio", "siblings", value.value, label, asked.siblings == value)
        for value, label in zip((Siblings.KEEP, Siblings.REMOVE), labels, strict=True)
    ]


def _ticks(session: Session, asked: Asked, shown: Preview) -> list[Control]:
    keep = referrers_words(session, shown)
    protected = _protected(asked, shown.plan)
    ticks = []
    if keep:
        is_kept = asked.referrers == Referrers.KEEP
        ticks.append(Control("checkbox", "referrers", Referrers.KEEP.value, keep, is_kept))
    if protected and is_administrator():
        label = f"Delete protected tags, too: {listed(protected)}"
        ticks.append(Control("checkbox", "include_protected", "1", label, asked.include_protected))
    if parts().remover.retention and is_administrator() and not (shown.plan.is_empty or shown.plan.refusal):
        ticks.append(Control("checkbox", "for_good", "1", FOR_GOOD, asked.for_good))
    return ticks


def _protected(asked: Asked, plan: Plan) -> list[str]:
    """The protected tags that would go if nothing protected them."""
    if asked.is_image:
        return list(plan.protected)
    siblings = plan.siblings if asked.siblings == Siblings.REMOVE else ()
    return [tag for tag in plan.protected if tag in asked.tags or tag in siblings]


def _what_keeps_it(plan: Plan) -> Trouble | None:
    if plan.refusal:
        return _refused(plan)
    if plan.is_empty:
        return Trouble("There is nothing left to delete here.", "", "info")
    return None


def _refused(plan: Plan) -> Trouble:
    if plan.refusal.endswith(PROTECTED):
        may = is_administrator()
        remedy = "Tick below to delete it all the same." if may else "Administrators can delete it."
        return Trouble(plan.refusal, remedy, "warn")
    remedy = (
        "Restore it there, or delete it there for good." if IN_TRASH in plan.refusal else "Delete what names it first."
    )
    return Trouble(plan.refusal, remedy)


def _button(plan: Plan) -> str:
    number = tags_that_count(plan)
    if plan.wanted.whole_image and not plan.staying_tags:
        return f"Delete image and {counted(number, 'tag')}" if plan.tags else "Delete image"
    if plan.wanted.digests and not number:
        manifests = len([step for step in plan.steps if step.digest in plan.wanted.digests])
        return "Delete manifest" if len(plan.wanted.digests) == 1 else f"Delete {counted(manifests, 'manifest')}"
    return "Delete tag" if number == 1 else f"Delete {counted(number, 'tag')}"


def _known_tags(session: Session, asked: Asked) -> tuple[list[tuple[str, str]], datetime | None]:
    """What the catalogue says that would go."""
    repository = session.scalar(select(Repository).where(Repository.name == asked.repository))
    if repository is None:
        return [], None
    if asked.is_image:
        return [(tag.name, tag.digest or "") for tag in repository.tags], repository.synced_at
    rows = some_tag_rows(session, repository, asked.tags, ALL_AT_ONCE)
    names = {row.name: row.digest or "" for row in rows}
    if asked.siblings == Siblings.REMOVE:
        names |= {name: row.digest or "" for row in rows for name in row.same_as}
    return sorted(names.items()), repository.synced_at
