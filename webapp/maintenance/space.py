"""Adds up where the space goes: what repositories take, what only the trash holds, what a collection would free now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.catalogue.daily_sizes import is_noted, note_day
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.space import Versions, add_up, content_version, is_measured, keep
from webapp.catalogue.space_models import MeasuredSpace
from webapp.database import Reading, Writing
from webapp.leases import LeaseHeld, held
from webapp.maintenance.listing import last_foretold, last_freed
from webapp.maintenance.models import RunOutcome
from webapp.removal.trash_space import in_trash, trash_version

LEASE = "space"


@dataclass(frozen=True, slots=True)
class Collectable:
    """What a collection would free, as was last known: by a dry run, or because a collection had just freed all of it.

    It is at least so much where some of what would be deleted has a size that nobody knows.
    """

    size_bytes: int
    is_least: bool
    by_dry_run: bool
    run_id: int
    as_of: datetime


def collectable(session: Session) -> Collectable | None:
    """What the next collection would free; None where no run has told."""
    foretold = last_foretold(session)
    if foretold is not None and foretold.bytes_predicted is not None:
        is_least = foretold.blobs_of_unknown_size > 0
        return Collectable(foretold.bytes_predicted, is_least, True, foretold.id, foretold.started_at)
    freed = last_freed(session)
    if freed is None or freed.outcome != RunOutcome.SUCCEEDED or freed.finished_at is None:
        return None
    return Collectable(0, False, False, freed.id, freed.finished_at)


def measure_space(reading: Reading, writing: Writing, now: datetime) -> None:
    """Add everything up anew where something has changed, and keep the figures of the day."""
    if not _is_up_to_date(reading):
        try:
            with held(writing, LEASE):
                _measure(reading, writing, now)
        except LeaseHeld:
            return
    _note_today(reading, writing, now)


def is_sync_under_way(session: Session) -> bool:
    """Whether the registry is being read: what it changes is added up when it has ended."""
    state = session.get(RegistryState, 1)
    return state is not None and state.sync_started_at is not None and state.sync_finished_at is None


def _is_up_to_date(reading: Reading) -> bool:
    with reading() as session:
        versions = _versions(session)
        return versions is None or is_measured(session, versions)


def _versions(session: Session) -> Versions | None:
    content = content_version(session)
    return Versions(content, trash_version(session)) if content is not None else None


def _measure(reading: Reading, writing: Writing, now: datetime) -> None:
    """What changes meanwhile is left to the next time."""
    with reading() as session:
        versions = _versions(session)
        if versions is None:
            return
        measured = add_up(session, in_trash(session))
    with writing() as session:
        keep(session, measured, versions, now)


def _note_today(reading: Reading, writing: Writing, now: datetime) -> None:
    """Not while the registry does not answer: nobody knows how large it is on such a day."""
    with reading() as session:
        state, measured = session.get(RegistryState, 1), session.get(MeasuredSpace, 1)
        if state is None or measured is None or state.mode == RegistryMode.UNREACHABLE:
            return
        told = collectable(session)
        figures = (now.date(), measured.size_bytes, measured.in_trash_bytes, told.size_bytes if told else None)
        if is_noted(session, *figures):
            return
    with writing() as session:
        note_day(session, *figures)
