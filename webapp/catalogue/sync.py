"""Bring the catalogue to what the registry holds: at start, every few minutes, after a removal, by command.

The requests are made by `survey`, the rows are written by `rows`; here is the order of things, and the judgement
whether what seems to be gone is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.doubt import end_doubt, fingerprint, is_doubtful, raise_doubt
from webapp.catalogue.models import RegistryMode, Repository, Tag
from webapp.catalogue.named import Named, read_names
from webapp.catalogue.revisions import Lookup, Revisions, unknown
from webapp.catalogue.rows import (
    add_manifests,
    doubt_revisions,
    known_digests,
    note_revisions,
    repository_named,
    update_repository,
)
from webapp.catalogue.state import registry_state
from webapp.catalogue.survey import PASSING, SeenRepository, Survey, raise_if_away, survey
from webapp.catalogue.totals import measure, measure_registry
from webapp.catalogue.unread import note_unread
from webapp.database import Reading, Writing, among
from webapp.leases import LeaseHeld, fenced, held
from webapp.registry.capabilities import Capabilities, probe
from webapp.registry.client import RegistryClient
from webapp.registry.errors import RegistryError, RegistryUnreachable

REQUESTS_AT_A_TIME = 16
REPOSITORIES_AT_A_TIME = 32
LEASE = "sync"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a sync works with.

    `store` is the root of the registry's storage where it can be read; `revisions` tells all manifests of a
    repository, where they can be known; `named` are repositories to look at whether the registry lists them or not.
    """

    client: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    store: Path | None
    revisions: Revisions = unknown
    named: Named = ()


@dataclass(slots=True)
class SyncReport:
    """What a sync did: how many repositories it looked at, and what kept it from being complete."""

    repositories: int = 0
    problem: str = ""
    doubt: str = ""
    unread: list[str] = field(default_factory=list)
    why_unread: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether everything was read."""
        return not (self.problem or self.unread)


def sync(catalogue: Catalogue, may_go_on: Callable[[], bool] = lambda: True) -> SyncReport:
    """Look at the whole registry and bring the catalogue up to date.

    Args:
        may_go_on: asked between two batches; False ends the sync, and what was read so far stays.

    Raises:
        LeaseHeld: another sync is under way.
        LeaseLost: this process was away for so long that another one may look by now.
    """
    with held(catalogue.writing, LEASE) as lease:
        ours = replace(catalogue, writing=fenced(catalogue.writing, lease))
        _begin(ours)
        report = _sync_all(ours, may_go_on)
        _finish(ours, report)
    return report


def sync_if_free(catalogue: Catalogue, may_go_on: Callable[[], bool] = lambda: True) -> SyncReport | None:
    """The same for a timer: None where another sync is under way."""
    try:
        return sync(catalogue, may_go_on)
    except LeaseHeld:
        return None


def sync_repository(catalogue: Catalogue, name: str) -> None:
    """Look at one repository. One that seems to have lost all its tags is left to the next whole sync.

    Raises:
        RegistryUnreachable: the registry does not answer.
    """
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        seen, versions = _look(catalogue, executor, [name], catalogue.revisions())
    _write(catalogue, seen, versions)


def check_registry(catalogue: Catalogue) -> Capabilities:
    """Ask the registry what it allows at the moment, and write it down for the pages."""
    found = probe(catalogue.client)
    with catalogue.writing() as session:
        _note_capabilities(session, found, catalogue.now())
    return found


def _begin(catalogue: Catalogue) -> None:
    with catalogue.writing() as session:
        state = registry_state(session)
        state.sync_started_at, state.sync_finished_at = catalogue.now(), None
        state.repositories_total, state.repositories_done = None, 0


def _finish(catalogue: Catalogue, report: SyncReport) -> None:
    now = catalogue.now()
    with catalogue.writing() as session:
        state = registry_state(session)
        state.sync_finished_at = now
        state.sync_problem = report.problem or _unread_sentence(report)
        if report.is_complete:
            state.sync_complete_at = now


def _unread_sentence(report: SyncReport) -> str:
    """Which repositories could not be read, and why not the first of them."""
    names = report.unread
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} could not be read completely. {report.why_unread}"
    some = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return f"{len(names)} repositories could not be read completely: {some}. Of {names[0]}: {report.why_unread}"


def _sync_all(catalogue: Catalogue, may_go_on: Callable[[], bool]) -> SyncReport:
    report = SyncReport()
    try:
        found = check_registry(catalogue)
        if not found.reachable:
            report.problem = " ".join(found.sentences)
            return report
        names, is_whole = _listed(catalogue, report)
        _sync_repositories(catalogue, names, is_whole, may_go_on, report)
    except RegistryUnreachable as error:
        report.problem = error.sentence
        with catalogue.writing() as session:
            note_mode(session, RegistryMode.UNREACHABLE, error.sentence, catalogue.now())
    except RegistryError as error:
        report.problem = error.sentence
    return report


def _listed(catalogue: Catalogue, report: SyncReport) -> tuple[set[str], bool]:
    """The repositories that there are by the registry's word or somebody's, and whether that is all of them.

    Where the registry refuses to list any, those that are named are all. Where it fails at it, those that are known
    can be looked at all the same, and nothing can be judged to be gone.

    Raises:
        RegistryUnreachable: it does not answer.
    """
    named, report.problem = read_names(catalogue.named)
    listed: set[str] = set()
    try:
        listed.update(catalogue.client.catalogue())
    except RegistryError as error:
        raise_if_away(catalogue.client, error)
        if isinstance(error, PASSING) or not named:
            report.problem = f"{report.problem} {error.sentence}".strip()
            return listed | named, False
    return listed | named, True


def _sync_repositories(
    catalogue: Catalogue, listed: set[str], is_whole: bool, may_go_on: Callable[[], bool], report: SyncReport
) -> None:
    with catalogue.reading() as session:
        had_tags = set(session.scalars(select(Repository.name).where(Repository.tag_count > 0)))
    names = sorted(listed | had_tags)
    with catalogue.writing() as session:
        registry_state(session).repositories_total = len(names)
    vanished: dict[str, int] = {}
    revisions = catalogue.revisions()
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        for batch in _batches(names):
            if not may_go_on():
                report.problem = "The sync was ended before it was through."
                return
            seen, versions = _look(catalogue, executor, batch, revisions)
            _write(catalogue, seen, versions)
            with catalogue.writing() as session:
                registry_state(session).repositories_done += len(batch)
            empty = [each.name for each in seen.repositories if each.is_empty and each.name in had_tags]
            vanished.update((name, versions[name]) for name in empty)
            for each in seen.repositories:
                if each.problem or each.unread:
                    report.unread.append(each.name)
                    report.why_unread = report.why_unread or each.problem or each.why
            report.repositories += len(batch)
    could_be_read = had_tags.difference(report.unread)
    if is_whole and (could_be_read or not had_tags):  # else nothing was learned that could raise a doubt or end one
        report.doubt = _judge_vanished(catalogue, vanished, could_be_read, len(listed))
    measure_registry(catalogue.reading, catalogue.writing)


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), REPOSITORIES_AT_A_TIME):
        yield names[start : start + REPOSITORIES_AT_A_TIME]


def _versions(session: Session, names: Iterable[str]) -> dict[str, int]:
    rows = session.execute(select(Repository.name, Repository.version).where(among(Repository.name, names)))
    return dict(rows.all())


def _look(
    catalogue: Catalogue, executor: Executor, names: list[str], revisions: Lookup
) -> tuple[Survey, dict[str, int]]:
    """What the registry has of some repositories now, and the version of each before the look."""
    ours: dict[str, set[str]] = {name: set() for name in names}
    with catalogue.reading() as session:
        versions = _versions(session, names)
        rows = session.execute(
            select(Repository.name, Tag.name)
            .join(Tag, Tag.repository_id == Repository.id)
            .where(among(Repository.name, names))
        )
        for repository, tag in rows:
            ours[repository].add(tag)

    def known(digests: set[str]) -> set[str]:
        with catalogue.reading() as session:
            return known_digests(session, digests)

    asked = {name: frozenset(tags) for name, tags in ours.items()}
    return survey(catalogue.client, executor, asked, known, catalogue.store, revisions), versions


def _write(catalogue: Catalogue, seen: Survey, versions: dict[str, int]) -> None:
    now = catalogue.now()
    with catalogue.writing() as session:
        add_manifests(session, seen.manifests, now)
        for each in seen.repositories:
            note_unread(session, each, now)
            if not each.is_empty:  # whether it is gone is judged at the end, over the whole registry
                update_repository(session, each, versions.get(each.name, 0), now)
            elif each.revisions:  # none is tagged, and a collection keeps them all the same
                row = repository_named(session, each.name, now)
                if row.version == versions.get(each.name, 0) and note_revisions(session, row, each.revisions, now):
                    measure(session, row)


def _judge_vanished(catalogue: Catalogue, vanished: dict[str, int], could_be_read: set[str], listed: int) -> str:
    """Mark repositories gone that lost all their tags, unless it is too much at once to be believed.

    `vanished` has each repository's version at the time of the look; what a removal of ours emptied since then is
    neither gone nor in doubt.
    """
    now = catalogue.now()
    with catalogue.writing() as session:
        state = registry_state(session)
        rows = session.execute(
            select(Repository.name, Repository.version).where(
                among(Repository.name, vanished), Repository.tag_count > 0
            )
        )
        gone = {name for name, version in rows if vanished[name] == version}
        had_tags = len(could_be_read - vanished.keys()) + len(gone)
        doubtful = is_doubtful(len(gone), had_tags, listed)
        if doubtful and state.doubt_accepted != fingerprint(gone):
            raise_doubt(state, gone, had_tags, now)
            return state.doubt
        doubt_revisions(session, gone, state.sync_started_at)
        for name in sorted(gone):
            update_repository(session, SeenRepository(name, (), frozenset(), ""), vanished[name], now)
        end_doubt(state)
        if gone or not doubtful:
            state.doubt_accepted = ""
    return ""


def _note_capabilities(session: Session, found: Capabilities, now: datetime) -> None:
    mode = RegistryMode(found.mode.value) if found.reachable else RegistryMode.UNREACHABLE
    state = registry_state(session)
    knows_why = (
        mode == RegistryMode.READ_ONLY == state.mode and state.mode_sentence
    )  # a run's, a hold's, or that none is
    note_mode(session, mode, state.mode_sentence if knows_why else " ".join(found.sentences), now)
    if found.reachable:
        state.may_list, state.may_delete, state.generation = found.may_list, found.may_delete, found.generation


def note_mode(
    session: Session, mode: RegistryMode, sentence: str, now: datetime, until: datetime | None = None
) -> None:
    """Write down what the registry was found to allow, since when, and until about when where that is known."""
    state = registry_state(session)
    if until is not None or mode != RegistryMode.READ_ONLY:
        state.mode_until = until
    if state.mode != mode:
        state.mode, state.mode_since = mode, now
    state.mode_sentence, state.checked_at = sentence, now
