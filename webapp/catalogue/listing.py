"""What the pages list: repositories, and the tags of one. From the database only (law 9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from webapp.accounts.permissions import Visibility
from webapp.catalogue.keyset import Key, read_page
from webapp.catalogue.models import NO_SIZE, Manifest, Repository, Tag, platforms_in
from webapp.catalogue.sizes import why_no_size
from webapp.catalogue.tag_filter import ANY, TagFilter, conditions, count_matching, found_by
from webapp.catalogue.totals import Total
from webapp.database import among

PAGE_SIZE = 100
SIBLINGS_NAMED = 20
"""So many other tags of its image a row names; of the rest it tells the number."""
ALL_AT_ONCE = 10_000_000
FEW = 3_000
"""So many rows are looked up and sorted as soon as a hundred thousand are walked until a page is full of them."""

RowType = TypeVar("RowType")


class RepositoryOrder(StrEnum):
    """Orders of the list of repositories."""

    NAME = "name"
    CHANGED = "changed"
    SIZE = "size"
    TAGS = "tags"


class TagOrder(StrEnum):
    """Orders of the list of tags, by name with the numbers in it. `newest` is by the time of the push, `created` by that
    of the image. `image` puts the tags of one digest side by side, the newest image first.
    """

    NEWEST = "newest"
    NAME = "name"
    SIZE = "size"
    CREATED = "created"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Page(Generic[RowType]):
    """Some rows of a list: how many match, how many there are, and where the next page begins ('' at the end)."""

    rows: Sequence[RowType]
    matching: int
    total: int
    next: str


@dataclass(frozen=True, slots=True)
class TagRow:
    """One line of a repository's tags. Sizes are None, with a reason, where a manifest could not be read.

    `same_as` are the newest other tags of its image, of all `same_as_total`.
    """

    name: str
    digest: str | None
    kind: str
    platforms: tuple[str, ...]
    size_bytes: int | None
    size_reason: str
    created_at: datetime | None
    pushed_at: datetime
    pushed_at_is_seen: bool
    same_as: tuple[str, ...]
    same_as_total: int


_SORTED_BY: dict[RepositoryOrder, ColumnElement[Any]] = {
    RepositoryOrder.NAME: Repository.name.expression,
    RepositoryOrder.CHANGED: func.coalesce(Repository.changed_at, Repository.first_seen_at),
    RepositoryOrder.SIZE: func.coalesce(Repository.size_bytes, NO_SIZE),
    RepositoryOrder.TAGS: Repository.tag_count.expression,
}
_TYPES = {
    RepositoryOrder.NAME: str,
    RepositoryOrder.CHANGED: datetime,
    RepositoryOrder.SIZE: int,
    RepositoryOrder.TAGS: int,
}


def find_repository(session: Session, visibility: Visibility, name: str) -> Repository | None:
    """A repository that is listed and may be seen."""
    return session.scalars(_listed(visibility).where(Repository.name == name)).one_or_none()


def repositories(
    session: Session,
    visibility: Visibility,
    search: str = "",
    order: RepositoryOrder = RepositoryOrder.NAME,
    cursor: str = "",
    size: int = PAGE_SIZE,
    turned: bool = False,
    under: str = "",
) -> Page[Repository]:
    """A page of the repositories that have tags, all or those `under` a namespace; `turned` is the other way round."""
    listed = _listed(visibility, under)
    found = listed.where(Repository.name.contains(search, autoescape=True)) if search else listed
    keys, types = repository_keys(_SORTED_BY, order, turned)
    rows, following = read_page(session, found, keys, types, cursor, size)
    return Page([row[0] for row in rows], how_many(session, found), how_many(session, listed), following)


def count_repositories(session: Session, visibility: Visibility) -> int:
    """How many repositories have tags."""
    return how_many(session, _listed(visibility))


def repository_keys(
    sorted_by: Mapping[RepositoryOrder, ColumnElement[Any]], order: RepositoryOrder, turned: bool
) -> tuple[list[Key], list[type]]:
    """The keys of an order and their types: the name goes up and all else down, equals are by name."""
    orders = [order] if order == RepositoryOrder.NAME else [order, RepositoryOrder.NAME]
    keys = [(sorted_by[each], (each != RepositoryOrder.NAME) != turned) for each in orders]
    return keys, [_TYPES[each] for each in orders]


def size_under(session: Session, visibility: Visibility, namespace: str) -> Total:
    """What the repositories of a namespace take, each counted for itself."""
    listed = _listed(visibility, namespace).subquery()
    sums = select(func.total(listed.c.size_bytes), func.total(listed.c.left_out))
    size_bytes, left_out = session.execute(sums).one()
    return Total(int(size_bytes), int(left_out))


def tags(
    session: Session,
    repository: Repository,
    wanted: TagFilter = ANY,
    order: TagOrder = TagOrder.NEWEST,
    cursor: str = "",
    size: int = PAGE_SIZE,
    siblings: int = SIBLINGS_NAMED,
    turned: bool = False,
) -> Page[TagRow]:
    """A page of a repository's tags, each with so many others of its image; `turned` is the other way round."""
    keys, types = _tag_keys(order)
    matching, is_wanted = _wanted(session, repository, wanted, keys[0][0])
    found = select(Tag, Manifest).outerjoin(Manifest, Manifest.id == Tag.manifest_id).where(*is_wanted)
    keys = [(column, descends != turned) for column, descends in keys]
    rows, following = read_page(session, found, keys, types, cursor, size)
    shown = _with_siblings(session, repository, [(row[0], row[1]) for row in rows], siblings)
    return Page(shown, matching, repository.tag_count, following)


def _wanted(
    session: Session, repository: Repository, wanted: TagFilter, walked: ColumnElement[Any]
) -> tuple[int, list[ColumnElement[bool]]]:
    """How many tags match, and the conditions for them: what is rare is looked up, what is common is met on the way."""
    if wanted == ANY:
        return repository.tag_count, conditions(repository, ANY)
    ids = select(Tag.id).where(*conditions(repository, wanted, found_by(wanted)))
    some = session.scalars(ids.limit(FEW + 1)).all()
    if len(some) <= FEW:
        return len(some), [among(Tag.id, some)]
    return count_matching(session, repository, wanted), conditions(repository, wanted, walked)


def newest_tags(session: Session, repository: Repository, number: int) -> Sequence[str]:
    """The names of the tags that were pushed last."""
    newest = select(Tag.name).where(Tag.repository_id == repository.id)
    return session.scalars(newest.order_by(Tag.pushed_at.desc(), Tag.id.desc()).limit(number)).all()


def looked_at(session: Session, repository: Repository, names: Collection[str]) -> datetime | None:
    """When the registry was last looked at for some tags: of the one for which that is the longest ago."""
    oldest = session.scalar(
        select(func.min(func.coalesce(Tag.checked_at, repository.synced_at))).where(
            Tag.repository_id == repository.id, among(Tag.name, names)
        )
    )
    return oldest or repository.synced_at


def matching_tags(session: Session, repository: Repository, wanted: TagFilter = ANY) -> list[str]:
    """The names of all tags that `tags` finds, on all its pages."""
    names = select(Tag.name).where(*conditions(repository, wanted, found_by(wanted)))
    return list(session.scalars(names.order_by(Tag.sort_key, Tag.id)))


def some_tag_rows(
    session: Session, repository: Repository, names: Sequence[str], siblings: int = SIBLINGS_NAMED
) -> list[TagRow]:
    """The rows of some tags, for a list that changes in place."""
    rows = session.execute(
        select(Tag, Manifest)
        .outerjoin(Manifest, Manifest.id == Tag.manifest_id)
        .where(Tag.repository_id == repository.id, among(Tag.name, names))
    ).all()
    return _with_siblings(session, repository, [(tag, manifest) for tag, manifest in rows], siblings)


def how_many(session: Session, found: Select) -> int:  # type: ignore[type-arg]
    """How many rows a query finds."""
    return session.scalar(found.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def _listed(visibility: Visibility, under: str = "") -> Select[Repository]:
    listed = select(Repository).where(Repository.tag_count > 0)
    listed = listed.where(Repository.namespace == under) if under else listed
    return listed if visibility.sees_everything else listed.where(Repository.id.is_(None))


def _tag_keys(order: TagOrder) -> tuple[list[Key], list[type]]:
    row: Key = (Tag.id.expression, True)
    if order == TagOrder.NAME:
        return [(Tag.sort_key.expression, False), (Tag.id.expression, False)], [str, int]
    if order == TagOrder.SIZE:
        return [(Tag.size_bytes.expression, True), row], [int, int]
    if order == TagOrder.CREATED:
        return [(Tag.created_at.expression, True), row], [datetime, int]
    if order == TagOrder.IMAGE:
        columns = (Tag.image_pushed_at, Tag.image, Tag.sort_key)
        return [*((column.expression, True) for column in columns), row], [datetime, str, str, int]
    return [(Tag.pushed_at.expression, True), row], [datetime, int]


def _with_siblings(
    session: Session, repository: Repository, rows: Sequence[tuple[Tag, Manifest | None]], most: int
) -> list[TagRow]:
    newest: dict[str, list[str]] = {}
    totals: dict[str, int] = {}
    for digest, name, total in session.execute(
        _newest_of_images(repository, {tag.digest for tag, _ in rows}, most + 1)
    ):
        newest.setdefault(digest, []).append(name)
        totals[digest] = total
    return [_row(tag, manifest, newest.get(tag.digest or "", []), totals, most) for tag, manifest in rows]


def _newest_of_images(repository: Repository, digests: Collection[str | None], most: int) -> Select[str, str, int]:
    """Of each image its newest tags, with the number of all: one image may have thousands, and only some are read."""
    order = (Tag.pushed_at.desc(), Tag.name)
    of_images = (
        select(
            Tag.digest,
            Tag.name,
            func.count().over(partition_by=Tag.digest).label("total"),
            func.row_number().over(partition_by=Tag.digest, order_by=order).label("place"),
        )
        .where(Tag.repository_id == repository.id, among(Tag.digest, list(filter(None, digests))))
        .subquery()
    )
    found = of_images.c
    return select(found.digest, found.name, found.total).where(found.place <= most).order_by(found.place)


def _row(tag: Tag, manifest: Manifest | None, newest: Sequence[str], totals: Mapping[str, int], most: int) -> TagRow:
    return TagRow(
        name=tag.name,
        digest=tag.digest,
        kind=manifest.kind if manifest else "unknown",
        platforms=platforms_in(manifest.platforms) if manifest else (),
        size_bytes=manifest.image_size_bytes if manifest else None,
        size_reason=_size_reason(tag, manifest),
        created_at=manifest.created_at if manifest else None,
        pushed_at=tag.pushed_at,
        pushed_at_is_seen=tag.pushed_at_is_seen,
        same_as=tuple(name for name in newest if name != tag.name)[:most],
        same_as_total=totals.get(tag.digest or "", 1) - 1,
    )


def _size_reason(tag: Tag, manifest: Manifest | None) -> str:
    if manifest is None:
        return tag.problem or "Its manifest has not been read yet."
    return "" if manifest.image_size_bytes is not None else why_no_size(manifest.kind)
