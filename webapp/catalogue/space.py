"""Where the space goes: by namespace and repository, what is shared, the largest tags and layers. Added up in the database.

This walks all manifests, for seconds where there are hundreds of thousands. So it is done while only reading, when
something has changed, and what comes of it is kept in tables that pages read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from webapp.catalogue.held import HELD
from webapp.catalogue.largest import Rows, largest_layers, largest_tags
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.space_models import LargestLayer, LargestTag, MeasuredSpace, NamespaceSpace, RepositorySpace
from webapp.database import Base

MOST_BYTES = 9 * 10**18
"""No column holds more; whoever pushes may state any size."""

_USED = """,
used(digest, size_bytes, repository_id) AS (
    SELECT m.digest, m.size_bytes, held.repository_id FROM held CROSS JOIN manifests m ON m.id = held.id
    UNION ALL
    SELECT d.digest, d.size_bytes, held.repository_id
    FROM held
    CROSS JOIN manifest_descriptors d ON d.manifest_id = held.id AND d.role <> 'subject'
    WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
)
"""

# Of each blob the first and the last that use it: it belongs to one alone where they are the same.
_OWNERS = """
SELECT repository_id, is_of_one, namespace, is_in_one, total(size_bytes), count(*)
FROM (
    SELECT
        max(used.size_bytes) AS size_bytes,
        min(used.repository_id) AS repository_id,
        min(used.repository_id) = max(used.repository_id) AS is_of_one,
        min(p.namespace) AS namespace,
        min(p.namespace) = max(p.namespace) AS is_in_one
    FROM used CROSS JOIN repositories p ON p.id = used.repository_id
    GROUP BY used.digest
)
GROUP BY repository_id, is_of_one, namespace, is_in_one
"""

_NAMESPACES = """
SELECT namespace, total(size_bytes)
FROM (
    SELECT p.namespace AS namespace, max(used.size_bytes) AS size_bytes
    FROM used CROSS JOIN repositories p ON p.id = used.repository_id
    GROUP BY used.digest, p.namespace
)
GROUP BY namespace
"""

_BY_OWNER = HELD + _USED + _OWNERS
_BY_NAMESPACE = HELD + _USED + _NAMESPACES


@dataclass(frozen=True, slots=True)
class InTrash:
    """What only the trash holds: of the whole registry, and of each repository by its id."""

    size_bytes: int = 0
    of_repositories: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Versions:
    """The state of the records that is added up."""

    content: int
    trash: str


@dataclass(slots=True)
class _Owned:
    """Bytes by who alone needs them, and what several repositories need."""

    by_repository: dict[int, int] = field(default_factory=dict)
    by_namespace: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    shared_blobs: int = 0
    shared_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """All rows of the tables, as they are added up while only reading."""

    whole: dict[str, Any]
    repositories: Rows
    namespaces: Rows
    tags: Rows
    layers: Rows


def is_measured(session: Session, versions: Versions) -> bool:
    """Whether what is kept is of this state of the records."""
    kept = session.get(MeasuredSpace, 1)
    return kept is not None and (kept.content_version, kept.trash_version) == (versions.content, versions.trash)


def content_version(session: Session) -> int | None:
    """Grows with every change of what a repository holds; None before all of them were looked at for the first time."""
    state = session.get(RegistryState, 1)
    return state.content_version if state and state.measured_version is not None else None


def add_up(session: Session, in_trash: InTrash) -> Measured:
    """Add up everything. To be called with a session that only reads."""
    owned = _owned(session)
    repositories = _repositories(session, owned, in_trash)
    whole = {
        "repositories": len(repositories),
        "size_bytes": _bounded(owned.size_bytes),
        "left_out": sum(each["left_out"] for each in repositories),
        "saved_bytes": _bounded(sum(each["size_bytes"] for each in repositories) - owned.size_bytes),
        "shared_blobs": owned.shared_blobs,
        "shared_bytes": _bounded(owned.shared_bytes),
        "in_trash_bytes": in_trash.size_bytes,
    }
    namespaces = _namespaces(session, owned, repositories)
    whole["namespaces"] = len(namespaces)
    return Measured(whole, repositories, namespaces, largest_tags(session), largest_layers(session))


def keep(session: Session, measured: Measured, versions: Versions, now: datetime) -> None:
    """Put what was added up in the place of what was kept."""
    whole = measured.whole | {"id": 1, "content_version": versions.content, "trash_version": versions.trash}
    tables: dict[type[Base], Rows] = {
        MeasuredSpace: [whole | {"measured_at": now}],
        RepositorySpace: measured.repositories,
        NamespaceSpace: measured.namespaces,
        LargestTag: measured.tags,
        LargestLayer: measured.layers,
    }
    for table, rows in tables.items():
        session.execute(delete(table))
        if rows:
            session.execute(insert(table), rows)


def _owned(session: Session) -> _Owned:
    owned = _Owned()
    for repository_id, is_of_one, namespace, is_in_one, size, blobs in session.execute(text(_BY_OWNER)):
        size_bytes = int(size)
        owned.size_bytes += size_bytes
        if is_of_one:
            owned.by_repository[repository_id] = owned.by_repository.get(repository_id, 0) + size_bytes
        else:
            owned.shared_blobs += blobs
            owned.shared_bytes += size_bytes
        if is_in_one:
            owned.by_namespace[namespace] = owned.by_namespace.get(namespace, 0) + size_bytes
    return owned


def _repositories(session: Session, owned: _Owned, in_trash: InTrash) -> Rows:
    """Those that hold something, with or without tags."""
    columns = (Repository.id, Repository.name, Repository.namespace, Repository.size_bytes, Repository.left_out)
    holding = select(*columns).where((Repository.size_bytes > 0) | (Repository.tag_count > 0))
    return [
        {
            "repository_id": repository_id,
            "name": name,
            "namespace": namespace,
            "size_bytes": size_bytes or 0,
            "exclusive_bytes": min(size_bytes or 0, owned.by_repository.get(repository_id, 0)),
            "left_out": left_out,
            "in_trash_bytes": in_trash.of_repositories.get(repository_id, 0),
        }
        for repository_id, name, namespace, size_bytes, left_out in session.execute(holding)
    ]


def _namespaces(session: Session, owned: _Owned, repositories: Rows) -> Rows:
    sizes = {namespace: _bounded(int(size)) for namespace, size in session.execute(text(_BY_NAMESPACE))}
    found: dict[str, dict[str, Any]] = {}
    for each in repositories:
        name = each["namespace"]
        size_bytes = sizes.get(name, 0)
        exclusive_bytes = min(size_bytes, owned.by_namespace.get(name, 0))
        row = found.setdefault(name, {"namespace": name, "size_bytes": size_bytes, "exclusive_bytes": exclusive_bytes})
        row["repositories"] = row.get("repositories", 0) + 1
        row["counted_bytes"] = _bounded(row.get("counted_bytes", 0) + each["size_bytes"])
        row["left_out"] = row.get("left_out", 0) + each["left_out"]
        row["in_trash_bytes"] = row.get("in_trash_bytes", 0) + each["in_trash_bytes"]
    return list(found.values())


def _bounded(size_bytes: int) -> int:
    return max(0, min(size_bytes, MOST_BYTES))
