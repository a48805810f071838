"""The trash as a list: what was deleted and can be put back, and what became of it. Reads rows only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.accounts.permissions import Visibility
from webapp.catalogue.edges import recorded_manifests
from webapp.catalogue.keyset import read_page
from webapp.catalogue.listing import PAGE_SIZE, Page, how_many
from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, Repository, RepositoryManifest
from webapp.database import among
from webapp.removal.restorable import BLOB_IS_GONE
from webapp.removal.trash_models import Restorable, TrashItem, TrashState

LISTED = (TrashState.IN_TRASH, TrashState.DELETED, TrashState.RESTORED, TrashState.STAYS, TrashState.LOST)
"""What a list can be of; the states between are over in a moment."""

READ_AT_ONCE = 500

NEWEST = TrashItem.id.expression


@dataclass(frozen=True, slots=True)
class TrashFilter:
    """Which items are wanted; '' wants all."""

    state: TrashState = TrashState.IN_TRASH
    repository: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class TrashRow:
    """One item.

    Attributes:
        missing: what is not there any more, as words.
        along: what went along with it and is where it is: tags, or digests of what had none.
        is_here: whether the manifest has a page: it is in the repository, and that is listed.
    """

    id: int
    repository: str
    tag: str
    digest: str
    actor: str
    deleted_at: datetime
    until: datetime | None
    ended_at: datetime | None
    state: TrashState
    restorable: str
    missing: tuple[str, ...]
    checked_at: datetime | None
    size_bytes: int | None
    note: str
    restored_as: str
    along: tuple[str, ...] = field(default=())
    is_here: bool = False


def trash_page(
    session: Session, visibility: Visibility, wanted: TrashFilter, cursor: str = "", size: int = PAGE_SIZE
) -> Page[TrashRow]:
    """A page of items, what was deleted last first. What went along with one of them is in its row."""
    found = _matching(visibility, wanted).where(~_is_in_the_row_of_another())
    number = how_many(session, found)
    rows, following = read_page(session, found, [(NEWEST, True)], [int], cursor, size)
    return Page(rows_of_items(session, [row[0] for row in rows]), number, number, following)


def every_item(session: Session, visibility: Visibility, wanted: TrashFilter) -> Iterator[TrashRow]:
    """All items, what was deleted last first; also what went along with others."""
    found = _matching(visibility, wanted).order_by(TrashItem.id.desc())
    for item in session.scalars(found.execution_options(yield_per=READ_AT_ONCE)):
        yield _row(item)


def rows_of_items(session: Session, items: Sequence[TrashItem]) -> list[TrashRow]:
    """The rows of some items, each with what went along with it."""
    along, here = went_along(session, items), _here(session, items)
    return [_row(item, along[item.id], (item.repository, item.digest) in here) for item in items]


def _here(session: Session, items: Sequence[TrashItem]) -> set[tuple[str, str]]:
    """Repository and digest of the manifests that have a page."""
    rows = session.execute(
        select(Repository.name, Manifest.digest)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .join(Repository, Repository.id == RepositoryManifest.repository_id)
        .where(
            among(Manifest.digest, _digests(items)),
            Repository.tag_count > 0,
            Repository.name.in_(sorted({item.repository for item in items})),
        )
    )
    return {(name, digest) for name, digest in rows}


def went_along(session: Session, items: Sequence[TrashItem]) -> dict[int, list[TrashItem]]:
    """Of each item, what went along with it or with what it names, and is in the same state."""
    children = {digest: each.children for digest, each in recorded_manifests(session, _digests(items)).items()}
    carried = select(TrashItem).where(
        among(TrashItem.removal_id, {item.removal_id for item in items}), TrashItem.refers_to != ""
    )
    referrers = session.scalars(carried.order_by(TrashItem.id)).all() if items else []
    found: dict[int, list[TrashItem]] = {}
    for item in items:
        reached = {item.digest, *children.get(item.digest, ())}
        mine = found.setdefault(item.id, [])
        left = [each for each in referrers if each.removal_id == item.removal_id and each.state == item.state]
        while more := [each for each in left if each.refers_to in reached and each.id != item.id]:
            mine += more
            reached |= {each.digest for each in more}
            left = [each for each in left if each not in more]
    return found


def ids_in_trash(session: Session, visibility: Visibility, most: int) -> list[int]:
    """The items that are in the trash, those first that are there the longest; at most so many."""
    found = _matching(visibility, TrashFilter()).with_only_columns(TrashItem.id)
    return list(session.scalars(found.order_by(TrashItem.id).limit(most)))


def how_many_in_trash(session: Session, visibility: Visibility) -> int:
    """How many items are in the trash, with what went along with others."""
    return how_many(session, _matching(visibility, TrashFilter()))


def items_of_removal(session: Session, visibility: Visibility, removal_id: int, most: int) -> list[int]:
    """What a removal put into the trash and is there still; at most so many."""
    found = _matching(visibility, TrashFilter()).where(TrashItem.removal_id == removal_id)
    return list(session.scalars(found.with_only_columns(TrashItem.id).order_by(TrashItem.id).limit(most)))


def is_touched_by_others(session: Session) -> bool:
    """Whether manifests of the trash, or their blobs, are gone although nobody emptied it.

    A child that was not there when its index was deleted is in nobody's journal, and was taken by nobody since.
    """
    lacks_blobs = TrashItem.missing.contains(f'"{BLOB_IS_GONE}')
    gone = exists().where(
        TrashItem.state == TrashState.IN_TRASH,
        or_(TrashItem.restorable == Restorable.FROM_JOURNAL, and_(TrashItem.restorable == Restorable.NO, lacks_blobs)),
    )
    return bool(session.scalar(select(gone)))


def _matching(visibility: Visibility, wanted: TrashFilter) -> Select[TrashItem]:
    query = select(TrashItem).where(TrashItem.state == wanted.state)
    if wanted.repository:
        query = query.where(TrashItem.repository == wanted.repository)
    if wanted.actor:
        query = query.where(TrashItem.actor == wanted.actor)
    return query if visibility.sees_everything else query.where(TrashItem.id.is_(None))


def _is_in_the_row_of_another() -> ColumnElement[bool]:
    """Whether what an item went along with, or an index that names that, is where the item is."""
    image, parent = aliased(TrashItem), aliased(TrashItem)

    def is_beside(other: type[TrashItem]) -> ColumnElement[bool]:
        return and_(
            other.repository == TrashItem.repository,
            other.state == TrashItem.state,
            other.removal_id == TrashItem.removal_id,
        )

    named_by = (
        select(parent.id)
        .select_from(ManifestDescriptor)
        .join(Manifest, Manifest.id == ManifestDescriptor.manifest_id)
        .join(parent, and_(parent.digest == Manifest.digest, is_beside(parent)))
        .where(ManifestDescriptor.digest == TrashItem.refers_to, ManifestDescriptor.role == DescriptorRole.CHILD)
        .correlate(TrashItem)
    )
    is_there = exists().where(is_beside(image), image.digest == TrashItem.refers_to)
    return and_(TrashItem.refers_to != "", or_(is_there, named_by.exists()))


def _digests(items: Sequence[TrashItem]) -> set[str]:
    return {item.digest for item in items}


def _row(item: TrashItem, along: Sequence[TrashItem] = (), is_here: bool = False) -> TrashRow:
    return TrashRow(
        id=item.id,
        repository=item.repository,
        tag=item.tag,
        digest=item.digest,
        actor=item.actor,
        deleted_at=item.deleted_at,
        until=item.until,
        ended_at=item.ended_at,
        state=item.state,
        restorable=item.restorable,
        missing=tuple(json.loads(item.missing)) if item.missing else (),
        checked_at=item.checked_at,
        size_bytes=item.size_bytes,
        note=item.note,
        restored_as=item.restored_as,
        along=tuple(each.tag or each.digest for each in along),
        is_here=is_here,
    )
