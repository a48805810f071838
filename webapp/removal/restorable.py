"""Whether something can be restored: the kept bytes of all that it names, and what of it the registry still has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.catalogue.models import Manifest
from webapp.catalogue.revisions import read_in_store
from webapp.catalogue.store_blobs import blob_file
from webapp.database import among
from webapp.registry.errors import NotFound
from webapp.registry.manifests import ManifestBytes, parse_manifest
from webapp.removal.looks import look_at
from webapp.removal.material import children_first
from webapp.removal.models import JournalManifest
from webapp.removal.remover import Remover
from webapp.removal.trash_models import Restorable

BLOB_IS_GONE = "blob "
"""Words of what is missing begin so where it is a blob; a manifest begins otherwise."""

ELSEWHERE = (".foreign.", ".nondistributable.")
"""Layers of such a type are not in the registry, and a push does not bring them."""


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """A manifest's bytes, the manifests that it names, and the blobs that it needs here."""

    kept: ManifestBytes
    children: tuple[str, ...]
    blobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Presence:
    """Of some kept manifests and their blobs, what the registry has."""

    manifests: Set[str]
    gone_blobs: Set[str]


def kept_with_descendants(session: Session, digests: Collection[str]) -> dict[str, KeptManifest]:
    """Some manifests and all that they name, as the journal or the catalogue has kept them; what neither has is left out."""
    found: dict[str, KeptManifest] = {}
    level = set(digests)
    while level:
        new = {each.digest: _read(each) for each in _kept(session, level)}
        found |= new
        level = {child for each in new.values() for child in each.children} - found.keys()
    return found


def _kept(session: Session, digests: Collection[str]) -> list[ManifestBytes]:
    raw = select(Manifest).options(undefer(Manifest.raw)).where(among(Manifest.digest, digests))
    found = {row.digest: ManifestBytes(row.media_type, row.raw, row.digest) for row in session.scalars(raw)}
    left = set(digests) - found.keys()
    journal = select(JournalManifest).options(undefer(JournalManifest.raw)).where(among(JournalManifest.digest, left))
    found |= {row.digest: ManifestBytes(row.media_type, row.raw, row.digest) for row in session.scalars(journal)}
    return list(found.values())


def _read(kept: ManifestBytes) -> KeptManifest:
    manifest = parse_manifest(kept.media_type, kept.raw)
    blobs = [*([manifest.config] if manifest.config else []), *manifest.layers]
    here = [blob.digest for blob in blobs if not any(each in blob.media_type for each in ELSEWHERE)]
    children = tuple(dict.fromkeys(child.digest for child in manifest.children))
    return KeptManifest(kept, children, tuple(dict.fromkeys(here)))


def below(kept: Mapping[str, KeptManifest], digest: str) -> list[str]:
    """A manifest and all that it names, kept or not, each after what it names."""
    return children_first([digest], lambda each: kept[each].children if each in kept else ())


def look_for(
    remover: Remover,
    executor: Executor,
    repository: str,
    kept: Mapping[str, KeptManifest],
    digests: Iterable[str],
    left_to_registry: Set[str] = frozenset(),
) -> Presence:
    """Look for some manifests with all that they name, and for their blobs: in the store, or by asking the registry.

    Args:
        left_to_registry: manifests that are about to be put, which the registry itself looks at then. They count as there.

    Raises:
        RegistryError: it cannot be asked.
    """
    wanted = {each for digest in digests for each in below(kept, digest)}
    if remover.store is not None:
        return _in_store(remover.store, repository, kept, wanted)
    asked = wanted - left_to_registry
    looked = look_at(remover.client, executor, repository, sorted(asked))
    blobs = _blobs(kept, asked)
    there = executor.map(lambda blob: _answers(remover, repository, blob), blobs)
    gone = {blob for blob, is_there in zip(blobs, there, strict=True) if not is_there}
    return Presence({each for each, on in looked.items() if on} | (wanted & left_to_registry), gone)


def _blobs(kept: Mapping[str, KeptManifest], digests: Iterable[str]) -> list[str]:
    return sorted({blob for each in digests if each in kept for blob in kept[each].blobs})


def _in_store(store: Path, repository: str, kept: Mapping[str, KeptManifest], wanted: Set[str]) -> Presence:
    """The store's files tell what a collection has left; links to blobs outlive them, links to manifests do not."""
    linked = read_in_store(store, repository) or frozenset()
    gone = {blob for blob in _blobs(kept, wanted) if not blob_file(store, blob).is_file()}
    return Presence({each for each in wanted & linked if blob_file(store, each).is_file()}, gone)


def _answers(remover: Remover, repository: str, blob: str) -> bool:
    try:
        remover.client.head_blob(repository, blob)
    except NotFound:
        return False
    return True


def missing(kept: Mapping[str, KeptManifest], presence: Presence, digest: str) -> list[str]:
    """What is not there of a manifest and can be had from nowhere, each as words."""
    words: list[str] = []
    for each in below(kept, digest):
        if each not in kept:
            words += [] if each in presence.manifests else [f"manifest {each}"]
            continue
        words += [f"{BLOB_IS_GONE}{blob}" for blob in kept[each].blobs if blob in presence.gone_blobs]
    return list(dict.fromkeys(words))


def is_restorable(kept: Mapping[str, KeptManifest], presence: Presence, digest: str) -> Restorable:
    """Whether a manifest can be put under a tag, and whether that takes what only Holystone has."""
    if digest not in kept or missing(kept, presence, digest):
        return Restorable.NO
    is_whole = presence.manifests >= set(below(kept, digest))
    return Restorable.YES if is_whole else Restorable.FROM_JOURNAL
