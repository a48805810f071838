"""Look at the tags of some repositories: their lists, and the digest that each is on.

It returns values; no row is read or changed here, so nothing that fails here can lose one (law 4).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from webapp.catalogue.pace import GoesOn
from webapp.catalogue.revisions import Lookup, nobody_knows
from webapp.catalogue.seen import Asked, KnownTag, SeenRepository, SeenTag
from webapp.catalogue.store_tags import is_the_registrys, pushed_at, read_in_store
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, NoToken, RegistryError, RegistryFailed, RegistryUnreachable, Throttled

log = logging.getLogger(__name__)

AWAY = (RegistryUnreachable, NoToken)
PASSING = (*AWAY, RegistryFailed, Throttled)
"""Errors of a moment: what met one is tried again at the next look, while other answers stay what they are."""

MOST_NEW = 2_000
"""So many new tags are read in one piece, which is written down before the next."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Means:
    """What a look works with.

    Attributes:
        executor: as many requests are made at a time as it has threads.
        known: of some digests, those whose manifest the catalogue has already.
        store: the root directory of the registry's storage where it can be read.
        revisions: all manifests of a repository, where they can be known.
        may_go_on: asked before each request; False ends the look.
        turn: the same for a request about what is known already, for which it waits: there is no hurry.
    """

    client: RegistryClient
    executor: Executor
    known: Callable[[set[str]], set[str]]
    store: Path | None = None
    revisions: Lookup = nobody_knows
    may_go_on: GoesOn = _always
    turn: GoesOn = _always


class No(Enum):
    """Why a look at a tag found none."""

    GONE = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True)
class _List:
    """A repository's list, and which of its tags are looked at, or left as they are."""

    repository: str
    listed: frozenset[str]
    problem: str
    wanted: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()
    goes_on: bool = False


_Look = SeenTag | RegistryError | No


def look_at_tags(means: Means, asked: Asked) -> list[SeenRepository]:
    """Look at the tags of some repositories that are new, due, or not listed any more: lists leave tags out
    (distribution.md, fact 10).

    Where the store is readable the links in it are read instead, if they prove to be the registry's.

    Raises:
        RegistryUnreachable, NoToken: it does not answer at all; whatever was read is of no use.
    """
    lists = _choose(
        asked, [each for each in means.executor.map(lambda name: _list_of(means, name, asked), asked) if each]
    )
    seen = _look_at_all(means, asked, lists)
    if means.store is None or _is_proved(means.client, means.store, seen):
        return seen
    log.warning("The store at HOLYSTONE_REGISTRY_STORE is not the registry's: it has other tags. It is not read.")
    return _look_at_all(replace(means, store=None), asked, lists)


def _is_proved(client: RegistryClient, store: Path, seen: Iterable[SeenRepository]) -> bool:
    """Ask the registry for one of the tags that were read in the store: the one that was pushed last."""
    read = [(tag.pushed_at, each.name, tag.name) for each in seen for tag in each.tags if tag.is_read_in_store]
    if not read:
        return True
    _pushed_at, repository, tag = max(read)
    return is_the_registrys(client, store, repository, tag)


def _list_of(means: Means, repository: str, asked: Asked) -> _List | None:
    """The tags that a repository lists; None where the look is to end."""
    if not (means.turn if asked[repository] else means.may_go_on)():
        return None
    try:
        return _List(repository, frozenset(means.client.tags(repository)), "")
    except NotFound:
        return _List(repository, frozenset(), "")
    except RegistryError as error:
        raise_if_away(means.client, error)
        return _List(repository, frozenset(), error.sentence)


def raise_if_away(client: RegistryClient, error: RegistryError) -> None:
    """End the look where the registry does not answer at all; one thing that takes too long does not stop the rest."""
    if isinstance(error, AWAY):
        client.ping()


def _choose(asked: Asked, lists: Iterable[_List]) -> list[_List]:
    """Which tags are looked at: all but those that are listed and not due, and of the new ones only so many."""
    chosen, room = [], MOST_NEW
    for each in lists:
        ours = asked[each.repository]
        new = sorted(each.listed - ours.keys())
        not_due = {tag for tag, known in ours.items() if tag in each.listed and not known.is_due}
        wanted = () if each.problem else (*sorted(ours.keys() - not_due), *new[:room])
        left = not_due.union(new[room:])
        chosen.append(replace(each, wanted=wanted, left=frozenset(left), goes_on=len(new) > room))
        room -= len(new[:room])
    return chosen


def _look_at_all(means: Means, asked: Asked, lists: list[_List]) -> list[SeenRepository]:
    silent: dict[str, RegistryError] = {}
    wanted = [(each, tag) for each in lists for tag in each.wanted]
    looks = means.executor.map(
        lambda one: _look_at(means, silent, one[0], one[1], asked[one[0].repository].get(one[1])), wanted
    )
    found: dict[str, dict[str, _Look]] = {each.repository: {} for each in lists}
    for (each, tag), look in zip(wanted, looks, strict=True):
        found[each.repository][tag] = look
    return [_seen(each, found[each.repository]) for each in lists]


def _seen(of: _List, looks: Mapping[str, _Look]) -> SeenRepository:
    unread = {tag: look.sentence for tag, look in looks.items() if isinstance(look, RegistryError)}
    not_come_to = {tag for tag, look in looks.items() if look is No.TIME}
    return SeenRepository(
        of.repository,
        tuple(look for look in looks.values() if isinstance(look, SeenTag)),
        frozenset(unread),
        of.problem,
        why=next(iter(unread.values()), ""),
        left=of.left | not_come_to,
        goes_on=of.goes_on,
    )


def _look_at(means: Means, silent: dict[str, RegistryError], of: _List, tag: str, known: KnownTag | None) -> _Look:
    """The tag as it is now, or the error that kept us from knowing.

    `silent` are the repositories in which a look had no answer: all the others would wait for nothing as long.
    """
    repository, is_listed = of.repository, tag in of.listed
    if repository in silent:
        return silent[repository]
    if not means.may_go_on():
        return No.TIME
    if means.store is not None and is_listed:
        seen = read_in_store(means.store, repository, tag, known)
        if seen is not None:
            return seen
    if known is not None and not means.turn():
        return No.TIME
    return _ask(means, silent, repository, tag, is_listed)


def _ask(means: Means, silent: dict[str, RegistryError], repository: str, tag: str, is_listed: bool) -> _Look:
    try:
        digest = means.client.head_manifest(repository, tag).digest
    except NotFound:
        problem = "The registry lists this tag but has no manifest for it."
        return SeenTag(tag, None, problem, pushed_at(means.store, repository, tag)) if is_listed else No.GONE
    except RegistryError as error:
        raise_if_away(means.client, error)
        if isinstance(error, AWAY):
            silent[repository] = error
        return error
    return SeenTag(tag, digest, "", pushed_at(means.store, repository, tag))
