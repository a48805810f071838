"""What a look at the registry is asked for, and what it saw: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.catalogue.configurations import Packed
from webapp.registry.manifests import ImageConfig, Manifest, ManifestBytes


@dataclass(frozen=True, slots=True)
class KnownTag:
    """A tag as the catalogue has it. Where it is not due, it is not looked at, as long as it is listed.

    `linked_at` is the time of its link in the store, where `digest` was read after that moment had passed: as long as
    the link has this time, it names this digest. None where that is not so.
    """

    digest: str | None
    linked_at: datetime | None
    is_due: bool


Asked = Mapping[str, Mapping[str, KnownTag]]
"""Repositories to look at, each with the tags that the catalogue has of it."""


@dataclass(frozen=True, slots=True)
class SeenTag:
    """A tag that is there. Without a digest it was listed, but did not answer; `problem` says why.

    `is_read_in_store`: the registry was not asked for it.
    """

    name: str
    digest: str | None
    problem: str
    pushed_at: datetime | None
    is_read_in_store: bool = False


@dataclass(frozen=True, slots=True)
class SeenRepository:
    """A repository's tags. With a `problem` the list could not be read, and nothing is known of them.

    `unread` are tags that could not be looked at, and `why` is what kept us from the first of them. `left` are tags
    that are there, and were not looked at this time; `goes_on` where new ones are among them. `revisions` are the
    digests of all its manifests, tagged or not; None where they are not known.
    """

    name: str
    tags: tuple[SeenTag, ...]
    unread: frozenset[str]
    problem: str
    revisions: frozenset[str] | None = None
    why: str = ""
    left: frozenset[str] = frozenset()
    goes_on: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the registry said that it has no tags: neither an error nor a tag."""
        return not (self.problem or self.tags or self.unread or self.left)


@dataclass(frozen=True, slots=True)
class SeenManifest:
    """A manifest that the catalogue did not have yet; `packed` is its configuration as it is kept."""

    bytes: ManifestBytes
    manifest: Manifest
    config: ImageConfig | None
    packed: Packed = b""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen of some repositories, children before the manifests that name them.

    A repository that was not come to, because the look was to end, is not among them.
    """

    repositories: tuple[SeenRepository, ...]
    manifests: tuple[SeenManifest, ...]
