"""Blobs that a manifest names by another digest than sha256. A collector does not keep them.

Tried on 2.8.2 (tests/maintenance/test_other_digests.py): a layer or configuration that is pushed by its sha512 is stored
by its sha256, and the repository's `_layers/sha512/<hex>/link` leads from the one to the other. The collector marks the
digest that the manifest names, and sweeps the bytes, with and without `--delete-untagged`. What it prints for deletion is
the sha256, so that no digest in the catalogue matches. A manifest itself cannot be put by its sha512.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, Repository, RepositoryManifest
from webapp.database import among
from webapp.maintenance.store_checks import LARGEST_MANIFEST_BYTES
from webapp.maintenance.store_tree import LAYOUT, folders_in, repositories, start_of

KEPT = "sha256"
WHY = f"The registry stores such a blob by its {KEPT}, so a collection would delete it as unused."
REMEDY = f"Push the image again with {KEPT} digests, or delete it."


def named_otherwise(session: Session) -> list[tuple[str, str, str]]:
    """Repository and digest of each manifest in the catalogue that needs such a blob, and the digest of one."""
    named = ManifestDescriptor.digest
    needing = select(ManifestDescriptor.manifest_id, named).where(
        or_(named < f"{KEPT}:", named >= f"{KEPT};"),  # ';' follows ':', so that the index finds the few
        ManifestDescriptor.role != DescriptorRole.SUBJECT,  # it is only spoken of
    )
    blobs = dict(session.execute(needing).all())
    held = (
        select(Repository.name, Manifest.digest, Manifest.id)
        .join(RepositoryManifest, RepositoryManifest.repository_id == Repository.id)
        .join(Manifest, Manifest.id == RepositoryManifest.manifest_id)
        .where(among(Manifest.id, blobs))
        .order_by(Repository.name, Manifest.digest)
    )
    return [(name, digest, blobs[row]) for name, digest, row in session.execute(held)] if blobs else []


def first_in_store(store: Path) -> tuple[str, str, str] | None:
    """The same of the registry's store, for what the catalogue has not seen: the first one that is found.

    A manifest is taken only where its blobs are linked in its repository, so only repositories with such links are read.

    Raises:
        OSError: the store cannot be read.
    """
    for name, folder, own in repositories(store):
        if {"_layers", "_manifests"} <= own:
            linked = list(_linked_otherwise(folder))
            for digest, raw in _manifests(store, folder) if linked else ():
                for blob in linked:
                    if blob.encode() in raw:
                        return name, digest, blob
    return None


def _linked_otherwise(folder: str) -> Iterator[str]:
    for algorithm in folders_in(f"{folder}/_layers"):
        if algorithm != KEPT:
            yield from (f"{algorithm}:{each}" for each in folders_in(f"{folder}/_layers/{algorithm}"))


def _manifests(store: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Digest and bytes of a repository's manifests, without those that were deleted: their folders stay."""
    for algorithm in folders_in(f"{folder}/_manifests/revisions"):
        revisions = f"{folder}/_manifests/revisions/{algorithm}"
        for each in folders_in(revisions):
            data = f"{store}/{LAYOUT}/blobs/{algorithm}/{each[:2]}/{each}/data"
            if start_of(f"{revisions}/{each}/link", 1):
                yield f"{algorithm}:{each}", start_of(data, LARGEST_MANIFEST_BYTES) or b""
