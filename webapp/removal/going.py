"""What goes with a removal. Pure.

A collection keeps every manifest that is there, tagged or not. So a manifest goes only when every tag on it goes,
and every index of its repository that names it goes, too; `subject` holds nothing. An item of the trash holds what it
is on like a tag. What stays is the least fixed
point of that, so a child of two indexes stays until both are gone. Referrers of what goes are carried along, and
theirs in turn.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from webapp.removal.material import Facts, Rewrite
from webapp.removal.wanted import Referrers, Siblings


@dataclass(frozen=True, slots=True)
class Going:
    """What goes. `reached` is everything that might have: the rest of it stays for a reason."""

    tags: Mapping[str, str]
    manifests: frozenset[str]
    reached: frozenset[str]
    rewrites: tuple[Rewrite, ...]
    referrers: frozenset[str]


def what_goes(facts: Facts) -> Going:
    """Find out what goes with what was asked for.

    A whole image of which something stays, because it is protected, leaves the referrers of what stays as well. And a
    list of referrers that is written anew may be one that is there already, and would have gone.
    """
    left: frozenset[str] = frozenset()
    while True:
        going = _what_goes(facts, left)
        more = going.manifests.intersection(each.new for each in going.rewrites)
        if facts.wanted.whole_image:
            more |= _referrers_of_what_stays(facts, going)
        if more <= left:
            return going
        left |= more


def _referrers_of_what_stays(facts: Facts, going: Going) -> frozenset[str]:
    """Tags and manifests that go although what they refer to is there and stays."""
    stays = facts.manifests.keys() - going.manifests
    tags = {tag for tag in going.tags if facts.named_after.get(tag) in stays}
    referring = {digest for digest in going.manifests if facts.manifests[digest].subject in stays}
    return frozenset(tags | {facts.digests[tag] for tag in tags} | referring)


def _what_goes(facts: Facts, left: frozenset[str]) -> Going:
    """What goes where tags and manifests that are `left` do not, whatever else would take them along."""
    lists = _lists_of_referrers(facts)
    tags = {tag: digest for tag, digest in _asked(facts).items() if tag not in left}
    reached = asked = closure(facts, {*tags.values(), *_asked_manifests(facts)} - left) - left
    asked_tags = frozenset(tags)
    while True:
        shortened = frozenset(tag for tag in lists if tag not in tags)
        going, shortened = _what_may_go(facts, tags, reached, {tag: lists[tag] for tag in shortened})
        carried_tags = _carried_tags(facts, tags, going, {tag: lists[tag] for tag in shortened})
        more_tags = {tag: on for tag, on in carried_tags.items() if tag not in left}
        more = (set(more_tags.values()) | _carried_manifests(facts, going)) - left
        if not more_tags and more <= reached:
            break
        tags |= more_tags
        reached = closure(facts, reached | more) - left
    rewrites = tuple(_rewrite(facts, tag, lists[tag], going) for tag in sorted(shortened))
    carried = (going - asked) | (tags.keys() - asked_tags)
    olds = frozenset(each.old for each in rewrites)
    return Going(tags, going | olds, reached | olds, rewrites, frozenset(carried))


def _asked(facts: Facts) -> dict[str, str]:
    """The tags that were asked for and may go, with their siblings where they are to go, too."""
    asked = {tag: facts.digests[tag] for tag in facts.asked_tags if tag in facts.digests}
    asked |= dict.fromkeys(facts.dangling, "")
    if facts.wanted.siblings == Siblings.REMOVE:
        on = {*asked.values(), *facts.wanted.digests}
        asked |= {tag: digest for tag, digest in facts.digests.items() if digest in on}
    return {tag: digest for tag, digest in asked.items() if tag not in _spared(facts)}


def _spared(facts: Facts) -> frozenset[str]:
    return frozenset() if facts.wanted.include_protected else facts.protected


def _asked_manifests(facts: Facts) -> set[str]:
    return set(facts.manifests) if facts.wanted.whole_image else set(facts.wanted.digests)


def closure(facts: Facts, digests: Iterable[str]) -> frozenset[str]:
    """Some manifests and all that they name."""
    found: set[str] = set()
    level = {each for each in digests if each in facts.manifests}
    while level:
        found |= level
        named = {child for each in level for child in facts.manifests[each].children}
        level = {each for each in named if each in facts.manifests} - found
    return frozenset(found)


def _what_may_go(
    facts: Facts, tags: Collection[str], reached: frozenset[str], lists: Mapping[str, str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The largest part of what is reached that nothing holds that stays; and the lists that become shorter by it.

    A list of referrers does not hold what it lists: it is written anew. One that loses nothing stays as it is.
    """
    free = reached if facts.revisions_known else reached & (facts.seen_before | _named(facts))
    while True:
        going = _not_held(facts, tags, free, lists)
        shorter = {tag: index for tag, index in lists.items() if going.intersection(facts.manifests[index].children)}
        if shorter.keys() == lists.keys():
            return going, frozenset(shorter)
        lists = shorter


def _not_held(facts: Facts, tags: Collection[str], free: frozenset[str], lists: Mapping[str, str]) -> frozenset[str]:
    going = set(free - facts.in_trash.keys())
    going -= {digest for tag, digest in facts.digests.items() if tag not in tags and tag not in lists}
    going -= set(lists.values())
    written_anew = set(lists.values())
    while True:
        held = {each for each in going if (facts.holders.get(each, frozenset()) - written_anew) - going}
        if not held:
            return frozenset(going)
        going -= held


def _named(facts: Facts) -> frozenset[str]:
    """What was asked for by its digest or by a tag of its own."""
    tagged = (facts.digests[tag] for tag in facts.asked_tags if tag in facts.digests)
    return frozenset((*facts.wanted.digests, *tagged))


def _carried_tags(
    facts: Facts, tags: Collection[str], going: frozenset[str], lists: Mapping[str, str]
) -> dict[str, str]:
    """Tags that are named after something that goes, and lists of referrers of which nothing is left."""
    more = {tag: index for tag, index in lists.items() if going.issuperset(_listed(facts, index))}
    if facts.wanted.referrers == Referrers.REMOVE:
        more |= {tag: facts.digests[tag] for tag, subject in facts.named_after.items() if subject in going}
    return {tag: on for tag, on in more.items() if tag not in tags and tag not in _spared(facts)}


def _carried_manifests(facts: Facts, going: frozenset[str]) -> set[str]:
    """Manifests that refer to something that goes by `subject`."""
    if facts.wanted.referrers == Referrers.KEEP:
        return set()
    return {digest for digest, fact in facts.manifests.items() if fact.subject in going}


def _lists_of_referrers(facts: Facts) -> dict[str, str]:
    """Fallback tags, each with its index, where nothing but the tag needs the index; a protected one stays as it is."""
    on = Counter(facts.digests.values())
    return {
        tag: facts.digests[tag]
        for tag in facts.named_after
        if tag not in _spared(facts)
        and facts.digests.get(tag) in facts.fallbacks
        and on[facts.digests[tag]] == 1
        and not facts.holders.get(facts.digests[tag])
    }


def _listed(facts: Facts, index: str) -> set[str]:
    """What a list of referrers names that is there."""
    return {each for each in facts.manifests[index].children if each in facts.manifests}


def _rewrite(facts: Facts, tag: str, index: str, going: frozenset[str]) -> Rewrite:
    """The list without what goes, and without what is not there: a registry refuses an index of that."""
    left = _listed(facts, index) - going
    document = json.loads(facts.fallbacks[index])
    document["manifests"] = [each for each in document["manifests"] if each["digest"] in left]
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    new = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return Rewrite(tag, index, new, facts.manifests[index].media_type, raw)
