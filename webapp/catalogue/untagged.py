"""The manifests of a repository that no tag leads to, as a list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from webapp.catalogue.keyset import read_page
from webapp.catalogue.listing import PAGE_SIZE, Page, how_many
from webapp.catalogue.models import (
    DescriptorRole,
    Manifest,
    ManifestDescriptor,
    Repository,
    RepositoryManifest,
    platforms_in,
)
from webapp.catalogue.tag_filter import ANY, TagFilter, of_manifests
from webapp.database import among, unindexed

NEWEST = RepositoryManifest.manifest_id.expression
"""Their order: manifests get their numbers as they are seen."""


@dataclass(frozen=True, slots=True)
class UntaggedRow:
    """One manifest without a tag; its size is None where a manifest that it names could not be read.

    `held_by` is an index without a tag that names it, the newest where there are several; '' where there is none.
    """

    digest: str
    kind: str
    platforms: tuple[str, ...]
    size_bytes: int | None
    first_seen_at: datetime | None
    held_by: str


def untagged(
    session: Session, repository: Repository, wanted: TagFilter = ANY, cursor: str = "", size: int = PAGE_SIZE
) -> Page[UntaggedRow]:
    """A page of a repository's manifests that no tag leads to, the last seen first."""
    of_it = (RepositoryManifest.repository_id == repository.id, RepositoryManifest.is_untagged.is_(True))
    here = select(Manifest).join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
    found = here.where(*of_it, *of_manifests(wanted))
    if wanted.but_newest is not None:
        newest = found.with_only_columns(Manifest.id).order_by(NEWEST.desc()).limit(wanted.but_newest)
        found = found.where(NEWEST.not_in(newest))
    number = how_many(session, found)
    rows, following = read_page(session, found, [(NEWEST, True)], [int], cursor, size)
    holders = _holders(session, repository, [row[0].digest for row in rows])
    return Page([_row(row[0], holders) for row in rows], number, number, following)


def named_by_an_index() -> ColumnElement[bool]:
    """Whether an index of the same repository names a manifest; of a query over `RepositoryManifest` and `Manifest`."""
    index = aliased(RepositoryManifest)
    naming = (
        select(index.manifest_id)
        .join(ManifestDescriptor, ManifestDescriptor.manifest_id == index.manifest_id)
        .where(
            ManifestDescriptor.digest == Manifest.digest,
            ManifestDescriptor.role == DescriptorRole.CHILD,
            index.repository_id == RepositoryManifest.repository_id,
        )
    )
    return naming.correlate(RepositoryManifest, Manifest).exists()


def _holders(session: Session, repository: Repository, digests: Collection[str]) -> dict[str, str]:
    """Of some manifests, those that an index of the repository names, each with the index."""
    newest = (
        select(ManifestDescriptor.digest, func.max(ManifestDescriptor.manifest_id).label("id"))
        .join(RepositoryManifest, RepositoryManifest.manifest_id == ManifestDescriptor.manifest_id)
        .where(
            unindexed(RepositoryManifest.repository_id) == repository.id,
            ManifestDescriptor.role == DescriptorRole.CHILD,
            among(ManifestDescriptor.digest, digests),
        )
        .group_by(ManifestDescriptor.digest)
        .subquery()
    )
    return dict(
        session.execute(select(newest.c.digest, Manifest.digest).join(Manifest, Manifest.id == newest.c.id)).all()
    )


def _row(manifest: Manifest, holders: Mapping[str, str]) -> UntaggedRow:
    platforms, size = platforms_in(manifest.platforms), manifest.image_size_bytes
    held_by = holders.get(manifest.digest, "")
    return UntaggedRow(manifest.digest, manifest.kind, platforms, size, manifest.first_seen_at, held_by)
