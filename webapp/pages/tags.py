"""A repository's tags, and one tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.catalogue import listing
from webapp.catalogue.details import carried_elsewhere, find_tag, manifest_details, tags_on
from webapp.catalogue.listing import TagOrder
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.referrers import kind_of_tag, notes_of, subject_named_by
from webapp.catalogue.totals import Total
from webapp.catalogue.untagged import UntaggedRow, untagged
from webapp.pages.answers import go_to, page_answer, page_or_fragment, wants_fragment
from webapp.pages.current import background, may_delete, parts, visibility
from webapp.pages.look_again import look_soon, mark_of, nothing_yet, seen_mark, unchanged
from webapp.pages.manifest_view import manifest_view, subject_of
from webapp.pages.permits import why_not
from webapp.pages.repositories import held_when
from webapp.pages.sorting import Sorting, asked_sorting, heads, options
from webapp.pages.tag_filters import Filters, chips, has_empty_fields, read_filters
from webapp.pages.untagged_lines import UntaggedLine, untagged_lines
from webapp.registry.visible import Some
from webapp.removal.journal import open_removal
from webapp.removal.recorded import recorded_space
from webapp.removal.trash import held_in_trash
from webapp.removal.wanted import Wanted

bp = Blueprint("tags", __name__)

NEWEST_LOOKED_AT = 20
NO_REPOSITORY = "There is no such repository, or you may not see it."
NO_TAG = "There is no such tag, or you may not see it."
NOT_READ_YET = "Its manifest has not been read yet."
SORTS = {
    TagOrder.NEWEST: "Newest",
    TagOrder.NAME: "Name",
    TagOrder.IMAGE: "Image",
    TagOrder.SIZE: "Size",
    TagOrder.CREATED: "Created",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """What a repository holds, in figures."""

    tags: int
    images: int
    size: Total
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
    created_at: datetime | None
    pushed_at: datetime
    pushed_is_seen: bool
    same_as: list[str]
    same_as_total: int
    note: str
    join: str


@bp.get("/repositories/<repository:repository>")
def index(repository: str) -> Response:
    """List the tags of a repository, or, where the address asks for them, its manifests without a tag."""
    filters, sorting = read_filters(request.args), asked_sorting(TagOrder, TagOrder.NEWEST)
    cursor, seen = request.args.get("after", ""), seen_mark()

    def address(chosen: Filters = filters, sort: str = sorting.words, **more: str | None) -> str:
        given = {**chosen.fields, "sort": sort if "sort" in request.args or sort != sorting.words else None, **more}
        return f"{url_for('.index', repository=repository)}{_query(given)}"

    if has_empty_fields(request.args) and not wants_fragment():
        return go_to(address())
    is_under_way = bool(seen) and background().is_checking(repository)  # asked first: what it finds is read after
    with parts().reading() as session:
        row = repository_or_404(session, repository)
        if is_under_way:
            return nothing_yet()
        found = _found(session, row, filters, sorting, cursor)
        state = session.get(RegistryState, 1)
        tags = [] if filters.untagged else lines(session, row, found.rows, sorting.order == TagOrder.IMAGE)
        names = [line.name for line in tags]
        as_of = listing.looked_at(session, row, names)
        is_looked_at = not seen and look_soon(repository, names, as_of, state)
        mark = mark_of(tags, found.matching, found.total)
        if seen == mark:
            return unchanged(summary=summary_of(row), as_of=as_of)
        answer = page_or_fragment(
            "tags/list.html",
            "tags/_rows.html",
            repository=repository,
            summary=summary_of(row),
            as_of=as_of,
            look_again=address(after=cursor or None, seen=mark) if is_looked_at else "",
            is_changed=bool(seen),
            tags=tags,
            manifests=_untagged_lines(session, row, found.rows) if filters.untagged else [],
            may_name=may_delete(),
            are_known=row.revisions_read_at is not None,
            platforms=sorted({each for line in found.rows for each in line.platforms}),
            query=filters.q,
            filters=filters,
            chips=chips(filters, address),
            all_tags=address(Filters()),
            everywhere=url_for("search.index", q=filters.q),
            sort=sorting.words,
            sorts=options(SORTS, sorting),
            heads=heads(TagOrder, sorting, lambda sort: address(sort=sort), {TagOrder.NAME, TagOrder.IMAGE}),
            shown=found.matching,
            total=found.total,
            next_page=address(after=found.next) if found.next else "",
            first_page=address() if cursor else "",
            may_delete=can_delete(state),
            why_not=why_no_deletes(state),
            pull_command=pull_command_of(session, row),
            unreachable=held_when(state),
            removal_id=open_removal(session, repository),
        )
    if wants_fragment() and not seen:
        answer.headers["HX-Push-Url"] = address(after=cursor or None)
    return answer


def _found(
    session: Session, repository: Repository, filters: Filters, sorting: Sorting[TagOrder], cursor: str
) -> listing.Page[Any]:
    """A page of tags, or of manifests without one."""
    wanted = filters.wanted(parts().now())
    if filters.untagged:
        return untagged(session, repository, wanted, cursor)
    return listing.tags(session, repository, wanted, sorting.order, cursor, turned=sorting.turned)


def _untagged_lines(session: Session, repository: Repository, rows: Sequence[UntaggedRow]) -> list[UntaggedLine]:
    digests = [row.digest for row in rows]
    return untagged_lines(rows, held_in_trash(session, repository.name, parts().now(), digests=digests))


def _query(given: Mapping[str, str | None]) -> str:
    said = {name: value for name, value in given.items() if value}
    return f"?{urlencode(said)}" if said else ""


@bp.get("/repositories/<repository:repository>/-/tags/<tag:tag>")
def show(repository: str, tag: str) -> Response:
    """Show one tag, and of an index the platform that the address names."""

    def here(platform: str) -> str:
        return url_for(".show", repository=repository, tag=tag, platform=platform)

    with parts().reading() as session:
        row = repository_or_404(session, repository)
        found = find_tag(session, row, tag)
        if found is None:
            raise NotFound(NO_TAG)
        digest = found.digest or ""
        details = manifest_details(session, row, digest) if digest else None
        view = manifest_view(session, row, details, request.args.get("platform", ""), here) if details else None
        same_as = [name for name in tags_on(session, row, [digest])[digest] if name != tag] if digest else []
        space = recorded_space(session, row, Wanted(repository, (tag,)), parts().now(), parts().settings.PROTECTED_TAGS)
        named = subject_named_by(tag)
        state = session.get(RegistryState, 1)
        place = f"{parts().settings.public_name}/{repository}"
        return page_answer(
            "tags/show.html",
            repository=repository,
            tag=tag,
            digest=digest,
            manifest=view,
            image=view.image if view else None,
            problem="" if view else found.problem or NOT_READ_YET,
            kind_of_tag=kind_of_tag(tag),
            subject=subject_of(session, row, named) if named else view.subject if view else None,
            references=[f"{place}:{tag}", *([f"{place}@{digest}"] if digest else [])],
            is_pulled=not kind_of_tag(tag) and (view is None or view.is_pulled),
            pushed_at=found.pushed_at,
            pushed_is_seen=found.pushed_at_is_seen,
            same_as=same_as,
            elsewhere=carried_elsewhere(session, visibility(), row, details.id) if details else Some(),
            space=space,
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
    return Summary(row.tag_count, row.image_count, Total(row.size_bytes, row.left_out), row.changed_at)


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
        created_at=row.created_at,
        pushed_at=row.pushed_at,
        pushed_is_seen=row.pushed_at_is_seen,
        same_as=list(row.same_as),
        same_as_total=row.same_as_total,
        note=notes.get(row.name, ""),
        join=join,
    )


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
    newest = listing.newest_tags(session, repository, NEWEST_LOOKED_AT)
    tag = next((name for name in newest if not kind_of_tag(name)), "TAG")
    return f"docker pull {parts().settings.public_name}/{repository.name}:{tag}"
