"""What the records say at the moment of a scrape. Neither registry nor keeper is asked (law 9)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.maintenance.hold_records import hold_under_way
from webapp.maintenance.listing import keeper_seen, last_run, live_run
from webapp.maintenance.models import KeeperReadiness, Run, RunKind, RunOutcome
from webapp.metrics.families import counts, moment, numbers, one_of, value
from webapp.metrics.windows import windows
from webapp.notices.models import Notice, NoticeKind
from webapp.parts import Parts
from webapp.removal.models import OPEN_STATES, Removal, RemovalState

log = logging.getLogger(__name__)

Group = Callable[[Session, Settings, datetime], Iterable[Metric]]


class RecordsCollector(Collector):
    """Reads the records for Prometheus. A group of figures that cannot be read is left out, and the others stay."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All figures of the records, and whether they could be read."""
        unread: dict[str, str] = {}
        for group in GROUPS:
            try:
                yield from self._read(group)
            except (SQLAlchemyError, LookupError) as error:  # LookupError: a word that this version does not know
                unread[group.__name__] = str(error)
        if unread:
            reason = next(iter(unread.values()))
            log.error("Figures cannot be read", extra={"figures": ",".join(unread), "reason": reason})
        yield value("holystone_records_readable", "Whether all figures could be read from the records.", not unread)
        yield value("holystone_records_size_bytes", "Size of the records' files.", _size_of(self._parts.settings))

    def _read(self, group: Group) -> list[Metric]:
        with self._parts.reading() as session:
            return list(group(session, self._parts.settings, self._parts.now()))

    def describe(self) -> Iterable[Metric]:
        """Nothing: to be registered is no reason to read the records."""
        return []


def registry(session: Session, _settings: Settings, now: datetime) -> Iterator[Metric]:
    """What the registry allowed when it was last asked, and how old what we know of it is."""
    state = session.get(RegistryState, 1) or RegistryState(mode=RegistryMode.UNKNOWN)
    synced = state.sync_complete_at
    yield one_of("holystone_registry_mode", "What the registry allows.", "mode", RegistryMode, state.mode)
    yield moment("holystone_registry_mode_since_timestamp_seconds", "Since when it does.", state.mode_since)
    yield moment("holystone_registry_checked_timestamp_seconds", "When it was last asked.", state.checked_at)
    yield moment("holystone_last_sync_timestamp_seconds", "When the last complete sync ended.", synced)
    age = (now - synced).total_seconds() if synced else None
    yield value("holystone_last_sync_age_seconds", "Time since then, by Holystone's own clock.", age)
    says = "What all repositories take in the store, each blob once."
    yield value("holystone_registry_size_bytes", says, state.size_bytes)
    left_out = None if state.size_bytes is None else state.left_out
    yield value("holystone_registry_manifests_left_out", "Manifests whose size is not known.", left_out)
    seen = state.scheduler_seen_at
    yield moment("holystone_scheduler_seen_timestamp_seconds", "When the scheduler last showed that it lives.", seen)


def keeper(session: Session, settings: Settings, _now: datetime) -> Iterator[Metric]:
    """What the keeper said when it was last looked at; nothing where no keeper is set."""
    seen = keeper_seen(session) if settings.KEEPER_FOLDER else None
    ready = seen.readiness if seen else None
    says = "Whether a run could begin, as far as the keeper goes."
    yield one_of("holystone_keeper_readiness", says, "readiness", KeeperReadiness, ready)
    says = "When the keeper was last looked at."
    yield moment("holystone_keeper_seen_timestamp_seconds", says, seen.seen_at if seen else None)


def runs(session: Session, _settings: Settings, _now: datetime) -> Iterator[Metric]:
    """The last collection that has ended, and how all runs ended."""
    last = last_run(session)
    lasted = (last.finished_at - last.started_at).total_seconds() if last and last.finished_at else None
    of = "of the last collection"
    outcome = last.outcome if last else None
    yield one_of("holystone_last_run_outcome", "How the last collection ended.", "outcome", RunOutcome, outcome)
    ended_at = last.finished_at if last else None
    yield moment("holystone_last_run_end_timestamp_seconds", "When the last collection ended.", ended_at)
    yield value("holystone_last_run_duration_seconds", f"Length {of}, its preparation included.", lasted)
    without_push = last.seconds_without_push if last else None
    yield value("holystone_last_run_without_push_seconds", f"Time without pushes {of}.", without_push)
    without_pull = last.seconds_without_pull if last else None
    yield value("holystone_last_run_without_pull_seconds", f"Time without pulls {of}.", without_pull)
    freed = last.bytes_freed if last else None
    yield value("holystone_last_run_freed_bytes", f"Space that came back {of}.", freed)
    good = _last_success(session)
    yield moment("holystone_last_successful_run_end_timestamp_seconds", "When a collection last succeeded.", good)
    yield value("holystone_run_under_way", "Whether a run is under way.", live_run(session) is not None)
    how_many = select(Run.kind, Run.outcome, func.count()).where(Run.kind.in_(RunKind), Run.outcome.is_not(None))
    found = {(kind, outcome): many for kind, outcome, many in session.execute(how_many.group_by(Run.kind, Run.outcome))}
    ended = [((kind, outcome), found.get((kind, outcome), 0)) for kind in RunKind for outcome in RunOutcome]
    yield counts("holystone_runs", "Runs that have ended.", ["kind", "outcome"], ended)


def _last_success(session: Session) -> datetime | None:
    succeeded = select(Run.finished_at).where(Run.kind == RunKind.COLLECT, Run.outcome == RunOutcome.SUCCEEDED)
    return session.scalar(succeeded.order_by(Run.ordered_at.desc()).limit(1))


def holds(session: Session, _settings: Settings, _now: datetime) -> Iterator[Metric]:
    """Whether the registry is read-only because somebody asked for it."""
    hold = hold_under_way(session)
    yield value("holystone_hold_under_way", "Whether the registry is held read-only on request.", hold is not None)
    until = hold.until if hold else None
    yield moment("holystone_hold_until_timestamp_seconds", "When that ends at the latest.", until)


def removals(session: Session, _settings: Settings, _now: datetime) -> Iterator[Metric]:
    """How removals ended, and those of which that is not known yet."""
    query = select(Removal.state, func.count()).group_by(Removal.state)
    found = dict(session.execute(query).all())
    ended = [((each,), found.get(each, 0)) for each in RemovalState if each not in OPEN_STATES]
    yield counts("holystone_removals", "Removals that have ended.", ["outcome"], ended)
    still = [((each,), found.get(each, 0)) for each in OPEN_STATES]
    yield numbers("holystone_removals_unfinished", "Removals that have not, or nobody knows how.", ["state"], still)


def notices(session: Session, _settings: Settings, _now: datetime) -> Iterator[Metric]:
    """What is wrong and not mended yet."""
    found = Counter(session.scalars(select(Notice.kind).where(Notice.ended_at.is_(None))))
    still = [((each,), found[each]) for each in NoticeKind]
    yield numbers("holystone_notices_open", "Notices of what is wrong and not mended yet.", ["kind"], still)


GROUPS: tuple[Group, ...] = (registry, keeper, runs, holds, removals, windows, notices)


def _size_of(settings: Settings) -> int | None:
    """Bytes of the database and of what SQLite keeps beside it; None where there is no file any more."""
    file = Path(settings.database_url.removeprefix("sqlite:///"))
    sizes = []
    for each in (file, Path(f"{file}-wal")):
        try:
            sizes.append(each.stat().st_size)
        except OSError:
            continue
    return sum(sizes) if sizes else None
