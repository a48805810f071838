"""Looks at the registry that removals take: the tag list, what a tag is on now, a manifest and all that it names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, Tag
from webapp.database import Reading, among
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.manifests import ManifestBytes, parse_manifest
from webapp.removal.plan import ManifestFact

REQUESTS_AT_A_TIME = 16
DEEPEST_INDEX = 8

Stored = Callable[[Collection[str]], Mapping[str, ManifestFact]]


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
    client: RegistryClient, executor: Executor, repository: str, roots: Iterable[str], known: Stored
) -> dict[str, ManifestFact]:
    """Manifests and all that they name, from the catalogue where it has them, else from the registry.

    Raises:
        IndexTooDeep: more levels than we follow.
    """
    found: dict[str, ManifestFact] = {}
    level = set(roots)
    for _depth in range(DEEPEST_INDEX):
        if not level:
            return found
        facts = dict(known(level))
        read = executor.map(lambda digest: _read(client, repository, digest), sorted(level - facts.keys()))
        facts.update({each.digest: each for each in read if each})
        found.update(facts)
        level = {child for each in facts.values() for child in each.children} - found.keys()
    raise IndexTooDeep


def fact_of(answer: ManifestBytes) -> ManifestFact:
    """A manifest's bytes as a fact."""
    manifest = parse_manifest(answer.media_type, answer.raw)
    children = tuple(dict.fromkeys(child.digest for child in manifest.children))
    return ManifestFact(answer.digest, answer.media_type, answer.raw, manifest.kind.value, children)


def stored_facts(session: Session, digests: Collection[str]) -> dict[str, ManifestFact]:
    """Of some digests, what the catalogue has the bytes of: they mean the same everywhere, and for ever."""
    rows = session.scalars(select(Manifest).options(undefer(Manifest.raw)).where(among(Manifest.digest, digests)))
    return {row.digest: fact_of(ManifestBytes(row.media_type, row.raw, row.digest)) for row in rows}


def stored(reading: Reading) -> Stored:
    """What the catalogue has the bytes of, as a function for `reach`."""

    def read(digests: Collection[str]) -> Mapping[str, ManifestFact]:
        with reading() as session:
            return stored_facts(session, digests)

    return read


def _read(client: RegistryClient, repository: str, digest: str) -> ManifestFact | None:
    try:
        return fact_of(client.get_manifest(repository, digest))
    except NotFound:
        return None


def stored_digests(session: Session, repository: str) -> Iterator[str]:
    """The digests of all manifests that the catalogue saw in a repository."""
    yield from session.scalars(
        select(Manifest.digest)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .join(Repository, Repository.id == RepositoryManifest.repository_id)
        .where(Repository.name == repository)
    )
