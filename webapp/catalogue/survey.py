"""Look at what the registry holds: the tags, and the bytes of each manifest that is new.

It reads and returns values; no row is read or changed here, so nothing that fails here can lose one (law 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from webapp.catalogue.configurations import Packed, pack
from webapp.catalogue.revisions import Lookup
from webapp.catalogue.seen import Asked, SeenManifest, SeenRepository, Survey
from webapp.catalogue.tag_looks import AWAY, PASSING, Means, look_at_tags, raise_if_away
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.manifests import ImageConfig, Manifest, ManifestKind, parse_config, parse_manifest

CONFIG_CAP_BYTES = 4 * 1024 * 1024
DEEPEST_INDEX = 8
MOST_PLACES = 3
"""In so many repositories a manifest is asked for that the first of them has not."""

NOT_COME_TO = "The look ended before it was read."


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A manifest that is there, as far as is known, but could not be read."""

    digest: str
    why: str


def survey(means: Means, asked: Asked) -> Survey:
    """Look at some repositories.

    Raises:
        RegistryUnreachable, NoToken: it does not answer at all; whatever was read is of no use.
    """
    seen = [_with_revisions(each, means.revisions) for each in look_at_tags(means, asked)]
    manifests, unreadable = _read_new_manifests(means, seen)
    return Survey(tuple(_without(each, unreadable) for each in seen), manifests)


def _with_revisions(seen: SeenRepository, revisions: Lookup) -> SeenRepository:
    """What is tagged is among the manifests; where it is not, they are another registry's, and nothing is known.

    Of a repository that is read in pieces they come with the last.
    """
    found = None if seen.goes_on else revisions(seen.name)
    if found is None or not found.issuperset(tag.digest for tag in seen.tags if tag.digest):
        return seen
    return replace(seen, revisions=found)


def _read_new_manifests(
    means: Means, seen: Iterable[SeenRepository]
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
        new -= means.known(new)
        if not new:
            break
        looked_at |= new
        places = [(wanted[digest][:MOST_PLACES], digest) for digest in sorted(new)]
        read = list(means.executor.map(lambda place: _read_anywhere(means, silent, *place), places))
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
    means: Means, silent: dict[str, RegistryError], repositories: Iterable[str], digest: str
) -> SeenManifest | Unreadable | None:
    """One manifest, from the first of some repositories that has it: an index may have lost a child in one of them."""
    if not means.may_go_on():
        return Unreadable(digest, NOT_COME_TO)
    found = (_read(means.client, silent, repository, digest) for repository in repositories)
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
    """The tags of unreadable manifests, with the reason. Where they were not come to, all is left as it is."""
    problems = {tag.name: unreadable[tag.digest] for tag in seen.tags if tag.digest and tag.digest in unreadable}
    left = {name for name, why in problems.items() if why == NOT_COME_TO}
    tags = [replace(tag, problem=problems.get(tag.name, tag.problem)) for tag in seen.tags if tag.name not in left]
    are_all_read = NOT_COME_TO not in {unreadable.get(digest) for digest in seen.revisions or ()}
    return replace(seen, tags=tuple(tags), left=seen.left | left, revisions=seen.revisions if are_all_read else None)
