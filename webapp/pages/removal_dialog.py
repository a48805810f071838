"""What the dialog of a removal says: what goes, what stays, the space, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.checks import DELETE_LINES
from webapp.catalogue.listing import some_tag_rows
from webapp.catalogue.models import Manifest, Repository
from webapp.catalogue.referrers import kind_of_tag
from webapp.database import among
from webapp.pages.dialog_keys import DialogKey, new_key, write_key
from webapp.pages.filters import counted
from webapp.registry.errors import DeletesDisabled, Denied, ReadOnly, RegistryUnreachable, Unauthorised
from webapp.removal.execute import Preview
from webapp.removal.plan import DANGLING, Plan

LEAVE = "leave"
NAMES_SHOWN = 3
CHANGED = "This changed since you looked. Nothing was deleted; this is what would go now."
WRONG_NAME = "This is not the repository's name."
STILL_READING = "The registry has not told everything yet."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialog is about: one tag, or the whole image where `tag` is None.

    `then` is 'leave' where the page that it was opened from will be gone.
    """

    repository: str
    tag: str | None
    then: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        """What `removal` is asked to remove."""
        return (self.tag,) if self.tag else ()

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository

    @property
    def address(self) -> str:
        """Of the dialog."""
        then = self.then or None
        if self.tag is None:
            return url_for("removals.delete_repository", repository=self.repository, then=then)
        return url_for("removals.delete_tag", repository=self.repository, tag=self.tag, then=then)

    @property
    def list_address(self) -> str:
        """Of the list that it stands in."""
        return url_for("tags.index", repository=self.repository)


@dataclass(frozen=True, slots=True)
class Going:
    """One thing that goes."""

    kind: str
    name: str
    digest: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way, and what to do."""

    sentence: str
    remedy: str


REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ReadOnly, "Nothing was deleted. If a run is under way, try again when it has ended."),
    (DeletesDisabled, f"Nothing was deleted. Its configuration needs: {' '.join(DELETE_LINES.split())}."),
    (Unauthorised, "Nothing was deleted. Set HOLYSTONE_REGISTRY_USERNAME and HOLYSTONE_REGISTRY_PASSWORD."),
    (Denied, "Nothing was deleted. Whoever runs the registry can allow it."),
    (RegistryUnreachable, "Nothing was deleted. Try again when Status says that the registry answers."),
)


def remedy_for(error: Exception) -> str:
    """What to do about an error that came before anything was deleted."""
    return next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), "Nothing was deleted. Try again.")


def plan_dialog(session: Session, asked: Asked, shown: Preview, **more: Any) -> dict[str, Any]:
    """The dialog with a plan. `more` are variables of the template that are set otherwise than usual."""
    plan = shown.plan
    key = new_key(asked.repository, asked.tag, len(plan.tags))
    trouble = _what_keeps_it(plan)
    return {
        **_common(asked, key, shown.read_at),
        "fingerprint": plan.fingerprint,
        "goes": _going(session, plan),
        "goes_words": ", ".join((counted(len(plan.tags), "tag"), counted(len(plan.steps), "manifest"))),
        "stays_words": _stays(plan),
        "bytes_freed": shown.space.bytes_freed,
        "bytes_is_exact": shown.space.is_exact,
        "bytes_reason": shown.space.reason,
        "warnings": _warnings(plan),
        "button": "" if trouble else _button(plan),
        "ask_name": key.asks_name,
        "error": trouble,
        **more,
    }


def waiting_dialog(session: Session, asked: Asked, now: datetime) -> dict[str, Any]:
    """The dialog while the registry is slow: what the catalogue knows, and no button."""
    tags, as_of = _known_tags(session, asked)
    return {
        **_common(asked, None, as_of or now),
        "goes": [Going(kind_of_tag(name) or "tag", name, digest, None) for name, digest in tags],
        "goes_words": counted(len(tags), "tag"),
        "stays_words": "–",
        "bytes_reason": STILL_READING,
        "still_reading": True,
    }


def trouble_dialog(asked: Asked, trouble: Trouble, now: datetime) -> dict[str, Any]:
    """The dialog where nothing can be planned, or nothing was deleted: why, and what to do."""
    return {**_common(asked, None, now), "error": trouble}


def _common(asked: Asked, key: DialogKey | None, as_of: datetime) -> dict[str, Any]:
    tag_page = asked.then == LEAVE and asked.tag
    back = url_for("tags.show", repository=asked.repository, tag=asked.tag) if tag_page else asked.list_address
    return {
        "repository": asked.repository,
        "tag": asked.tag,
        "action": asked.address,
        "back": back,
        "then": asked.then,
        "request_key": write_key(key) if key else "",
        "fingerprint": "",
        "choices": [],
        "goes": [],
        "goes_words": "",
        "stays_words": "",
        "bytes_freed": None,
        "bytes_is_exact": False,
        "bytes_reason": "",
        "warnings": [],
        "as_of": as_of,
        "still_reading": False,
        "button": "",
        "ask_name": False,
        "notice": "",
        "error": None,
    }


def _what_keeps_it(plan: Plan) -> Trouble | None:
    if plan.refusal:
        return Trouble(
            plan.refusal,
            "Delete what names it first." if plan.refusal != DANGLING else "Push it again, then delete it.",
        )
    if not plan.steps:
        return Trouble("There is nothing left to delete here.", "")
    return None


def _button(plan: Plan) -> str:
    tags = counted(len(plan.tags), "tag")
    if plan.whole_image:
        return f"Delete image and {tags}" if plan.tags else "Delete image"
    return "Delete tag" if len(plan.tags) == 1 else f"Delete {tags}"


def _warnings(plan: Plan) -> list[str]:
    warnings = []
    if plan.siblings and not plan.whole_image:
        verb = "is the same image and goes" if len(plan.siblings) == 1 else "are the same image and go"
        warnings.append(
            f"{_listed(plan.siblings, most=20)} {verb} along: the registry deletes images, not single tags."
        )
    if plan.whole_image:
        warnings.extend(f"{each.name} stays: {each.reason}" for each in plan.kept if each.reason == DANGLING)
    return warnings


def _stays(plan: Plan) -> str:
    tags = f"{_listed(plan.staying_tags)}" if plan.staying_tags else ""
    manifests = [each for each in plan.kept if each.reason != DANGLING]
    shared = f"{counted(len(manifests), 'manifest')} that they share" if manifests else ""
    return " and ".join(filter(None, (tags, shared))) or "Nothing else in this repository"


def _listed(names: Sequence[str], most: int = NAMES_SHOWN) -> str:
    """Some names, and how many more there are."""
    shown = sorted(names, key=lambda name: name.startswith("sha256-"))[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {counted(len(names) - most, 'more tag')}"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _going(session: Session, plan: Plan) -> list[Going]:
    tags = [Going(kind_of_tag(name) or "tag", name, digest, None) for name, digest in sorted(plan.tags.items())]
    digests = [step.digest for step in plan.steps]
    rows = session.execute(
        select(Manifest.digest, Manifest.platforms, Manifest.image_size_bytes).where(among(Manifest.digest, digests))
    )
    known = {digest: (platforms, size) for digest, platforms, size in rows}
    for step in plan.steps:
        platforms, size = known.get(step.digest, ("", None))
        is_index = step.kind == "index"
        name = "" if is_index or "," in platforms else platforms
        tags.append(Going("index" if is_index else "manifest", name, step.digest, size))
    return tags


def _known_tags(session: Session, asked: Asked) -> tuple[list[tuple[str, str]], datetime | None]:
    """What the catalogue says that would go."""
    repository = session.scalar(select(Repository).where(Repository.name == asked.repository))
    if repository is None:
        return [], None
    if asked.tag is None:
        return [(tag.name, tag.digest or "") for tag in repository.tags], repository.synced_at
    rows = some_tag_rows(session, repository, [asked.tag])
    return [(name, row.digest or "") for row in rows for name in (row.name, *row.same_as)], repository.synced_at
