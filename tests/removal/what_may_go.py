"""What goes with a removal, worked out a second time, from what stays: slowly, and from the words of the issue.

What stays are the roots that remain (tags that do not go, untagged manifests that nothing that goes reaches) and all
that they hold. A list of referrers under its fallback tag holds nothing: it is written anew without what goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from demo.build import digest_of
from tests.removal.acts import Contents, Fleet
from webapp.removal.wanted import Referrers, Siblings, Wanted

FALLBACK_LENGTH = len("sha256-") + 64


@dataclass(frozen=True, slots=True)
class MayGo:
    """Tags and manifests that go, and tags whose list of referrers is written anew."""

    tags: frozenset[str]
    manifests: frozenset[str]
    rewritten: frozenset[str]


def what_may_go(fleet: Fleet, wanted: Wanted, protected: tuple[str, ...]) -> MayGo:
    """Work out what goes. Of a whole image, what refers to something that stays is left out, and so on.

    A list that is written anew is a root, also where the very same is there already.
    """
    contents = fleet.repositories[wanted.repository]
    left: set[str] = set()
    while True:
        may_go = _what_may_go(fleet, wanted, protected, left)
        stays = contents.revisions.keys() - may_go.manifests
        more = {_written_anew(fleet, contents, tag, may_go) for tag in may_go.rewritten} & may_go.manifests
        if wanted.whole_image:
            tags = {tag for tag in may_go.tags if _named_after(tag) in stays}
            more |= tags | {contents.tags[tag] for tag in tags}
            more |= {each for each in may_go.manifests if fleet.made[each].subject in stays}
        if more <= left:
            return may_go
        left |= more


def _written_anew(fleet: Fleet, contents: Contents, tag: str, may_go: MayGo) -> str:
    """The digest of a list without what goes, and without what is not there."""
    document = json.loads(fleet.made[contents.tags[tag]].raw)
    stays = contents.revisions.keys() - may_go.manifests
    document["manifests"] = [each for each in document["manifests"] if each["digest"] in stays]
    return digest_of(json.dumps(document, separators=(",", ":")).encode())


def _what_may_go(fleet: Fleet, wanted: Wanted, protected: tuple[str, ...], left: set[str]) -> MayGo:
    contents = fleet.repositories[wanted.repository]
    spared = set() if wanted.include_protected else {tag for tag in contents.tags if _fits(protected, tag)}
    tags = _asked_tags(contents, wanted) - spared - left
    reached = set(contents.revisions) - left if wanted.whole_image else set(wanted.digests)
    while True:
        reached = _with_children(fleet, contents, reached | {contents.tags[tag] for tag in tags}) - left
        lists = {tag for tag in contents.tags.keys() - tags - spared if _is_list(fleet, contents, tag)}
        goes = reached - _what_stays(fleet, contents, contents.tags.keys() - tags, reached, lists)
        more_tags = {tag for tag in lists if _is_emptied(fleet, contents, tag, goes)}
        referrers: set[str] = set()
        if wanted.referrers == Referrers.REMOVE:
            more_tags |= {tag for tag in contents.tags if _named_after(tag) in goes} - spared
            referrers = {each for each in contents.revisions if fleet.made[each].subject in goes} - left
        more_tags -= left
        if more_tags <= tags and referrers <= reached:
            break
        tags |= more_tags
        reached |= referrers
    rewritten = {tag for tag in lists if goes.intersection(fleet.made[contents.tags[tag]].children)}
    manifests = goes | {contents.tags[tag] for tag in rewritten}
    return MayGo(frozenset(tags), frozenset(manifests), frozenset(rewritten))


def _fits(patterns: Iterable[str], tag: str) -> bool:
    return any(fnmatchcase(tag, pattern) for pattern in patterns)


def _asked_tags(contents: Contents, wanted: Wanted) -> set[str]:
    if wanted.whole_image:
        return set(contents.tags)
    asked = set(wanted.tags)
    if wanted.siblings == Siblings.REMOVE:
        on = {contents.tags[tag] for tag in asked if tag in contents.tags} | set(wanted.digests)
        asked |= {tag for tag, digest in contents.tags.items() if digest in on}
    return {tag for tag in asked if tag in contents.tags}


def _with_children(fleet: Fleet, contents: Contents, digests: Iterable[str]) -> set[str]:
    found = {each for each in digests if each in contents.revisions}
    for each in list(found):
        found |= _with_children(fleet, contents, fleet.made[each].children)
    return found


def _named_after(tag: str) -> str:
    """The digest that a tag is named after; '' for any other."""
    return tag[:FALLBACK_LENGTH].replace("-", ":") if tag.startswith("sha256-") else ""


def _is_list(fleet: Fleet, contents: Contents, tag: str) -> bool:
    """Whether a fallback tag is the only need of the index that it is on."""
    digest = contents.tags[tag]
    return (
        len(tag) == FALLBACK_LENGTH
        and list(contents.tags.values()).count(digest) == 1
        and not any(digest in fleet.made[each].children for each in contents.revisions)
    )


def _what_stays(
    fleet: Fleet, contents: Contents, tags: Iterable[str], reached: set[str], lists: Iterable[str]
) -> set[str]:
    """The least set that has the roots and, with each manifest but a list, its children."""
    without_hold = {contents.tags[tag] for tag in lists}
    stays = {contents.tags[tag] for tag in tags} | (set(contents.revisions) - reached)
    size = -1
    while size != len(stays):
        size = len(stays)
        for each in stays - without_hold:
            stays = stays.union(child for child in fleet.made[each].children if child in contents.revisions)
    return stays


def _is_emptied(fleet: Fleet, contents: Contents, tag: str, goes: set[str]) -> bool:
    there = {each for each in fleet.made[contents.tags[tag]].children if each in contents.revisions}
    return bool(there) and there <= goes
