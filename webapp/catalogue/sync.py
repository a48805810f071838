"""Bring the catalogue to what the registry holds: at start, every few minutes, after a removal, by command.

Repositories are refreshed some at a time, those first that were not read for the longest time. What is new is read at
once; what is known is looked at again at a pace, and of very many tags only as many as there is time for until the next
sync (issue 8, 'Staying true at scale').
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.mode import check_registry, note_mode
from webapp.catalogue.models import RegistryMode, Repository
from webapp.catalogue.named import read_names
from webapp.catalogue.pace import GoesOn
from webapp.catalogue.refresh import (
    REQUESTS_AT_A_TIME,
    Catalogue,
    IsDue,
    everything,
    longest_unchecked,
    prepare,
    refresh,
)
from webapp.catalogue.state import registry_state
from webapp.catalogue.tag_looks import PASSING, raise_if_away
from webapp.catalogue.totals import measure_registry
from webapp.catalogue.vanished import judge_vanished
from webapp.leases import LeaseHeld, fenced, held
from webapp.registry.errors import RegistryError, RegistryUnreachable

REPOSITORIES_AT_A_TIME = 32
LEAST_CHECKED = 1_000
"""So many tags are looked at again, even where there are so many repositories that their lists take all the time."""

LEASE = "sync"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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


def sync(catalogue: Catalogue, may_go_on: GoesOn = lambda: True) -> SyncReport:
    """Look at the whole registry and bring the catalogue up to date.

    Args:
        may_go_on: asked before each request; False ends the sync, what was read so far stays, and the next goes on there.

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


def sync_if_free(catalogue: Catalogue, may_go_on: GoesOn = lambda: True) -> SyncReport | None:
    """The same for a timer: None where another sync is under way."""
    try:
        return sync(catalogue, may_go_on)
    except LeaseHeld:
        return None


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


def _sync_all(catalogue: Catalogue, may_go_on: GoesOn) -> SyncReport:
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
    catalogue: Catalogue, listed: set[str], is_whole: bool, may_go_on: GoesOn, report: SyncReport
) -> None:
    with catalogue.writing() as session:
        had_tags = set(session.scalars(select(Repository.name).where(Repository.tag_count > 0)))
        names = _longest_unread_first(session, listed | had_tags)
        is_due = _due(session, catalogue, len(names))
        registry_state(session).repositories_total = len(names)
    vanished: dict[str, int] = {}
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        way = prepare(catalogue, executor, may_go_on)
        for batch in _batches(names):
            found = refresh(catalogue, way, batch, is_due) if way.may_go_on() else None
            if found is None or way.ended.is_set():
                report.problem = "The sync was ended before it was through."
                return
            with catalogue.writing() as session:
                registry_state(session).repositories_done += len(batch)
            empty = [each.name for each in found.repositories if each.is_empty and each.name in had_tags]
            vanished.update((name, found.versions[name]) for name in empty)
            for each in found.repositories:
                if each.problem or each.unread:
                    report.unread.append(each.name)
                    report.why_unread = report.why_unread or each.problem or each.why
            report.repositories += len(batch)
    could_be_read = had_tags.difference(report.unread)
    if is_whole and (could_be_read or not had_tags):  # else nothing was learned that could raise a doubt or end one
        report.doubt = judge_vanished(catalogue, vanished, could_be_read, len(listed))
    measure_registry(catalogue.reading, catalogue.writing)


def _longest_unread_first(session: Session, names: set[str]) -> list[str]:
    """A sync that follows one which was ended begins with what that one did not come to."""
    synced_at = dict(session.execute(select(Repository.name, Repository.synced_at)).all())
    return sorted(names, key=lambda name: (synced_at.get(name) or _LONG_AGO, name))


def _due(session: Session, catalogue: Catalogue, repositories: int) -> IsDue:
    """Which of the tags that are known are looked at: all where the store tells, else so many as there is time for."""
    if catalogue.checked_at_most is None or catalogue.store is not None:
        return everything
    return longest_unchecked(session, max(LEAST_CHECKED, catalogue.checked_at_most - repositories))


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), REPOSITORIES_AT_A_TIME):
        yield names[start : start + REPOSITORIES_AT_A_TIME]
