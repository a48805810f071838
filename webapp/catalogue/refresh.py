"""Bring the catalogue's rows of some repositories to what the registry has now.

The requests are made by `survey`, the rows are written by `rows`; here is what is asked for, and how far.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Repository, Tag
from webapp.catalogue.named import Named
from webapp.catalogue.pace import GoesOn, at_a_pace
from webapp.catalogue.revisions import Lookup, Revisions, unknown
from webapp.catalogue.rows import add_manifests, known_digests, note_revisions, repository_named, update_repository
from webapp.catalogue.seen import Asked, KnownTag, SeenRepository, Survey
from webapp.catalogue.store_tags import COARSEST_CLOCK
from webapp.catalogue.survey import survey
from webapp.catalogue.tag_looks import Means
from webapp.catalogue.totals import measure
from webapp.catalogue.unread import note_unread
from webapp.database import Reading, Writing, among
from webapp.registry.client import RegistryClient

REQUESTS_AT_A_TIME = 16
MOST_CHECKED_AT_ONCE = 1_000
"""So many tags of a repository are looked at again while somebody waits; the next sync looks at others."""

IsDue = Callable[[str, datetime | None], bool]
"""Whether a tag, by its name and the time at which it was last looked at for itself, is to be looked at now."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a sync works with.

    Attributes:
        store: the root of the registry's storage where it can be read.
        revisions: tells all manifests of a repository, where they can be known.
        named: repositories to look at whether the registry lists them or not.
        requests_per_second: so often a sync asks again for what it knows; None for as often as it can.
        checked_at_most: so many tags a sync looks at again, the longest unchecked first; None for all.
    """

    client: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    store: Path | None
    revisions: Revisions = unknown
    named: Named = ()
    requests_per_second: float | None = None
    checked_at_most: int | None = None
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep


@dataclass(frozen=True, slots=True)
class Way:
    """How repositories are gone through: the threads, what is known of untagged manifests, the pace.

    `ended` is set as soon as something was left because the look was to end.
    """

    executor: Executor
    revisions: Lookup
    may_go_on: GoesOn
    turn: GoesOn
    ended: threading.Event


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was seen of some repositories; those that were not come to are missing. `versions` are from before."""

    repositories: list[SeenRepository]
    versions: dict[str, int]


def prepare(catalogue: Catalogue, executor: Executor, may_go_on: GoesOn = lambda: True) -> Way:
    """Make ready to look at repositories."""
    ended = threading.Event()

    def goes_on() -> bool:
        if not may_go_on():
            ended.set()
        return not ended.is_set()

    rate = catalogue.requests_per_second
    turn = at_a_pace(rate, goes_on, catalogue.monotonic, catalogue.wait) if rate else goes_on
    return Way(executor, catalogue.revisions(), goes_on, turn, ended)


def sync_repository(catalogue: Catalogue, name: str) -> None:
    """Look at one repository, of very many tags at those that were not looked at for the longest time.

    One that seems to have lost all its tags is left to the next whole sync.

    Raises:
        RegistryUnreachable: the registry does not answer.
    """
    with catalogue.reading() as session:
        of_it = select(Repository.id).where(Repository.name == name).scalar_subquery()
        is_due = longest_unchecked(session, MOST_CHECKED_AT_ONCE, Tag.repository_id == of_it)
    _refresh_one(catalogue, name, is_due)


def check_tags(catalogue: Catalogue, name: str, tags: Collection[str]) -> None:
    """Look at some tags of a repository, and at what is new in it. The keeper is not bothered for it.

    Raises:
        RegistryUnreachable: the registry does not answer.
    """
    quick = catalogue if catalogue.store is not None else replace(catalogue, revisions=unknown)
    _refresh_one(quick, name, lambda tag, _checked_at: tag in tags)


def _refresh_one(catalogue: Catalogue, name: str, is_due: IsDue) -> None:
    at_once = replace(catalogue, requests_per_second=None)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        refresh(at_once, prepare(at_once, executor), [name], is_due)


def longest_unchecked(session: Session, most: int, *of: ColumnElement[bool]) -> IsDue:
    """Due are so many tags, and one at least, that were not looked at for the longest time, with those of the same look."""
    row = session.execute(
        select(Tag.checked_at).where(*of).order_by(Tag.checked_at).offset(max(most, 1) - 1).limit(1)
    ).first()
    if row is None:
        return everything
    return lambda _tag, checked_at: checked_at is None or (row[0] is not None and checked_at <= row[0])


def everything(_tag: str, _checked_at: datetime | None) -> bool:
    """Every tag is due."""
    return True


def refresh(catalogue: Catalogue, way: Way, names: Iterable[str], is_due: IsDue) -> Refreshed:
    """Look at some repositories and write down what was seen, piece by piece where very much is new.

    Raises:
        RegistryUnreachable, NoToken: the registry does not answer at all.
    """
    pieces: dict[str, list[SeenRepository]] = {}
    versions: dict[str, int] = {}
    left = list(names)
    while left and not way.ended.is_set():
        asked, as_of = _asked(catalogue, left, is_due, pieces)
        versions = {**as_of, **versions}
        began_at = catalogue.now()
        seen = survey(_means(catalogue, way), asked)
        _write(catalogue, seen, as_of, began_at)
        for each in seen.repositories:
            pieces.setdefault(each.name, []).append(each)
        left = [each.name for each in seen.repositories if each.goes_on]
    repositories = [_together(each) for each in pieces.values()]
    with catalogue.writing() as session:
        for repository in repositories:
            note_unread(session, repository, catalogue.now())
    return Refreshed(repositories, versions)


def _means(catalogue: Catalogue, way: Way) -> Means:
    def known(digests: set[str]) -> set[str]:
        with catalogue.reading() as session:
            return known_digests(session, digests)

    return Means(
        catalogue.client, way.executor, known, catalogue.store, way.revisions, may_go_on=way.may_go_on, turn=way.turn
    )


def _asked(
    catalogue: Catalogue, names: Collection[str], is_due: IsDue, pieces: Mapping[str, Sequence[SeenRepository]]
) -> tuple[Asked, dict[str, int]]:
    """What is asked of some repositories, and the version of each. Of a further piece only what is new is asked."""
    asked: dict[str, dict[str, KnownTag]] = {name: {} for name in names}
    with catalogue.reading() as session:
        repositories = session.execute(
            select(Repository.name, Repository.version).where(among(Repository.name, names))
        ).all()
        rows = session.execute(
            select(
                Repository.name,
                Repository.synced_at,
                Tag.name,
                Tag.digest,
                Tag.pushed_at,
                Tag.pushed_at_is_seen,
                Tag.checked_at,
            )
            .join(Tag, Tag.repository_id == Repository.id)
            .where(among(Repository.name, names))
        )
        for name, synced_at, tag, digest, pushed_at, is_seen, checked_at in rows:
            is_settled = not is_seen and synced_at is not None and synced_at - pushed_at > COARSEST_CLOCK
            due = name not in pieces and is_due(tag, checked_at)
            asked[name][tag] = KnownTag(digest, pushed_at if is_settled else None, due)
    for name in names:
        for piece in pieces.get(name, ()):
            for unread in piece.unread:
                asked[name].setdefault(unread, KnownTag(None, None, is_due=False))
    return asked, dict(repositories)


def _write(catalogue: Catalogue, seen: Survey, versions: Mapping[str, int], at: datetime) -> None:
    with catalogue.writing() as session:
        add_manifests(session, seen.manifests, at)
        for each in seen.repositories:
            if not each.is_empty:  # whether it is gone is judged at the end, over the whole registry
                update_repository(session, each, versions.get(each.name, 0), at)
            elif each.revisions:  # none is tagged, and a collection keeps them all the same
                row = repository_named(session, each.name, at)
                if row.version == versions.get(each.name, 0) and note_revisions(session, row, each.revisions, at):
                    measure(session, row)


def _together(pieces: Sequence[SeenRepository]) -> SeenRepository:
    """What was seen of one repository in several pieces."""
    return replace(
        pieces[-1],
        tags=tuple(tag for each in pieces for tag in each.tags),
        unread=frozenset().union(*(each.unread for each in pieces)),
        problem=next((each.problem for each in pieces if each.problem), ""),
        why=next((each.why for each in pieces if each.why), ""),
    )
