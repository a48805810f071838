"""What is read for a plan, at the moment in which somebody looks or agrees.

Fresh from the registry: the tag list, the asked tags, tags that are new since the last sync, and whether the
manifests they reach are there. From the catalogue: which digests the other tags are on, and which indexes name what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, Repository, RepositoryManifest
from webapp.database import Reading, among
from webapp.registry.client import RegistryClient
from webapp.removal.looks import REQUESTS_AT_A_TIME, list_tags, look_at, reach, recorded_tags, stored, stored_digests
from webapp.removal.plan import Facts, ManifestFact


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the catalogue says of a repository: its tags' digests, and every manifest seen in it, tagged or not."""

    digests: Mapping[str, str | None]
    manifests: frozenset[str]
    as_of: datetime | None


def read_facts(client: RegistryClient, reading: Reading, repository: str, tags: tuple[str, ...]) -> Facts:
    """Read the facts for removing some tags of a repository, or for all of it where `tags` is empty.

    Raises:
        RegistryError: the registry cannot be asked, or there is no end to the indexes (IndexTooDeep).
    """
    with reading() as session:
        recorded = _recorded(session, repository)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        listed = list_tags(client, repository)
        digests = _digests(client, executor, repository, listed, tags, recorded)
        asked = tags or tuple(sorted(digests))
        dangling = tuple(tag for tag in asked if tag in listed and not digests[tag])
        known = {tag: digest for tag, digest in digests.items() if digest}
        roots = {known[tag] for tag in asked if tag in known} | (set() if tags else recorded.manifests)
        manifests = reach(client, executor, repository, roots, stored(reading))
        known = {tag: digest for tag, digest in known.items() if digest in manifests or digest not in roots}
        doubted = manifests.keys() - {known[tag] for tag in asked if tag in known}
        manifests = _only_there(client, executor, repository, manifests, doubted)
        holders = _holders(client, executor, reading, repository, manifests, known)
    return Facts(
        repository=repository,
        asked=asked,
        whole_image=not tags,
        digests=known,
        manifests=manifests,
        holders=holders,
        gone=tuple(tag for tag in asked if tag not in known and tag not in dangling),
        dangling=dangling,
        as_of=recorded.as_of,
    )


def _recorded(session: Session, name: str) -> _Recorded:
    as_of = session.scalar(select(Repository.synced_at).where(Repository.name == name))
    return _Recorded(recorded_tags(session, name), frozenset(stored_digests(session, name)), as_of)


def _digests(
    client: RegistryClient,
    executor: Executor,
    repository: str,
    listed: frozenset[str],
    asked: tuple[str, ...],
    recorded: _Recorded,
) -> dict[str, str | None]:
    """Every tag's digest: asked and new ones as they are now, the others as the catalogue saw them.

    For the whole image every tag is asked. Lists leave tags out (distribution.md, fact 10), so one that the catalogue
    has and the list has not is looked at, too.
    """
    trusted = {tag for tag, digest in recorded.digests.items() if digest and tag in listed} if asked else set[str]()
    fresh = (listed | recorded.digests.keys() | set(asked)) - trusted | set(asked)
    looked = look_at(client, executor, repository, sorted(fresh))
    found = {tag: recorded.digests[tag] for tag in trusted} | looked
    return {tag: digest for tag, digest in found.items() if digest or tag in listed or tag in asked}


def _only_there(
    client: RegistryClient,
    executor: Executor,
    repository: str,
    manifests: dict[str, ManifestFact],
    doubted: Set[str],
) -> dict[str, ManifestFact]:
    """Leave out what is not there any more, of what nothing just read proves to be there."""
    there = look_at(client, executor, repository, sorted(doubted & manifests.keys()))
    return {digest: each for digest, each in manifests.items() if there.get(digest, digest)}


def _holders(
    client: RegistryClient,
    executor: Executor,
    reading: Reading,
    repository: str,
    manifests: Mapping[str, ManifestFact],
    digests: Mapping[str, str],
) -> dict[str, frozenset[str]]:
    """Of each manifest, the indexes that name it: those that go, those of other tags, and untagged ones that are there."""
    holders: dict[str, set[str]] = {digest: set() for digest in manifests}
    for each in manifests.values():
        for child in each.children:
            holders.setdefault(child, set()).add(each.digest)
    with reading() as session:
        recorded = list(_recorded_holders(session, repository, manifests.keys()))
    others = {parent for parent, _child in recorded} - manifests.keys()
    there = look_at(client, executor, repository, sorted(others))
    for parent, child in recorded:
        if parent in manifests or there[parent]:
            holders[child].add(parent)
    for parent, child in _holders_in_new_images(client, executor, reading, repository, manifests, digests):
        holders[child].add(parent)
    return {child: frozenset(parents) for child, parents in holders.items() if child in manifests}


def _recorded_holders(session: Session, repository: str, digests: Collection[str]) -> Iterator[tuple[str, str]]:
    parent = aliased(Manifest)
    rows = session.execute(
        select(parent.digest, ManifestDescriptor.digest)
        .join(ManifestDescriptor, ManifestDescriptor.manifest_id == parent.id)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == parent.id)
        .join(Repository, Repository.id == RepositoryManifest.repository_id)
        .where(
            Repository.name == repository,
            ManifestDescriptor.role == DescriptorRole.CHILD,
            among(ManifestDescriptor.digest, digests),
        )
    )
    yield from rows.all()


def _holders_in_new_images(
    client: RegistryClient,
    executor: Executor,
    reading: Reading,
    repository: str,
    manifests: Mapping[str, ManifestFact],
    digests: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """Indexes that came since the last sync: the tags on them were looked at just now."""
    with reading() as session:
        known = set(stored_digests(session, repository))
    new = set(digests.values()) - known - manifests.keys()
    for parent in reach(client, executor, repository, new, stored(reading)).values():
        for child in parent.children:
            if child in manifests:
                yield parent.digest, child
