"""What the page of the space lists: namespaces and repositories by what they take. From what was last added up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp.accounts.permissions import Visibility
from webapp.catalogue.keyset import Key, read_page
from webapp.catalogue.listing import PAGE_SIZE, Page
from webapp.catalogue.models import Repository
from webapp.catalogue.space_models import LargestLayer, LargestTag, MeasuredSpace, NamespaceSpace, RepositorySpace


class SpaceOrder(StrEnum):
    """Orders of the lists: by what is taken, by what is needed nowhere else, by name."""

    SIZE = "size"
    EXCLUSIVE = "exclusive"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class RepositoryLine:
    """A repository; without tags it has no page, and only a collection by hand takes its manifests."""

    space: RepositorySpace
    has_tags: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How many namespaces take space, and how much their repositories take, each counted for itself."""

    namespaces: int
    size_bytes: int


_TYPES = {SpaceOrder.SIZE: int, SpaceOrder.EXCLUSIVE: int, SpaceOrder.NAME: str}
_REPOSITORIES: Mapping[SpaceOrder, ColumnElement[Any]] = {
    SpaceOrder.SIZE: RepositorySpace.size_bytes.expression,
    SpaceOrder.EXCLUSIVE: RepositorySpace.exclusive_bytes.expression,
    SpaceOrder.NAME: RepositorySpace.name.expression,
}
_NAMESPACES: Mapping[SpaceOrder, ColumnElement[Any]] = {
    SpaceOrder.SIZE: NamespaceSpace.size_bytes.expression,
    SpaceOrder.EXCLUSIVE: NamespaceSpace.exclusive_bytes.expression,
    SpaceOrder.NAME: NamespaceSpace.namespace.expression,
}


def measured_space(session: Session, visibility: Visibility) -> MeasuredSpace | None:
    """What was last added up, for whoever may see all of the registry; None where nothing was yet."""
    return session.get(MeasuredSpace, 1) if visibility.sees_everything else None


def namespace_space(session: Session, visibility: Visibility, namespace: str) -> NamespaceSpace | None:
    """One namespace; '' is that of the repositories that are in none."""
    return session.get(NamespaceSpace, namespace) if visibility.sees_everything else None


def repositories_by_space(
    session: Session,
    visibility: Visibility,
    namespace: str | None = None,
    order: SpaceOrder = SpaceOrder.SIZE,
    cursor: str = "",
    turned: bool = False,
    size: int = PAGE_SIZE,
) -> Page[RepositoryLine]:
    """A page of all repositories, or of those of a namespace; `turned` is the order the other way round."""
    whole = measured_space(session, visibility)
    if whole is None:
        return Page([], 0, 0, "")
    found = select(RepositorySpace, Repository.tag_count).outerjoin(
        Repository, Repository.id == RepositorySpace.repository_id
    )
    number = whole.repositories
    if namespace is not None:
        found = found.where(RepositorySpace.namespace == namespace)
        here = namespace_space(session, visibility, namespace)
        number = here.repositories if here else 0
    keys, types = _keys(_REPOSITORIES, order, turned, RepositorySpace.repository_id.expression, int)
    rows, following = read_page(session, found, keys, types, cursor, size)
    return Page([RepositoryLine(row[0], bool(row[1])) for row in rows], number, whole.repositories, following)


def namespaces_by_space(
    session: Session,
    visibility: Visibility,
    order: SpaceOrder = SpaceOrder.SIZE,
    cursor: str = "",
    turned: bool = False,
    size: int = PAGE_SIZE,
) -> Page[NamespaceSpace]:
    """A page of the namespaces; `turned` is the order the other way round."""
    whole = measured_space(session, visibility)
    if whole is None:
        return Page([], 0, 0, "")
    keys, types = _keys(_NAMESPACES, order, turned, NamespaceSpace.namespace.expression, str)
    rows, following = read_page(session, select(NamespaceSpace), keys, types, cursor, size)
    return Page([row[0] for row in rows], whole.namespaces, whole.namespaces, following)


def most_counted(session: Session, number: int) -> Sequence[NamespaceSpace]:
    """The namespaces whose repositories take the most, each repository counted for itself."""
    largest = select(NamespaceSpace).where(NamespaceSpace.counted_bytes > 0)
    ordered = largest.order_by(NamespaceSpace.counted_bytes.desc(), NamespaceSpace.namespace.desc())
    return session.scalars(ordered.limit(number)).all()


def all_counted(session: Session) -> Counted:
    """All namespaces, and what all repositories take, each counted for itself."""
    found = select(func.count(), func.total(NamespaceSpace.counted_bytes)).where(NamespaceSpace.counted_bytes > 0)
    number, size_bytes = session.execute(found).one()
    return Counted(number, int(size_bytes))


def largest_repositories(session: Session, namespaces: Collection[str], number: int) -> Sequence[RepositoryLine]:
    """The repositories of some namespaces that take the most."""
    of_them = select(RepositorySpace, Repository.tag_count).outerjoin(
        Repository, Repository.id == RepositorySpace.repository_id
    )
    largest = of_them.where(RepositorySpace.namespace.in_(namespaces), RepositorySpace.size_bytes > 0)
    ordered = largest.order_by(RepositorySpace.size_bytes.desc(), RepositorySpace.repository_id.desc())
    return [RepositoryLine(space, bool(tags)) for space, tags in session.execute(ordered.limit(number))]


def largest_tags(session: Session, visibility: Visibility) -> Sequence[LargestTag]:
    """The tags of the largest images, the largest first."""
    return session.scalars(select(LargestTag).order_by(LargestTag.place)).all() if visibility.sees_everything else []


def largest_layers(session: Session, visibility: Visibility) -> Sequence[LargestLayer]:
    """The largest layers, the largest first."""
    found = select(LargestLayer).order_by(LargestLayer.place)
    return session.scalars(found).all() if visibility.sees_everything else []


def _keys(
    columns: Mapping[SpaceOrder, ColumnElement[Any]],
    order: SpaceOrder,
    turned: bool,
    row: ColumnElement[Any],
    row_type: type,
) -> tuple[list[Key], list[type]]:
    """All keys go one way, so that an index answers from a row on. The name goes up and all else down."""
    descends = (order != SpaceOrder.NAME) != turned
    if order == SpaceOrder.NAME:
        return [(columns[order], descends)], [str]
    return [(columns[order], descends), (row, descends)], [_TYPES[order], row_type]
