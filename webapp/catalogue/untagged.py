"""The manifests of a repository that nothing leads to, as a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.keyset import read_page
from webapp.catalogue.listing import PAGE_SIZE, Page, how_many
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, platforms_in
from webapp.catalogue.tag_filter import ANY, TagFilter, of_manifests

NEWEST = RepositoryManifest.manifest_id.expression
"""Their order: manifests get their numbers as they are seen."""


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
    of_it = (RepositoryManifest.repository_id == repository.id, RepositoryManifest.is_untagged.is_(True))
    here = select(Manifest).join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
    found = here.where(*of_it, *of_manifests(wanted))
    if wanted.but_newest is not None:
        newest = found.with_only_columns(Manifest.id).order_by(NEWEST.desc()).limit(wanted.but_newest)
        found = found.where(NEWEST.not_in(newest))
    number = how_many(session, found)
    rows, following = read_page(session, found, [(NEWEST, True)], [int], cursor, size)
    return Page([_row(row[0]) for row in rows], number, number, following)


def _row(manifest: Manifest) -> UntaggedRow:
    platforms, size = platforms_in(manifest.platforms), manifest.image_size_bytes
    return UntaggedRow(manifest.digest, manifest.kind, platforms, size, manifest.first_seen_at)
