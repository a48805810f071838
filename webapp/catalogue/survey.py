"""Look at what the registry holds: tag lists, the digest of each tag, the bytes of each digest that is new.

It reads and returns values; no row is read or changed here, so nothing that fails here can lose one (law 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from webapp.catalogue.configurations import Packed, pack
from webapp.catalogue.revisions import Lookup, nobody_knows
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, NoToken, RegistryError, RegistryFailed, RegistryUnreachable, Throttled
from webapp.registry.manifests import ImageConfig, Manifest, ManifestBytes, ManifestKind, parse_config, parse_manifest

CONFIG_CAP_BYTES = 4 * 1024 * 1024
DEEPEST_INDEX = 8
MOST_PLACES = 3
"""In so many repositories a manifest is asked for that the first of them has not."""

AWAY = (RegistryUnreachable, NoToken)
PASSING = (*AWAY, RegistryFailed, Throttled)
"""Errors of a moment: what met one is tried again at the next look, while other answers stay what they are."""

Known = Callable[[set[str]], set[str]]


@dataclass(frozen=True, slots=True)
class SeenTag:
    """A tag that is there. Without a digest it was listed, but did not answer; `problem` says why."""

    name: str
    digest: str | None
    problem: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenRepository:
    """A repository's tags. With a `problem` the list could not be read, and nothing is known of them.

    `unread` are tags that could not be looked at, and `why` is what kept us from the first of them. `revisions` are
    the digests of all its manifests, tagged or not; None where they are not known.
    """

    name: str
    tags: tuple[SeenTag, ...]
    unread: frozenset[str]
    problem: str
    revisions: frozenset[str] | None = None
    why: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the registry said that it has no tags: neither an error nor a tag."""
        return not (self.problem or self.tags or self.unread)


@dataclass(frozen=True, slots=True)
class SeenManifest:
    """A manifest that the catalogue did not have yet; `packed` is its configuration as it is kept."""

    bytes: ManifestBytes
    manifest: Manifest
    config: ImageConfig | None
    packed: Packed = b""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A manifest that is there, as far as is known, but could not be read."""

    digest: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen of some repositories, children before the manifests that name them."""

    repositories: tuple[SeenRepository, ...]
    manifests: tuple[SeenManifest, ...]


def survey(
    client: RegistryClient,
    executor: Executor,
    repositories: Mapping[str, frozenset[str]],
    known: Known,
    store: Path | None,
    revisions: Lookup = nobody_knows,
) -> Survey:
    """Look at some repositories, as many requests at a time as `executor` has threads.

    Args:
        repositories: the names, each with the tags that the catalogue has of it; one that is not listed any more
            is asked for by its name, since lists leave tags out (distribution.md, fact 10).
        known: of some digests, those whose manifest the catalogue has already.
        store: the root directory of the registry's storage where it can be read, for the times of pushes.
        revisions: all manifests of a repository, where they can be known.

    Raises:
        RegistryUnreachable, NoToken: it does not answer at all; whatever was read is of no use.
    """
    seen = [_with_revisions(each, revisions) for each in _look_at_tags(client, executor, repositories, store)]
    manifests, unreadable = _read_new_manifests(client, executor, seen, known)
    return Survey(tuple(_without(each, unreadable) for each in seen), manifests)


def _with_revisions(seen: SeenRepository, revisions: Lookup) -> SeenRepository:
    """What is tagged is among the manifests; where it is not, they are another registry's, and nothing is known."""
    found = revisions(seen.name)
    if found is None or not found.issuperset(tag.digest for tag in seen.tags if tag.digest):
        return seen
    return replace(seen, revisions=found)


def _look_at_tags(
    client: RegistryClient, executor: Executor, repositories: Mapping[str, frozenset[str]], store: Path | None
) -> list[SeenRepository]:
    lists = list(executor.map(lambda name: _tag_list(client, name), repositories))
    wanted = [
        (name, tag, tag in listed)
        for (name, ours), (listed, problem) in zip(repositories.items(), lists, strict=True)
        if not problem
        for tag in sorted(listed | ours)
    ]
    silent: dict[str, RegistryError] = {}
    looks = executor.map(lambda each: _look_at_tag(client, store, silent, *each), wanted)
    found: dict[str, list[SeenTag]] = {name: [] for name in repositories}
    unread: dict[str, dict[str, str]] = {name: {} for name in repositories}
    for (name, tag, _listed), look in zip(wanted, looks, strict=True):
        if isinstance(look, SeenTag):
            found[name].append(look)
        elif isinstance(look, RegistryError):
            unread[name][tag] = look.sentence
    return [
        SeenRepository(
            name, tuple(found[name]), frozenset(unread[name]), problem, why=next(iter(unread[name].values()), "")
        )
        for name, (_listed, problem) in zip(repositories, lists, strict=True)
    ]


def _tag_list(client: RegistryClient, repository: str) -> tuple[frozenset[str], str]:
    try:
        return frozenset(client.tags(repository)), ""
    except NotFound:
        return frozenset(), ""
    except RegistryError as error:
        raise_if_away(client, error)
        return frozenset(), error.sentence


def raise_if_away(client: RegistryClient, error: RegistryError) -> None:
    """End the look where the registry does not answer at all; one thing that takes too long does not stop the rest."""
    if isinstance(error, AWAY):
        client.ping()


def _look_at_tag(
    client: RegistryClient,
    store: Path | None,
    silent: dict[str, RegistryError],
    repository: str,
    tag: str,
    listed: bool,
) -> SeenTag | RegistryError | None:
    """The tag as it is now, the error that kept us from knowing, or None where it is gone.

    `silent` are the repositories in which a look had no answer: all the others would wait for nothing as long.
    """
    if repository in silent:
        return silent[repository]
    try:
        digest = client.head_manifest(repository, tag).digest
    except NotFound:
        problem = "The registry lists this tag but has no manifest for it."
        return SeenTag(tag, None, problem, pushed_at(store, repository, tag)) if listed else None
    except RegistryError as error:
        raise_if_away(client, error)
        if isinstance(error, AWAY):
            silent[repository] = error
        return error
    return SeenTag(tag, digest, "", pushed_at(store, repository, tag))


def pushed_at(store: Path | None, repository: str, tag: str) -> datetime | None:
    """When the tag was last pushed: the time of its link in the store. None where that cannot be read."""
    if store is None:
        return None
    link = store / "docker/registry/v2/repositories" / repository / "_manifests/tags" / tag / "current/link"
    try:
        return datetime.fromtimestamp(link.stat().st_mtime, UTC)
    except OSError:
        return None


def _read_new_manifests(
    client: RegistryClient, executor: Executor, seen: Iterable[SeenRepository], known: Known
) -> tuple[tuple[SeenManifest, ...], dict[str, str]]:
    """Read each digest that is new, level by level. Also: the digests that could not be read, and why."""
    wanted: dict[str, list[str]] = {}
    for each in seen:
        for digest in {tag.digest for tag in each.tags if tag.digest}.union(each.revisions or ()):
            wanted.setdefault(digest, []).append(each.name)
    levels: list[list[SeenManifest]] = []
    unreadable: dict[str, str] = {}
    silent: dict[str, RegistryError] = {}
    looked_at: set[str] = set()
    for _depth in range(DEEPEST_INDEX):
        new = set(wanted) - looked_at
        new -= known(new)
        if not new:
            break
        looked_at |= new
        places = [(wanted[digest][:MOST_PLACES], digest) for digest in sorted(new)]
        read = list(executor.map(lambda place: _read_anywhere(client, silent, *place), places))
        levels.append([each for each in read if isinstance(each, SeenManifest)])
        unreadable.update({each.digest: each.why for each in read if isinstance(each, Unreadable)})
        below: dict[str, list[str]] = {}
        for parent in levels[-1]:
            for child in parent.manifest.children:
                below.setdefault(child.digest, []).extend(wanted[parent.bytes.digest])
        wanted = below
    children_first = tuple(each for level in reversed(levels) for each in level)
    return _complete(children_first, unreadable), unreadable


def _read_anywhere(
    client: RegistryClient, silent: dict[str, RegistryError], repositories: Iterable[str], digest: str
) -> SeenManifest | Unreadable | None:
    """One manifest, from the first of some repositories that has it: an index may have lost a child in one of them."""
    found = (_read(client, silent, repository, digest) for repository in repositories)
    return next((each for each in found if each is not None), None)


def _read(
    client: RegistryClient, silent: dict[str, RegistryError], repository: str, digest: str
) -> SeenManifest | Unreadable | None:
    """One manifest and its configuration; None where it is not there. `silent` as for the tags."""
    if repository in silent:
        return Unreadable(digest, silent[repository].sentence)
    try:
        answer = client.get_manifest(repository, digest)
        manifest = parse_manifest(answer.media_type, answer.raw)
        return SeenManifest(answer, manifest, *_read_config(client, repository, manifest))
    except NotFound:
        return None
    except RegistryError as error:
        raise_if_away(client, error)
        if isinstance(error, AWAY):
            silent[repository] = error
        return Unreadable(digest, error.sentence)


def _read_config(client: RegistryClient, repository: str, manifest: Manifest) -> tuple[ImageConfig | None, Packed]:
    if manifest.kind != ManifestKind.IMAGE or manifest.config is None:
        return None, b""
    try:
        raw = client.get_blob(repository, manifest.config.digest, CONFIG_CAP_BYTES)
        return parse_config(raw), pack(raw)
    except PASSING:
        raise
    except RegistryError:
        return None, b""  # the image is there all the same; its age and platform are unknown


def _complete(manifests: tuple[SeenManifest, ...], unreadable: dict[str, str]) -> tuple[SeenManifest, ...]:
    """Leave out what names something unreadable, so that the next look tries both again."""
    kept = []
    for each in manifests:
        why = next((unreadable[child.digest] for child in each.manifest.children if child.digest in unreadable), None)
        if why is None:
            kept.append(each)
        else:
            unreadable[each.bytes.digest] = why
    return tuple(kept)


def _without(seen: SeenRepository, unreadable: Mapping[str, str]) -> SeenRepository:
    """The tags of unreadable manifests, with the reason."""
    tags = tuple(
        SeenTag(tag.name, tag.digest, unreadable[tag.digest], tag.pushed_at)
        if tag.digest and tag.digest in unreadable
        else tag
        for tag in seen.tags
    )
    return replace(seen, tags=tags)
