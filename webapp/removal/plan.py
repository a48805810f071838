"""The plan of a removal: what goes, what stays and why, in which order. Pure: facts in, plan out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from webapp.removal.going import Going, closure, what_goes
from webapp.removal.material import Facts, ManifestFact, Rewrite
from webapp.removal.trash import day_words
from webapp.removal.wanted import Referrers, Siblings, Wanted

PROTECTED = "It is protected (HOLYSTONE_PROTECTED_TAGS)."
IS_WRITTEN_AGAIN = "It is what a list of referrers is without what goes."
ITS_NEED_IS_UNKNOWN = "Holystone has not seen whether anything else needs it."


@dataclass(frozen=True, slots=True)
class Kept:
    """A manifest or tag that the removal reaches and leaves, with the reason as a sentence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal will do.

    Attributes:
        wanted: what was asked for.
        tags: the tags that go, each with the digest it is on; '' for one that is listed without a manifest.
        steps: the manifests to delete, an index before what it names, referrers last.
        rewrites: lists of referrers that go on without what goes.
        kept: what is reached and stays.
        staying_tags: all other tags of the repository.
        siblings: tags on the same digest as an asked one that nobody named; they go or stay, as was chosen.
        referrers: of `tags` and `steps`, what goes because it refers to something that goes.
        gone: asked tags and digests that are not there any more.
        dangling: of `tags`, those that are listed without a manifest.
        refusal: a sentence where nothing that was asked for can go.
        as_of: when the catalogue was last brought up to date.
        until: the tags go into the trash until then, and `steps` and `rewrites` are for later; None: for good, at once.
    """

    wanted: Wanted
    tags: Mapping[str, str]
    steps: tuple[ManifestFact, ...]
    rewrites: tuple[Rewrite, ...]
    kept: tuple[Kept, ...]
    staying_tags: tuple[str, ...]
    siblings: tuple[str, ...]
    referrers: frozenset[str]
    gone: tuple[str, ...]
    dangling: tuple[str, ...]
    refusal: str
    fingerprint: str
    revisions_known: bool
    as_of: datetime | None
    protected: tuple[str, ...] = field(default=())
    until: datetime | None = None

    @property
    def repository(self) -> str:
        """Of which everything is."""
        return self.wanted.repository

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.tags or self.steps)


def make_plan(facts: Facts, until: datetime | None = None) -> Plan:
    """Plan the removal of what is wanted: into the trash until then, or (None) for good."""
    facts = facts if until is None else _as_for_the_trash(facts)
    going = what_goes(facts)
    steps = _parents_first(facts, going.manifests)
    kept = _kept(facts, going)
    return Plan(
        wanted=facts.wanted,
        tags=going.tags,
        steps=steps,
        rewrites=going.rewrites,
        kept=kept,
        staying_tags=tuple(sorted(tag for tag in facts.digests if tag not in going.tags)),
        siblings=_siblings(facts),
        referrers=going.referrers,
        gone=facts.gone,
        dangling=tuple(tag for tag in facts.dangling if tag in going.tags),
        refusal=_refusal(going, kept, facts),
        fingerprint=_fingerprint(facts.wanted, going, steps, kept, until is None),
        revisions_known=facts.revisions_known,
        as_of=facts.as_of,
        protected=tuple(sorted(facts.protected)),
        until=until,
    )


def _as_for_the_trash(facts: Facts) -> Facts:
    """What asked tags lead to may be in the trash already: a sibling went before. It goes there once more, with theirs.

    Else what refers to it would stay behind when its last tag goes.
    """
    led_to = closure(facts, [facts.digests[tag] for tag in facts.asked_tags if tag in facts.digests])
    return replace(facts, in_trash={digest: until for digest, until in facts.in_trash.items() if digest not in led_to})


def protected_among(facts: Facts, going: Collection[str]) -> set[str]:
    """Protected tags that would have gone: asked ones, siblings that were to go, and those named after what goes."""
    if facts.wanted.include_protected:
        return set()
    would_go = {*facts.asked_tags, *(tag for tag, subject in facts.named_after.items() if subject in going)}
    if facts.wanted.siblings == Siblings.REMOVE:
        would_go |= set(_siblings(facts))
    return would_go & facts.protected


def _siblings(facts: Facts) -> tuple[str, ...]:
    asked = {facts.digests[tag] for tag in facts.asked_tags if tag in facts.digests} | set(facts.wanted.digests)
    return tuple(sorted(tag for tag, on in facts.digests.items() if on in asked and tag not in facts.asked_tags))


def _kept(facts: Facts, going: Going) -> tuple[Kept, ...]:
    reached = going.reached.union(facts.wanted.digests)
    stays = [each for each in facts.manifests if each in reached and each not in going.manifests]
    return (
        *(Kept(tag, PROTECTED) for tag in sorted(protected_among(facts, going.manifests))),
        *(Kept(each, _why_kept(facts, each, going)) for each in stays),
        *(Kept(name, reason) for name, reason in _referrers_left(facts, going)),
    )


def _referrers_left(facts: Facts, going: Going) -> Iterable[tuple[str, str]]:
    """Referrers of what goes, where they were chosen to stay."""
    if facts.wanted.referrers == Referrers.REMOVE:
        return
    for tag, subject in facts.named_after.items():
        if subject in going.manifests and tag not in going.tags:
            yield tag, "It refers to what goes, and was chosen to stay."
    for digest, fact in facts.manifests.items():
        if fact.subject in going.manifests and digest not in going.manifests and digest not in going.reached:
            yield digest, "It refers to what goes, and was chosen to stay."


def _refusal(going: Going, kept: tuple[Kept, ...], facts: Facts) -> str:
    """Why nothing that was asked for can go; '' where something can, or nothing was there."""
    if going.tags or going.manifests or not kept:
        return ""
    first = next((each for each in kept if each.name in {*facts.asked_tags, *facts.wanted.digests}), kept[0])
    return f"{first.name.removeprefix('sha256:')[:12] if ':' in first.name else first.name} stays: {first.reason}"


def _why_kept(facts: Facts, digest: str, going: Going) -> str:
    tags = sorted(tag for tag, on in facts.digests.items() if on == digest and tag not in going.tags)
    if tags:
        return f"It is tagged {_some(tags)}."
    holders = facts.holders.get(digest, frozenset()) - going.manifests
    if holders:
        return f"It is part of {_called(facts, holders)}."
    if digest in facts.in_trash:
        return f"It is in the trash until {day_words(facts.in_trash[digest])}."
    if any(digest == each.new for each in going.rewrites):
        return IS_WRITTEN_AGAIN
    return ITS_NEED_IS_UNKNOWN


def _called(facts: Facts, digests: Iterable[str]) -> str:
    """Manifests by their tags, or as what they are."""
    wanted = set(digests)
    tags = sorted(tag for tag, digest in facts.digests.items() if digest in wanted)
    return _some(tags) if tags else "an index without a tag"


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _parents_first(facts: Facts, going: frozenset[str]) -> tuple[ManifestFact, ...]:
    """Order the manifests so that an index is deleted before what it names, and referrers after the rest."""
    waits_for = {each: set(facts.holders.get(each, frozenset()) & going) for each in facts.manifests if each in going}
    ordered: list[str] = []
    while waits_for:
        free = [each for each, holders in waits_for.items() if not holders] or list(waits_for)
        others = [each for each in free if facts.manifests[each].subject not in going]
        taken = others or free
        ordered.extend(taken)
        for each in taken:
            del waits_for[each]
        for holders in waits_for.values():
            holders.difference_update(taken)
    return tuple(facts.manifests[each] for each in ordered)


def _fingerprint(
    wanted: Wanted, going: Going, steps: tuple[ManifestFact, ...], kept: tuple[Kept, ...], is_for_good: bool
) -> str:
    """What somebody agrees to by pressing the button: these tags on these digests, these manifests, no others.

    Why something stays is not part of it: another reason deletes nothing else.
    """
    agreed = {
        "wanted": [wanted.repository, wanted.as_json()],
        "tags": sorted(going.tags.items()),
        "manifests": sorted(each.digest for each in steps),
        "rewrites": sorted((each.tag, each.old, each.new) for each in going.rewrites),
        "kept": sorted(each.name for each in kept),
        "for_good": is_for_good,
    }
    return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()
