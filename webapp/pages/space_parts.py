"""What the map of /space is made of: the largest namespaces and repositories, and all others together."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from sqlalchemy.orm import Session

from webapp.catalogue import space_listing
from webapp.catalogue.space_listing import RepositoryLine
from webapp.catalogue.space_models import NamespaceSpace
from webapp.pages.filters import counted, in_bytes
from webapp.pages.space_map import MOST_GROUPS, MOST_TILES, Branch, Others, Part

NO_NAMESPACE = "-"
"""In an address, the namespace of the repositories that are in none; no namespace is called so."""


def address_of_namespace(namespace: str) -> str:
    """The page of a namespace."""
    return url_for("space.index", namespace=namespace or NO_NAMESPACE)


def name_of_namespace(namespace: str) -> str:
    """What a namespace is called, also the one of the repositories that are in none."""
    return namespace or "No namespace"


def branches_of(session: Session, namespace: str | None) -> tuple[list[Branch], Others | None]:
    """The largest namespaces with their largest repositories, and what all others take; or one namespace alone."""
    if namespace is not None:
        only = session.get(NamespaceSpace, namespace)
        top = [only] if only else []
    else:
        top = list(space_listing.most_counted(session, MOST_GROUPS))
    lines = space_listing.largest_repositories(session, [each.namespace for each in top], MOST_TILES)
    branches = [_branch(each, [line for line in lines if line.space.namespace == each.namespace]) for each in top]
    return branches, _others(session, top) if namespace is None else None


def _branch(space: NamespaceSpace, lines: Sequence[RepositoryLine]) -> Branch:
    """As large as its repositories together; what it is said to take is each blob once, as in the list."""
    name, size = name_of_namespace(space.namespace), in_bytes(space.size_bytes)
    words = f"{name}: {size} in {counted(space.repositories, 'repository', 'repositories')}"
    whole = Part(name, space.counted_bytes, 0, size, words, address_of_namespace(space.namespace))
    others_bytes = max(0, space.counted_bytes - sum(each.space.size_bytes for each in lines))
    return Branch(whole, [_part(each) for each in lines], space.repositories - len(lines), others_bytes)


def _part(line: RepositoryLine) -> Part:
    space = line.space
    size, exclusive = in_bytes(space.size_bytes), in_bytes(space.exclusive_bytes)
    address = url_for("tags.index", repository=space.name) if line.has_tags else address_of_namespace(space.namespace)
    label = space.name.removeprefix(f"{space.namespace}/") if space.namespace else space.name
    words = f"{space.name}: {size}, {exclusive} of it needed nowhere else"
    return Part(label, space.size_bytes, space.exclusive_bytes, size, words, address)


def _others(session: Session, top: Sequence[NamespaceSpace]) -> Others:
    whole = space_listing.all_counted(session)
    size_bytes = max(0, whole.size_bytes - sum(each.counted_bytes for each in top))
    return Others(whole.namespaces - len(top), size_bytes, url_for("space.index", view="namespaces"))
