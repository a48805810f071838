"""Looks at the registry that removals take: the tag list, what a tag is on now, a manifest and all that it names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from concurrent.futures import Executor

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.catalogue.edges import Recorded, recorded_manifests
from webapp.catalogue.models import Manifest, Repository, Tag
from webapp.database import Reading, among
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.manifests import ManifestBytes, parse_manifest
from webapp.removal.material import ManifestFact

REQUESTS_AT_A_TIME = 16
DEEPEST_INDEX = 8


class IndexTooDeep(RegistryError):
    """Indexes within indexes, further down than we follow; nothing is deleted by halves."""

    meaning = f"An image is an index of indexes more than {DEEPEST_INDEX} levels deep, which Holystone does not follow"


def recorded_tags(session: Session, repository: str) -> dict[str, str | None]:
    """The repository's tags in the catalogue, each with its digest; None for one without a manifest."""
    rows = session.execute(
        select(Tag.name, Tag.digest)
        .join(Repository, Repository.id == Tag.repository_id)
        .where(Repository.name == repository)
    )
    return dict(rows.all())


def list_tags(client: RegistryClient, repository: str) -> frozenset[str]:
    """The repository's tags as the registry lists them; none where it does not know the repository."""
    try:
        return frozenset(client.tags(repository))
    except NotFound:
        return frozenset()


def look_at(
    client: RegistryClient, executor: Executor, repository: str, references: Iterable[str]
) -> dict[str, str | None]:
    """The digest that each tag or digest answers with now, 16 requests at once; None where it is not there."""
    wanted = list(references)
    found = executor.map(lambda reference: head_digest(client, repository, reference), wanted)
    return dict(zip(wanted, found, strict=True))


def head_digest(client: RegistryClient, repository: str, reference: str) -> str | None:
    """The digest that a tag or digest answers with at the moment; None where it is not there."""
    try:
        return client.head_manifest(repository, reference).digest
    except NotFound:
        return None


def reach(
    client: RegistryClient,
    executor: Executor,
    reading: Reading,
    repository: str,
    root: str,
    there: Callable[[Set[str]], Set[str]] = lambda level: level,
) -> dict[str, ManifestFact]:
    """A manifest and all that it names, from the catalogue where it has them, else from the registry.

    Args:
        there: which of some manifests to follow.

    Raises:
        IndexTooDeep: more levels than we follow.
    """
    found: dict[str, ManifestFact] = {}
    level: Set[str] = {root}
    for _depth in range(DEEPEST_INDEX):
        level = there(level)
        if not level:
            return found
        with reading() as session:
            facts = {digest: recorded_fact(each) for digest, each in recorded_manifests(session, level).items()}
        read = executor.map(lambda digest: read_fact(client, repository, digest), sorted(level - facts.keys()))
        facts.update({each.digest: each for each in read if each})
        found.update(facts)
        level = {child for each in facts.values() for child in each.children} - found.keys()
    raise IndexTooDeep


def recorded_fact(recorded: Recorded) -> ManifestFact:
    """What the catalogue has of a manifest, as a fact."""
    return ManifestFact(
        recorded.digest, recorded.media_type, recorded.kind, recorded.size_bytes, recorded.children, recorded.subject
    )


def fact_of(answer: ManifestBytes) -> ManifestFact:
    """What a manifest's bytes say."""
    manifest = parse_manifest(answer.media_type, answer.raw)
    blobs = [*([manifest.config] if manifest.config else []), *manifest.layers]
    return ManifestFact(
        digest=answer.digest,
        media_type=answer.media_type,
        kind=manifest.kind.value,
        size_bytes=len(answer.raw),
        children=tuple(dict.fromkeys(child.digest for child in manifest.children)),
        subject=manifest.subject.digest if manifest.subject else None,
        blobs=tuple(dict.fromkeys(blob.digest for blob in blobs)),
        stated=tuple((child.digest, child.size_bytes) for child in manifest.children),
    )


def read_fact(client: RegistryClient, repository: str, digest: str) -> ManifestFact | None:
    """What a manifest of the registry says; None where it is not there."""
    try:
        return fact_of(client.get_manifest(repository, digest))
    except NotFound:
        return None


def bytes_of(
    client: RegistryClient, executor: Executor, reading: Reading, repository: str, digests: Collection[str]
) -> dict[str, ManifestBytes]:
    """The bytes of some manifests, from the catalogue where it has them: they mean the same everywhere, and for ever.

    Raises:
        RegistryError: one that the catalogue does not have cannot be read.
    """
    with reading() as session:
        rows = session.scalars(select(Manifest).options(undefer(Manifest.raw)).where(among(Manifest.digest, digests)))
        found = {row.digest: ManifestBytes(row.media_type, row.raw, row.digest) for row in rows}
    new = sorted(set(digests) - found.keys())
    read = executor.map(lambda digest: client.get_manifest(repository, digest), new)
    return found | dict(zip(new, read, strict=True))
