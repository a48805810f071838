"""A repository's tags, and one tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.catalogue import listing
from webapp.catalogue.listing import TagOrder
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.referrers import kind_of_tag, notes_of, referrers_of
from webapp.pages.answers import page_answer, page_or_fragment
from webapp.pages.current import may_delete, parts, visibility
from webapp.pages.permits import why_not
from webapp.pages.repositories import chosen, held_when, searched
from webapp.removal.journal import open_removal

bp = Blueprint("tags", __name__)

MOST_LABELS = 50
NEWEST_LOOKED_AT = 20
KINDS = {"index": "image index", "image": "image", "artifact": "artifact", "schema1": "image of schema 1"}
NO_REPOSITORY = "There is no such repository, or you may not see it."
NO_TAG = "There is no such tag, or you may not see it."


@dataclass(frozen=True, slots=True)
class Summary:
    """What a repository holds, in figures."""

    tags: int
    images: int
    size_bytes: int | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TagLine:
    """One line of the list. `join` says where it stands among the neighbours of its image."""

    key: str
    name: str
    digest: str
    platforms: list[str]
    size_bytes: int | None
    size_reason: str
    pushed_at: datetime
    pushed_is_seen: bool
    same_as: list[str]
    note: str
    join: str


@dataclass(frozen=True, slots=True)
class Platform:
    """One child of an index."""

    name: str
    digest: str
    size_bytes: int | None


@bp.get("/repositories/<repository:repository>")
def index(repository: str) -> Response:
    """List the tags of a repository."""
    query, order = searched(), chosen(TagOrder, TagOrder.NEWEST)
    cursor = request.args.get("after", "")

    def address(sort: TagOrder, after: str | None = None) -> str:
        return url_for(".index", repository=repository, q=query or None, sort=sort.value, after=after)

    with parts().reading() as session:
        row = repository_or_404(session, repository)
        found = listing.tags(session, row, query, order, cursor)
        state = session.get(RegistryState, 1)
        return page_or_fragment(
            "tags/list.html",
            "tags/_rows.html",
            repository=repository,
            summary=summary_of(row),
            tags=lines(session, row, found.rows, order == TagOrder.IMAGE),
            query=query,
            sort=order.value,
            sort_links={each.value: address(each) for each in TagOrder},
            shown=found.matching,
            total=found.total,
            next_page=address(order, found.next) if found.next else "",
            first_page=address(order) if cursor else "",
            may_delete=can_delete(state),
            why_not=why_no_deletes(state),
            pull_command=pull_command_of(session, row),
            unreachable=held_when(state),
            removal_id=open_removal(session, repository),
        )


@bp.get("/repositories/<repository:repository>/-/tags/<tag:tag>")
def show(repository: str, tag: str) -> Response:
    """Show one tag."""
    with parts().reading() as session:
        row = repository_or_404(session, repository)
        found = listing.tag_details(session, row, tag)
        if found is None:
            raise NotFound(NO_TAG)
        state = session.get(RegistryState, 1)
        pull = f"docker pull {parts().settings.public_name}/{repository}"
        digest = found.row.digest or ""
        return page_answer(
            "tags/show.html",
            repository=repository,
            tag=tag,
            digest=digest,
            media_type=found.media_type,
            kind=KINDS.get(found.row.kind, "of an unknown kind"),
            pull_command=f"{pull}:{tag}",
            pull_by_digest=f"{pull}@{digest}" if digest else "",
            size_bytes=found.row.size_bytes,
            pushed_at=found.row.pushed_at,
            pushed_is_seen=found.row.pushed_at_is_seen,
            created_at=found.created_at,
            same_as=found.row.same_as,
            platforms=[Platform(_platform(name), child, size) for name, child, size in found.children],
            referrers=referrers_of(session, row, digest) if digest else [],
            labels=found.labels[:MOST_LABELS],
            labels_cut=max(0, len(found.labels) - MOST_LABELS),
            labels_reason="" if digest else found.row.size_reason,
            history=[],
            may_delete=can_delete(state),
            why_not=why_no_deletes(state),
        )


def repository_or_404(session: Session, name: str) -> Repository:
    """A repository that is listed and may be seen."""
    row = listing.find_repository(session, visibility(), name)
    if row is None:
        raise NotFound(NO_REPOSITORY)
    return row


def can_delete(state: RegistryState | None) -> bool:
    """Whether trash cans are shown: whoever asks may delete, and the registry does not refuse all deletes."""
    return may_delete() and not (state and state.may_delete is False)


def why_no_deletes(state: RegistryState | None) -> str:
    """The sentence in place of the trash cans; empty where they are shown."""
    if can_delete(state):
        return ""
    return why_not() or "The registry refuses deletes; Status says how to enable them."


def summary_of(row: Repository) -> Summary:
    """What the head of the page says of a repository."""
    return Summary(row.tag_count, row.image_count, row.size_bytes, row.changed_at)


def key_of(tag: str) -> str:
    """What a tag's row is called in the page: tags have capitals, dots and more, identifiers had better not."""
    return hashlib.sha256(tag.encode()).hexdigest()[:16]


def lines(
    session: Session, repository: Repository, rows: Sequence[listing.TagRow], by_image: bool = False
) -> list[TagLine]:
    """The lines of some tags; where they are sorted by image, joined."""
    notes = notes_of(session, repository, [row.name for row in rows])
    joins = _joins([row.digest for row in rows]) if by_image else [""] * len(rows)
    return [_line(row, notes, join) for row, join in zip(rows, joins, strict=True)]


def _line(row: listing.TagRow, notes: Mapping[str, str], join: str) -> TagLine:
    return TagLine(
        key=key_of(row.name),
        name=row.name,
        digest=row.digest or "",
        platforms=[each.removeprefix("linux/") for each in row.platforms],
        size_bytes=row.size_bytes,
        size_reason=row.size_reason,
        pushed_at=row.pushed_at,
        pushed_is_seen=row.pushed_at_is_seen,
        same_as=list(row.same_as),
        note=notes.get(row.name, ""),
        join=join,
    )


def _platform(stated: str) -> str:
    """A platform in words. BuildKit puts what it attests to into an index as a child for 'unknown/unknown'."""
    return "attestation" if stated.startswith("unknown") else stated or "not stated"


def _joins(digests: Sequence[str | None]) -> list[str]:
    """Where each row stands among its neighbours of the same digest: first, middle, last, or alone ('')."""
    joins = []
    for place, digest in enumerate(digests):
        above = bool(digest) and place > 0 and digests[place - 1] == digest
        below = bool(digest) and place + 1 < len(digests) and digests[place + 1] == digest
        joins.append({(False, True): "first", (True, True): "middle", (True, False): "last"}.get((above, below), ""))
    return joins


def pull_command_of(session: Session, repository: Repository) -> str:
    """What pulls the newest image: to copy, so it names a tag that is there."""
    newest = (row.name for row in listing.tags(session, repository, size=NEWEST_LOOKED_AT).rows)
    tag = next((name for name in newest if not kind_of_tag(name)), "TAG")
    return f"docker pull {parts().settings.public_name}/{repository.name}:{tag}"
