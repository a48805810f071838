"""The manifests of a repository that nothing leads to: no tag, no index, and no image that they would refer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from webapp.catalogue.keyset import read_page
from webapp.catalogue.listing import PAGE_SIZE, Page, how_many
from webapp.catalogue.models import (
    DescriptorRole,
    Manifest,
    ManifestDescriptor,
    Repository,
    RepositoryManifest,
    Tag,
    platforms_in,
)
from webapp.catalogue.tag_filter import ANY, TagFilter, of_manifests


@dataclass(frozen=True, slots=True)
class UntaggedRow:
    """One manifest without a tag; its size is None where a manifest that it names could not be read."""

    digest: str
    kind: str
    platforms: tuple[str, ...]
    size_bytes: int | None
    first_seen_at: datetime | None


def untagged(
    session: Session, repository: Repository, wanted: TagFilter = ANY, cursor: str = "", size: int = PAGE_SIZE
) -> Page[UntaggedRow]:
    """A page of a repository's manifests that nothing leads to, the last seen first."""
    other = aliased(RepositoryManifest)
    of_it = RepositoryManifest.repository_id == repository.id
    descriptor = ManifestDescriptor
    on_tag = exists().where(Tag.repository_id == repository.id, Tag.digest == Manifest.digest)
    in_index = exists().where(
        descriptor.digest == Manifest.digest,
        descriptor.role == DescriptorRole.CHILD,
        other.repository_id == repository.id,
        other.manifest_id == descriptor.manifest_id,
    )
    about = aliased(Manifest)
    refers = exists().where(
        descriptor.manifest_id == Manifest.id,
        descriptor.role == DescriptorRole.SUBJECT,
        about.digest == descriptor.digest,
        other.repository_id == repository.id,
        other.manifest_id == about.id,
    )
    here = select(Manifest).join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
    found = here.where(of_it, ~on_tag, ~in_index, ~refers, *of_manifests(wanted))
    if wanted.but_newest is not None:
        newest = found.with_only_columns(Manifest.id).order_by(Manifest.id.desc()).limit(wanted.but_newest)
        found = found.where(Manifest.id.not_in(newest))
    number = how_many(session, found)
    rows, following = read_page(session, found, [(Manifest.id.expression, True)], [int], cursor, size)
    return Page([_row(row[0]) for row in rows], number, number, following)


def _row(manifest: Manifest) -> UntaggedRow:
    platforms, size = platforms_in(manifest.platforms), manifest.image_size_bytes
    return UntaggedRow(manifest.digest, manifest.kind, platforms, size, manifest.first_seen_at)
