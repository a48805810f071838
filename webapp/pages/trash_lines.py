"""The lines of the trash: what was deleted, by whom, until when, and whether it can be restored, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.pages.filters import counted, short_digest
from webapp.pages.plan_words import counted_kinds, kinds_of
from webapp.removal.trash import day_words
from webapp.removal.trash_listing import TrashRow
from webapp.removal.trash_models import Restorable, TrashState

MOST_MISSING = 3

STATES = {
    TrashState.IN_TRASH: "In the trash",
    TrashState.DELETED: "Deleted for good, restorable for now",
    TrashState.RESTORED: "Restored",
    TrashState.STAYS: "Stays in the registry",
    TrashState.LOST: "Lost",
}
"""What a list can be of, as the filter says it."""

EMPTY = {
    TrashState.IN_TRASH: ("The trash is empty.", "What is deleted stands here until its date, and can be restored."),
    TrashState.DELETED: (
        "Nothing that was deleted for good is left.",
        "What a collection has not taken yet stands here, and can be restored from what Holystone has kept.",
    ),
    TrashState.RESTORED: ("Nothing has been restored yet.", ""),
    TrashState.STAYS: (
        "Nothing left the trash to stay.",
        "What is tagged again, or needed by something else, stands here.",
    ),
    TrashState.LOST: ("Nothing was lost.", "What cannot be restored any more stands here."),
}


@dataclass(frozen=True, slots=True)
class TrashLine:
    """One line.

    Attributes:
        along: what went along with it: 'with 2 signatures'; or ''.
        can_be_restored: in a word or two; `why` says more.
        may_be_restored: whether the dialog is worth opening.
    """

    id: int
    repository: str
    tag: str
    digest: str
    name: str
    actor: str
    deleted_at: datetime
    until: datetime | None
    until_words: str
    size_bytes: int | None
    size_reason: str
    along: str
    can_be_restored: str
    why: str
    checked_at: datetime | None
    note: str
    may_be_restored: bool
    is_in_trash: bool
    is_here: bool


def trash_lines(session: Session, rows: Sequence[TrashRow]) -> list[TrashLine]:
    """The lines of some rows."""
    return [_line(session, row) for row in rows]


def name_of(repository: str, tag: str, digest: str) -> str:
    """An item as people write it."""
    return f"{repository}:{tag}" if tag else f"{repository}@{short_digest(digest)}"


def _line(session: Session, row: TrashRow) -> TrashLine:
    words, why = _restorable(row)
    is_in_trash = row.state == TrashState.IN_TRASH
    return TrashLine(
        id=row.id,
        repository=row.repository,
        tag=row.tag,
        digest=row.digest,
        name=name_of(row.repository, row.tag, row.digest),
        actor=row.actor,
        deleted_at=row.deleted_at,
        until=row.until,
        until_words=day_words(row.until) if row.until and is_in_trash else "",
        size_bytes=row.size_bytes if is_in_trash else None,
        size_reason="not worked out yet: that is done after the next sync" if is_in_trash else "it is not in the trash",
        along=f"with {counted_kinds(kinds_of(session, row.along))}" if row.along else "",
        can_be_restored=words,
        why=why,
        checked_at=row.checked_at,
        note=row.note,
        may_be_restored=row.state in (TrashState.IN_TRASH, TrashState.DELETED) and row.restorable != Restorable.NO,
        is_in_trash=is_in_trash,
        is_here=row.is_here,
    )


def _restorable(row: TrashRow) -> tuple[str, str]:
    """Whether it can be restored, and why not, or what is to be said of it."""
    if row.state == TrashState.RESTORED:
        return "restored", f"as {row.restored_as}" if row.restored_as not in ("", row.tag) else ""
    if row.state not in (TrashState.IN_TRASH, TrashState.DELETED):
        return "", row.note
    if row.restorable == Restorable.NO:
        return "no", _gone(row.missing)
    if row.restorable == Restorable.FROM_JOURNAL:
        return "yes", "from what Holystone has kept"
    return ("yes", "") if row.restorable else ("", "")


def _gone(missing: Sequence[str]) -> str:
    named = ", ".join(_short(each) for each in missing[:MOST_MISSING])
    more = f" and {counted(len(missing) - MOST_MISSING, 'more')}".replace("mores", "more")
    return f"gone: {named}{more if len(missing) > MOST_MISSING else ''}" if missing else "its manifest is gone"


def _short(words: str) -> str:
    """'blob sha256:…' with twelve digits."""
    kind, _, digest = words.partition(" ")
    return f"{kind} {short_digest(digest)}"
