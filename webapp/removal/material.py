"""What a plan is made of: manifests and tags of one repository, as they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from webapp.removal.wanted import Wanted


@dataclass(frozen=True, slots=True)
class ManifestFact:
    """A manifest that a removal may touch, and what it names.

    Attributes:
        size_bytes: of its own bytes.
        children: the manifests that it names, as an index does.
        subject: the manifest that it refers to.
        blobs: its configuration and layers, where the catalogue does not have them.
        stated: the sizes that it states of its children, where the catalogue does not have it.
    """

    digest: str
    media_type: str
    kind: str
    size_bytes: int = 0
    children: tuple[str, ...] = ()
    subject: str | None = None
    blobs: tuple[str, ...] = ()
    stated: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A fallback tag whose list of referrers goes on without what goes: from the index `old` to the index `new`.

    Source: OCI distribution specification 1.1, "Referrers Tag Schema".
    """

    tag: str
    old: str
    new: str
    media_type: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read for a plan, all of one repository.

    Attributes:
        wanted: what is to be removed.
        asked_tags: the tags that it names; for the whole image all of them.
        digests: every tag of the repository on its digest; the asked and the new ones as they are now, the others
            as the catalogue last saw them (`as_of`). Tags that are listed without a manifest are not among them.
        manifests: what the asked tags and digests reach, what refers to that, and what those reach; only what is
            there.
        holders: of these manifests, the indexes of the repository that name them.
        gone: asked tags and digests that are not there any more.
        dangling: asked tags that are listed and have no manifest.
        protected: tags of the repository that the setting protects.
        named_after: tags that are named after the digest of one of the manifests, as signatures are, with it.
        fallbacks: lists of referrers under such a tag, with their bytes.
        seen_before: of the manifests, those that the catalogue had seen in the repository.
        revisions_known: whether all manifests of the repository are known, also the untagged ones.
        revisions: these; where they are not known, those that were ever seen.
        in_trash: manifests that the trash holds, with the date until which it does.
        unrecorded: manifests of the repository that the catalogue does not have yet, whether they are reached or not.
    """

    wanted: Wanted
    asked_tags: tuple[str, ...]
    digests: Mapping[str, str]
    manifests: Mapping[str, ManifestFact]
    holders: Mapping[str, frozenset[str]]
    gone: tuple[str, ...] = ()
    dangling: tuple[str, ...] = ()
    protected: frozenset[str] = frozenset()
    named_after: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, bytes] = field(default_factory=dict)
    seen_before: frozenset[str] = frozenset()
    revisions_known: bool = True
    revisions: frozenset[str] = frozenset()
    unrecorded: Mapping[str, ManifestFact] = field(default_factory=dict)
    in_trash: Mapping[str, datetime] = field(default_factory=dict)
    as_of: datetime | None = None


def children_first(roots: Iterable[str], children_of: Callable[[str], Iterable[str]]) -> list[str]:
    """Some manifests and all that they name, each once, and after what it names."""
    found: dict[str, None] = {}

    def visit(digest: str, above: frozenset[str]) -> None:
        if digest in found or digest in above:
            return
        for child in children_of(digest):
            visit(child, above | {digest})
        found[digest] = None

    for root in roots:
        visit(root, frozenset())
    return list(found)
