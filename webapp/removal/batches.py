"""What a removal does, in the order in which it is done: batches, each with its intent before and its outcome after.

Tags that go by themselves first, then lists of referrers, then manifests, an index before what it names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from webapp.removal.ground import Ground
from webapp.removal.looks import REQUESTS_AT_A_TIME
from webapp.removal.material import Rewrite
from webapp.removal.stand_in import STAND_INS_AT_A_TIME, TAGS_ON_ONE, UNTAG_FIRST_FROM, new_token

ONE_BY_ONE_UP_TO = 20
"""So many manifests are deleted one after the other, each noted for itself; more of them 16 at once."""

NOTED_TOGETHER = 64
"""Of more, so many are noted in one go."""


@dataclass(frozen=True, slots=True)
class Untag:
    """Tags to take away: by each token's stand-in some, or all by name where the token is empty."""

    tags_of: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """What it is about."""
        return tuple(tag for tags in self.tags_of.values() for tag in tags)


@dataclass(frozen=True, slots=True)
class WriteList:
    """A list of referrers to write anew."""

    rewrite: Rewrite

    @property
    def names(self) -> tuple[str, ...]:
        """What it is about."""
        return (self.rewrite.new,)


@dataclass(frozen=True, slots=True)
class Delete:
    """Manifests to delete at the same time: none of them is named by another.

    `begins` are those whose beginning is to be noted before, of this batch and of the next ones; none where that was
    done with an earlier batch.
    """

    digests: tuple[str, ...]
    begins: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it is about."""
        return self.digests


Batch = Untag | WriteList | Delete


def tags_that_go_alone(ground: Ground, digests: Collection[str]) -> list[str]:
    """Tags that have to be taken away by themselves: what they are on stays, or they are so many that it is faster."""
    waiting = [tag for tag in sorted(ground.going) if tag not in ground.settled]
    if len(waiting) >= UNTAG_FIRST_FROM:
        return waiting
    deleted = set(digests)
    return [tag for tag in waiting if ground.going[tag] not in deleted]


def untag_batches(tags: Sequence[str], by_name: bool) -> Iterator[Untag]:
    """Tags, as many together as a few stand-ins serve for."""
    some = TAGS_ON_ONE * STAND_INS_AT_A_TIME
    for start in range(0, len(tags), some):
        batch = tags[start : start + some]
        yield Untag({"": tuple(batch)} if by_name else _on_stand_ins(batch))


def _on_stand_ins(tags: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {new_token(): tuple(tags[at : at + TAGS_ON_ONE]) for at in range(0, len(tags), TAGS_ON_ONE)}


def delete_batches(ground: Ground, digests: Sequence[str]) -> Iterator[Delete]:
    """Manifests in their order."""
    if len(digests) <= ONE_BY_ONE_UP_TO:
        yield from (Delete((digest,), (digest,)) for digest in digests)
        return
    begun: set[str] = set()
    for group in _groups(ground, digests):
        if begun.issuperset(group):
            yield Delete(group, ())
            continue
        at = digests.index(group[0])
        begins = digests[at : at + NOTED_TOGETHER]
        begun.update(begins)
        yield Delete(group, tuple(begins))


def _groups(ground: Ground, digests: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """None is in one group with an index that names it, nor are there more than are asked for at a time."""
    group: list[str] = []
    for digest in digests:
        if len(group) == REQUESTS_AT_A_TIME or ground.holders.get(digest, frozenset()).intersection(group):
            yield tuple(group)
            group = []
        group.append(digest)
    if group:
        yield tuple(group)
