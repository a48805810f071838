"""Where the space goes, worked out the plain way from the bytes of a fleet's manifests."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from demo.build import Built
from tests.removal.fleets import FOREIGN, Fleet, children_of

Held = dict[str, set[str]]
"""Of each repository the manifests that it holds."""


@dataclass(frozen=True)
class SpaceModel:
    """A fleet, and which of its manifests each repository holds."""

    manifests: dict[str, Built]
    held: Held

    def used(self, names: Iterable[str]) -> set[str]:
        """The blobs that some repositories need."""
        return {digest for name in names for each in self.held[name] for digest, _size in stated(self.manifests[each])}

    def size_of(self, digests: Collection[str]) -> int:
        """What some blobs take, each once; of several sizes that are stated the largest counts."""
        sizes: dict[str, int] = {}
        for held in self.held.values():
            for each in held:
                for digest, size in stated(self.manifests[each]):
                    sizes[digest] = max(size, sizes.get(digest, 0))
        return sum(sizes[digest] for digest in digests)

    def exclusive(self, names: Collection[str]) -> int:
        """What nothing but some repositories needs."""
        others = self.used(name for name in self.held if name not in names)
        return self.size_of(self.used(names) - others)


def model_of(fleet: Fleet, are_all_known: bool) -> SpaceModel:
    """What the catalogue holds after a sync: all manifests, or where nobody tells of those without a tag, the tags'."""
    if are_all_known:
        every = {digest: built for here in fleet.values() for digest, built in here.manifests.items()}
        return SpaceModel(every, {name: set(here.manifests) for name, here in fleet.items()})
    reached = {name: below(here.tags.values(), here.manifests) for name, here in fleet.items()}
    seen = {digest: here.manifests[digest] for name, here in fleet.items() for digest in reached[name]}
    return SpaceModel(seen, {name: below(here.tags.values(), seen) for name, here in fleet.items()})


def below(roots: Iterable[str], manifests: dict[str, Built]) -> set[str]:
    """Some manifests, with all that is below them and known."""
    found: set[str] = set()
    left = [each for each in roots if each in manifests]
    while left:
        digest = left.pop()
        if digest not in found:
            found.add(digest)
            left += [child for child in children_of(manifests[digest].raw) if child in manifests]
    return found


def stated(built: Built) -> list[tuple[str, int]]:
    """A manifest and all that it names and that is in the registry, with the sizes that it states."""
    named = [each for each in descriptors_of(built) if each["mediaType"] != FOREIGN]
    return [(built.digest, len(built.raw)), *((each["digest"], each["size"]) for each in named)]


def descriptors_of(built: Built) -> list[dict[str, Any]]:
    """All that a manifest names, but its subject."""
    document = json.loads(built.raw)
    config = [document["config"]] if "config" in document else []
    return [*config, *document.get("layers", []), *document.get("manifests", [])]
