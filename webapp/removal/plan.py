"""The plan of a removal: what goes, what stays and why, in which order. Pure: facts in, plan out.

The registry deletes by digest, and with a digest go all tags on it (distribution.md 1.1). So a manifest may go only
when every tag on it goes and every index of the repository that names it goes too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

DANGLING = "The registry lists this tag but has no manifest for it, so there is no digest to delete it by."


@dataclass(frozen=True, slots=True)
class ManifestFact:
    """A manifest that the removal may touch: its bytes for the journal, and what it names."""

    digest: str
    media_type: str
    raw: bytes
    kind: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read for a plan, all of one repository.

    Attributes:
        asked: the tags to remove.
        whole_image: everything in the repository was asked for.
        digests: every tag of the repository on its digest; the asked and the new ones as they are now, the others
            as the catalogue last saw them (`as_of`).
        manifests: all that the asked tags reach, and that is there.
        holders: of these manifests, the indexes of the repository that name them.
        gone: asked tags that are not there any more.
        dangling: asked tags that are listed but have no manifest.
    """

    repository: str
    asked: tuple[str, ...]
    whole_image: bool
    digests: Mapping[str, str]
    manifests: Mapping[str, ManifestFact]
    holders: Mapping[str, frozenset[str]]
    gone: tuple[str, ...]
    dangling: tuple[str, ...]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A manifest or tag that the removal reaches and leaves, with the reason as a sentence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal will do. `steps` are the manifests to delete, an index before its children.

    `gone` are asked tags that are not there any more, `dangling` those that are listed without a manifest.
    `refusal` is a sentence where the tags cannot be removed without breaking what stays; there are no steps then.
    """

    repository: str
    asked: tuple[str, ...]
    whole_image: bool
    tags: Mapping[str, str]
    steps: tuple[ManifestFact, ...]
    kept: tuple[Kept, ...]
    staying_tags: tuple[str, ...]
    gone: tuple[str, ...]
    dangling: tuple[str, ...]
    refusal: str
    fingerprint: str
    as_of: datetime | None

    @property
    def siblings(self) -> tuple[str, ...]:
        """Tags that go although nobody named them, because they are on the same digest."""
        return tuple(sorted(tag for tag in self.tags if tag not in self.asked))

    @property
    def journal(self) -> tuple[ManifestFact, ...]:
        """The manifests to keep the bytes of, children first."""
        return tuple(reversed(self.steps))


def make_plan(facts: Facts) -> Plan:
    """Plan the removal of the asked tags."""
    targets = _targets(facts)
    tags = {tag: digest for tag, digest in facts.digests.items() if digest in targets}
    going = _what_may_go(facts, tags)
    refusal = _refusal(facts, tags, targets - going)
    steps = () if refusal else _parents_first(facts, going)
    kept = (
        *(Kept(each, _why_kept(facts, each, going)) for each in facts.manifests if each not in going),
        *(Kept(tag, DANGLING) for tag in facts.dangling),
    )
    return Plan(
        repository=facts.repository,
        asked=facts.asked,
        whole_image=facts.whole_image,
        tags=tags,
        steps=steps,
        kept=kept,
        staying_tags=tuple(sorted(tag for tag in facts.digests if tag not in tags)),
        gone=facts.gone,
        dangling=facts.dangling,
        refusal=refusal,
        fingerprint=_fingerprint(facts, tags, steps, kept),
        as_of=facts.as_of,
    )


def _targets(facts: Facts) -> frozenset[str]:
    asked = {facts.digests[tag] for tag in facts.asked if tag in facts.digests}
    return frozenset(asked | set(facts.manifests)) if facts.whole_image else frozenset(asked)


def _what_may_go(facts: Facts, tags: Mapping[str, str]) -> frozenset[str]:
    """The largest set of manifests of which nothing that stays names one: what stays is taken out until none is."""
    staying_tags = {digest for tag, digest in facts.digests.items() if tag not in tags}
    going = set(facts.manifests) - staying_tags
    while True:
        held = {each for each in going if facts.holders.get(each, frozenset()) - going}
        if not held:
            return frozenset(going)
        going -= held


def _refusal(facts: Facts, tags: Mapping[str, str], blocked: frozenset[str]) -> str:
    """Why the asked tags cannot be removed: an index that stays names their manifest."""
    if facts.dangling and not tags:
        return DANGLING
    blocked &= facts.manifests.keys()
    if not blocked:
        return ""
    names = ", ".join(sorted(tag for tag, digest in tags.items() if digest in blocked)) or "This manifest"
    holders = frozenset[str]().union(*(facts.holders.get(each, frozenset()) for each in blocked))
    return f"{names} is part of {_called(facts, holders)}, which would no longer pull without it."


def _why_kept(facts: Facts, digest: str, going: frozenset[str]) -> str:
    tags = sorted(tag for tag, on in facts.digests.items() if on == digest)
    if tags:
        return f"It is tagged {', '.join(tags)}."
    return f"It is part of {_called(facts, facts.holders.get(digest, frozenset()) - going)}."


def _called(facts: Facts, digests: Iterable[str]) -> str:
    """Manifests by their tags, or as what they are."""
    wanted = set(digests)
    tags = sorted(tag for tag, digest in facts.digests.items() if digest in wanted)
    return ", ".join(tags) if tags else "an index without a tag"


def _parents_first(facts: Facts, going: frozenset[str]) -> tuple[ManifestFact, ...]:
    """Order the manifests so that an index is deleted before what it names."""
    ordered: dict[str, ManifestFact] = {}
    left = [each for each in facts.manifests if each in going]
    while left:
        free = [each for each in left if not (facts.holders.get(each, frozenset()) & going) - ordered.keys()]
        ordered.update((each, facts.manifests[each]) for each in free or left)
        left = [each for each in left if each not in ordered]
    return tuple(ordered.values())


def _fingerprint(facts: Facts, tags: Mapping[str, str], steps: tuple[ManifestFact, ...], kept: tuple[Kept, ...]) -> str:
    """What somebody agrees to by pressing the button: these tags on these digests, these manifests, no others.

    Why something stays is not part of it: another reason deletes nothing else.
    """
    agreed = {
        "repository": facts.repository,
        "asked": sorted(facts.asked),
        "whole_image": facts.whole_image,
        "tags": sorted(tags.items()),
        "manifests": sorted(each.digest for each in steps),
        "kept": sorted(each.name for each in kept),
    }
    return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()
