"""All that the catalogue knows of one manifest: what it names, what holds it, what carries its digest elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session, undefer

from webapp.accounts.permissions import Visibility
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, Tag, platforms_in
from webapp.catalogue.sizes import why_no_size
from webapp.database import among, unindexed
from webapp.registry.manifests import Descriptor, ManifestKind, parse_manifest
from webapp.registry.manifests import Manifest as Content
from webapp.registry.visible import Some, first

MOST_CHILDREN = 100
MOST_HOLDERS = 20
MOST_ELSEWHERE = 10
MOST_SAME_DIGEST = 50

# From a manifest upwards to what names it as a child. The walk ends at the deepest index that a sync follows, and
# after so many steps, since nothing keeps anybody from naming one child in a hundred thousand indexes.
_HOLDERS = """
WITH RECURSIVE above(id, digest, depth) AS (
    SELECT id, digest, 0 FROM manifests WHERE digest = :digest
    UNION
    SELECT m.id, m.digest, above.depth + 1
    FROM above
    CROSS JOIN manifest_descriptors d ON d.digest = above.digest AND d.role = 'child'
    CROSS JOIN repository_manifests r ON r.repository_id = :repository AND r.manifest_id = d.manifest_id
    CROSS JOIN manifests m ON m.id = d.manifest_id
    WHERE above.depth < 8
    LIMIT 200
)
SELECT digest, min(depth) FROM above WHERE depth > 0 GROUP BY digest ORDER BY min(depth), digest
"""


@dataclass(frozen=True, slots=True)
class Child:
    """A manifest that an index names, as far as it is known. The size is that of its image."""

    descriptor: Descriptor
    kind: ManifestKind | None
    platforms: tuple[str, ...]
    size_bytes: int | None
    is_here: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """An index that names a manifest, itself or through another index (`is_nested`); `tags` are those on it."""

    digest: str
    tags: tuple[str, ...]
    is_nested: bool


@dataclass(frozen=True, slots=True)
class ManifestDetails:
    """A manifest of a repository.

    Attributes:
        own_size_bytes: of the manifest's own bytes.
        size_bytes: with all that it names, each blob once; None where `size_reason` says why.
        labels: as the catalogue keeps them; the image's configuration has them in full.
    """

    id: int
    digest: str
    kind: ManifestKind
    content: Content
    raw: bytes
    own_size_bytes: int
    size_bytes: int | None
    size_reason: str
    platforms: tuple[str, ...]
    created_at: datetime | None
    first_seen_at: datetime | None
    labels: tuple[tuple[str, str], ...]


def find_tag(session: Session, repository: Repository, name: str) -> Tag | None:
    """A tag of a repository."""
    return session.scalars(select(Tag).where(Tag.repository_id == repository.id, Tag.name == name)).one_or_none()


def manifest_details(session: Session, repository: Repository, digest: str) -> ManifestDetails | None:
    """A manifest that was seen in a repository, tagged or not; None where it was not."""
    row = session.scalars(
        select(Manifest)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .options(undefer(Manifest.raw), undefer(Manifest.labels))
        .where(RepositoryManifest.repository_id == repository.id, Manifest.digest == digest)
    ).one_or_none()
    if row is None:
        return None
    kind = ManifestKind(row.kind)
    return ManifestDetails(
        id=row.id,
        digest=digest,
        kind=kind,
        content=parse_manifest(row.media_type, row.raw),
        raw=row.raw,
        own_size_bytes=row.size_bytes,
        size_bytes=row.image_size_bytes,
        size_reason=why_no_size(kind) if row.image_size_bytes is None else "",
        platforms=platforms_in(row.platforms),
        created_at=row.created_at,
        first_seen_at=row.first_seen_at,
        labels=tuple(sorted((str(key), str(value)) for key, value in json.loads(row.labels).items())),
    )


def is_here(session: Session, repository: Repository, digest: str) -> bool:
    """Whether a repository has a manifest, as far as it was seen."""
    found = (
        select(Manifest.id)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .where(RepositoryManifest.repository_id == repository.id, Manifest.digest == digest)
    )
    return session.scalar(found) is not None


def children_of(session: Session, repository: Repository, details: ManifestDetails) -> Some[Child]:
    """What an index names, in its order."""
    some = first(details.content.children, MOST_CHILDREN)
    rows = session.execute(
        select(
            Manifest.digest,
            Manifest.kind,
            Manifest.platforms,
            Manifest.image_size_bytes,
            RepositoryManifest.manifest_id,
        )
        .outerjoin(
            RepositoryManifest,
            (RepositoryManifest.manifest_id == Manifest.id) & (RepositoryManifest.repository_id == repository.id),
        )
        .where(among(Manifest.digest, [each.digest for each in some.items]))
    )
    known = {digest: (kind, platforms, size, here) for digest, kind, platforms, size, here in rows}
    return Some(tuple(_child(each, known.get(each.digest)) for each in some.items), some.more)


def holders_of(session: Session, repository: Repository, digest: str) -> Some[Holder]:
    """The indexes of a repository that hold a manifest, the nearest first."""
    rows = session.execute(text(_HOLDERS), {"digest": digest, "repository": repository.id}).all()
    some = first(rows, MOST_HOLDERS)
    tags = tags_on(session, repository, [row[0] for row in some.items])
    return Some(tuple(Holder(above, tags.get(above, ()), depth > 1) for above, depth in some.items), some.more)


def tags_on(session: Session, repository: Repository, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of a repository on some digests, the newest first; a few of each."""
    found: dict[str, tuple[str, ...]] = {}
    for digest in digests:
        names = (
            select(Tag.name)
            .where(Tag.repository_id == repository.id, Tag.digest == digest)
            .order_by(unindexed(Tag.pushed_at).desc(), Tag.name)
            .limit(MOST_SAME_DIGEST)
        )
        found[digest] = tuple(session.scalars(names))
    return found


def carried_elsewhere(
    session: Session, visibility: Visibility, repository: Repository, manifest_id: int
) -> Some[tuple[str, str]]:
    """Repository and tag of what carries the same manifest in other repositories that may be seen."""
    if not visibility.sees_everything:
        return Some()
    rows = session.execute(
        select(Repository.name, Tag.name)
        .join(Repository, Repository.id == Tag.repository_id)
        .where(Tag.manifest_id == manifest_id, Tag.repository_id != repository.id)
        .limit(MOST_SAME_DIGEST)
    )
    return first(sorted((name, tag) for name, tag in rows), MOST_ELSEWHERE)


def _child(descriptor: Descriptor, known: tuple[str, str, int | None, int | None] | None) -> Child:
    own = platforms_in(known[1]) if known else ()
    platforms = (descriptor.platform,) if descriptor.platform else own
    if known is None:
        return Child(descriptor, None, platforms, None, is_here=False)
    return Child(descriptor, ManifestKind(known[0]), platforms, known[2], is_here=known[3] is not None)
