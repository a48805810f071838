"""Namespaces as folders: each once, beside the repositories that are in none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.accounts.permissions import Visibility
from webapp.catalogue.keyset import read_page
from webapp.catalogue.listing import PAGE_SIZE, Page, RepositoryOrder, repository_keys
from webapp.catalogue.models import NO_SIZE, Repository
from webapp.catalogue.totals import Total


@dataclass(frozen=True, slots=True)
class Folder:
    """A namespace with what is in it, or a repository that is in none (`namespace` is empty then).

    Its size is the sum of its repositories', each counted for itself; unknown where one is not known.
    """

    name: str
    namespace: str
    repositories: int
    tags: int
    size: Total
    changed_at: datetime | None


def folders(
    session: Session,
    visibility: Visibility,
    order: RepositoryOrder = RepositoryOrder.NAME,
    cursor: str = "",
    size: int = PAGE_SIZE,
    turned: bool = False,
) -> Page[Folder]:
    """A page of the top of the registry; `turned` is the order the other way round."""
    if not visibility.sees_everything:
        return Page([], 0, 0, "")
    top = _top()
    sorted_by = {
        RepositoryOrder.NAME: top.c.name,
        RepositoryOrder.CHANGED: top.c.changed_at,
        RepositoryOrder.SIZE: func.coalesce(top.c.size_bytes, NO_SIZE),
        RepositoryOrder.TAGS: top.c.tags,
    }
    keys, types = repository_keys(sorted_by, order, turned)
    found = select(
        top.c.name,
        top.c.namespace,
        top.c.repositories,
        top.c.tags,
        top.c.changed_at,
        top.c.size_bytes,
        top.c.left_out,
    )
    rows, following = read_page(session, found, keys, types, cursor, size)
    number, total = session.execute(select(func.count(), func.total(top.c.repositories)).select_from(top)).one()
    return Page([_folder(*row[:7]) for row in rows], number, int(total), following)


def _folder(
    name: str, namespace: str, repositories: int, tags: int, changed_at: datetime, size_bytes: int | None, left_out: int
) -> Folder:
    return Folder(name, namespace, repositories, tags, Total(size_bytes, left_out), changed_at)


def _top() -> Subquery:
    """Both are read from the index of namespaces as they stand there: in one with a name for each they would be sorted."""
    changed_at = func.coalesce(Repository.changed_at, Repository.first_seen_at)
    all_sized = func.count(Repository.size_bytes) == func.count()
    columns: dict[str, tuple[ColumnElement[Any], ColumnElement[Any]]] = {
        "repositories": (func.count(), literal(1)),
        "tags": (func.sum(Repository.tag_count), Repository.tag_count.expression),
        "size_bytes": (case((all_sized, func.sum(Repository.size_bytes))), Repository.size_bytes.expression),
        "left_out": (func.sum(Repository.left_out), Repository.left_out.expression),
        "changed_at": (func.max(changed_at), changed_at),
    }
    of_many = [many.label(name) for name, (many, _one) in columns.items()]
    of_one = [one.label(name) for name, (_many, one) in columns.items()]
    in_one = select((Repository.namespace + "/").label("name"), Repository.namespace, *of_many).where(
        Repository.namespace > "", Repository.tag_count > 0
    )
    in_none = select(Repository.name.label("name"), Repository.namespace, *of_one).where(
        Repository.namespace == "", Repository.tag_count > 0
    )
    return union_all(in_one.group_by(Repository.namespace), in_none).subquery()
