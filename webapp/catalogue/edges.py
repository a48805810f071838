"""Which recorded manifest names which: the graph that removals are planned on. Rows only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, Repository, RepositoryManifest
from webapp.database import among


@dataclass(frozen=True, slots=True)
class Recorded:
    """A manifest of the catalogue, without its bytes. `children` are in the order in which it names them."""

    digest: str
    media_type: str
    kind: str
    size_bytes: int
    children: tuple[str, ...]
    subject: str | None


def recorded_manifests(session: Session, digests: Collection[str]) -> dict[str, Recorded]:
    """Of some digests, those that the catalogue has, with what they name."""
    rows = session.execute(
        select(Manifest.digest, Manifest.media_type, Manifest.kind, Manifest.size_bytes).where(
            among(Manifest.digest, digests)
        )
    ).all()
    named = session.execute(
        select(Manifest.digest, ManifestDescriptor.role, ManifestDescriptor.digest)
        .join(ManifestDescriptor, ManifestDescriptor.manifest_id == Manifest.id)
        .where(
            among(Manifest.digest, digests),
            ManifestDescriptor.role.in_((DescriptorRole.CHILD, DescriptorRole.SUBJECT)),
        )
        .order_by(ManifestDescriptor.manifest_id, ManifestDescriptor.position)
    )
    children: dict[str, dict[str, None]] = {}
    subjects: dict[str, str] = {}
    for parent, role, digest in named:
        if role == DescriptorRole.CHILD:
            children.setdefault(parent, {})[digest] = None
        else:
            subjects[parent] = digest
    return {
        digest: Recorded(digest, media_type, kind, size, tuple(children.get(digest, ())), subjects.get(digest))
        for digest, media_type, kind, size in rows
    }


def naming(session: Session, digests: Collection[str], role: DescriptorRole) -> list[tuple[str, str]]:
    """Pairs of a recorded manifest and what it names as `role`, of some digests that are named, in any repository."""
    rows = session.execute(
        select(Manifest.digest, ManifestDescriptor.digest)
        .join(ManifestDescriptor, ManifestDescriptor.manifest_id == Manifest.id)
        .where(ManifestDescriptor.role == role, among(ManifestDescriptor.digest, digests))
    )
    return [(naming, named) for naming, named in rows]


def digests_in(session: Session, repository: str) -> set[str]:
    """The digests of all manifests that were seen in a repository and not deleted there since."""
    return set(
        session.scalars(
            select(Manifest.digest)
            .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
            .join(Repository, Repository.id == RepositoryManifest.repository_id)
            .where(Repository.name == repository)
        )
    )
