"""What is wrong now, from the records and a look at the disks: one function a kind, none changes anything.

A condition that `begins` is enough for a notice; one that does not only keeps an open notice open. So what wavers about a
limit, or cannot be known for a moment, neither begins a notice nor ends one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.backups.checks import OLD_AFTER
from webapp.backups.models import NightlyBackup
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.maintenance.hold_records import (
    broken_hold,
    broken_words,
    hold_under_way,
    hold_until,
    may_be_away,
    named,
)
from webapp.maintenance.models import KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome
from webapp.notices.disks import Disk
from webapp.notices.models import NoticeKind
from webapp.windows.checks import REMEDY, windows_without_zone, without_zone_words
from webapp.windows.models import Occurrence, OccurrenceState
from webapp.windows.upcoming import live_windows

NEWS_FOR = timedelta(days=1)
"""What happened longer ago is not told any more: it was before Holystone told anything, or is out of a backup."""

STALE_AFTER = timedelta(minutes=3)
"""What was last looked at longer ago than this begins no notice."""

LATE_BY = timedelta(minutes=5)
SYNCED_WITHIN = timedelta(hours=1)
MOST_AT_ONCE = 20

LASTS = {
    NoticeKind.REGISTRY_UNREACHABLE: timedelta(minutes=5),
    NoticeKind.KEEPER_SILENT: timedelta(minutes=2),
    NoticeKind.READ_ONLY_UNEXPLAINED: timedelta(minutes=2),
    NoticeKind.NOT_BACKED_UP: timedelta(minutes=30),
}
"""For how long a condition has to be seen before it is told; 0 for the others."""

REMEDY_READ_ONLY = (
    "`maintenance read-write`, or its button, ends what the keeper does; if that does not help, restart the registry's "
    "service. If it stays so, take `readonly` out of the registry's configuration."
)

_MISSED = (OccurrenceState.MISSED, OccurrenceState.DOES_NOT_FIT, OccurrenceState.NOT_READY, OccurrenceState.PUSHES)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong. `began_at` is None where the records do not know since when."""

    kind: NoticeKind
    sentence: str
    subject: str = ""
    began_at: datetime | None = None
    begins: bool = True

    @property
    def key(self) -> tuple[NoticeKind, str]:
        """Of its notice: there is one open notice a key."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the records.

    Attributes:
        watched_since: since when somebody has looked without a break.
        has_keeper: whether a keeper is set.
        sync_interval_s: seconds between two syncs.
        backed_up_at: when the newest nightly backup was made; None where there is none.
    """

    now: datetime
    watched_since: datetime
    has_keeper: bool
    sync_interval_s: float
    disks: Sequence[Disk] = ()
    backed_up_at: datetime | None = None


def conditions(session: Session, around: Around) -> list[Condition]:
    """Everything that is wrong now."""
    state = session.get(RegistryState, 1) or RegistryState(mode=RegistryMode.UNKNOWN, sync_problem="")
    is_run_under_way = _is_run_under_way(session)
    is_explained = is_run_under_way or hold_under_way(session) is not None
    return [
        *failed_runs(session, around.now),
        *broken_holds(session, around.now),
        *missed_windows(session, around.now),
        *windows_that_never_begin(session),
        *unreachable(state, around.now, is_run_under_way or may_be_away(session, around.now)),
        *read_only(session, state, around.now, is_explained),
        *silent_keeper(session.get(KeeperSeen, 1) if around.has_keeper else None, around.now),
        *full_disks(around.disks),
        *not_synced(state, around),
        *not_backed_up(session.get(NightlyBackup, 1), around),
    ]


def failed_runs(session: Session, now: datetime) -> Iterator[Condition]:
    """Collections that failed or were interrupted and none has succeeded since; the latest is news."""
    ended = select(Run).where(Run.kind == RunKind.COLLECT, Run.outcome.is_not(None))
    is_latest = True
    for run in session.scalars(ended.order_by(Run.id.desc()).limit(MOST_AT_ONCE)):
        if run.outcome == RunOutcome.SUCCEEDED:
            return
        if run.outcome in (RunOutcome.FAILED, RunOutcome.INTERRUPTED):
            at = run.finished_at or run.started_at
            words = "failed" if run.outcome == RunOutcome.FAILED else "was interrupted"
            sentence = f"Run {run.id} {words}. {run.reason}".strip()
            yield Condition(NoticeKind.RUN_FAILED, sentence, str(run.id), at, is_latest and now - at < NEWS_FOR)
            is_latest = False


def broken_holds(session: Session, now: datetime) -> Iterator[Condition]:
    """The latest hold, where it did not last until its end, until another is held or a day after that end."""
    row = broken_hold(session, now)
    if row is not None and row.finished_at is not None:
        begins = now - row.finished_at < NEWS_FOR
        yield Condition(NoticeKind.HOLD_BROKEN, broken_words(row, now), str(row.id), row.finished_at, begins)


def missed_windows(session: Session, now: datetime) -> Iterator[Condition]:
    """Planned times at which nothing was freed, of windows of which none went well since; the latest is news.

    Times that were skipped or paused by a person, were not worth it or found another run under way went as meant; a
    run that failed is told as such. A run that ended with a question did not free anything, and nobody was there.
    """
    for window in live_windows(session):
        latest = select(Occurrence).where(Occurrence.window_id == window.id, Occurrence.state.is_not(None))
        is_latest = True
        for time in session.scalars(latest.order_by(Occurrence.planned_at.desc()).limit(MOST_AT_ONCE)):
            run = session.get(Run, time.run_id) if time.state == OccurrenceState.RUN and time.run_id else None
            if is_successful(time, run):
                break
            if time.state in _MISSED or (run is not None and run.outcome == RunOutcome.SKIPPED):
                why = time.sentence or (run.reason if run else "")
                sentence = f"{window.name}, {time.planned_at:%d %b %Y, %H:%M} UTC: {why}"
                subject = f"{window.id}/{time.planned_at:%Y-%m-%dT%H:%MZ}"
                is_news = is_latest and now - time.noted_at < NEWS_FOR
                yield Condition(NoticeKind.WINDOW_MISSED, sentence, subject, time.planned_at, is_news)
                is_latest = False


def windows_that_never_begin(session: Session) -> Iterator[Condition]:
    """Windows whose time zone this machine does not know (any more): nobody can say when they begin."""
    for window in windows_without_zone(session):
        sentence = f"{without_zone_words(window)} {REMEDY}"
        yield Condition(NoticeKind.WINDOW_WITHOUT_ZONE, sentence, str(window.id))


def is_successful(time: Occurrence, run: Run | None) -> bool:
    """Whether a planned time went well: its run succeeded, or there was too little to free."""
    if time.state == OccurrenceState.RUN:
        return run is not None and run.outcome == RunOutcome.SUCCEEDED
    return time.state == OccurrenceState.NOT_WORTH_IT


def unreachable(state: RegistryState, now: datetime, is_meant: bool) -> Iterator[Condition]:
    """The registry does not answer. While a run is under way, or a hold that stopped it, that may be meant."""
    if state.mode == RegistryMode.UNREACHABLE:
        begins = _is_fresh(state, now) and not is_meant
        yield Condition(NoticeKind.REGISTRY_UNREACHABLE, state.mode_sentence, began_at=state.mode_since, begins=begins)


def read_only(session: Session, state: RegistryState, now: datetime, is_explained: bool) -> Iterator[Condition]:
    """The registry takes no pushes, for longer than was foretold or without anything of ours that wants it so."""
    if state.mode != RegistryMode.READ_ONLY:
        return
    until = state.mode_until
    if until is not None and now > until:
        held = hold_until(session, until)
        what = f"The hold by {named(held)} was to end" if held else "It should have been read-write again"
        sentence = f"{what} by {until:%d %b %Y, %H:%M} UTC, and nothing can be pushed or deleted. {REMEDY_READ_ONLY}"
        yield Condition(NoticeKind.READ_ONLY_TOO_LONG, sentence, began_at=until, begins=now - until > LATE_BY)
    if not is_explained:
        sentence = f"{state.mode_sentence} Nothing can be pushed or deleted. {REMEDY_READ_ONLY}".strip()
        begins = _is_fresh(state, now) and (until is None or now <= until)  # else it is told as lasting too long
        yield Condition(NoticeKind.READ_ONLY_UNEXPLAINED, sentence, began_at=state.mode_since, begins=begins)


def silent_keeper(seen: KeeperSeen | None, now: datetime) -> Iterator[Condition]:
    """The keeper is gone, or cannot do what it is there for. `seen` is None where there is none, or not looked yet."""
    if seen is not None and seen.readiness in (KeeperReadiness.MISSING, KeeperReadiness.REFUSED):
        yield Condition(NoticeKind.KEEPER_SILENT, seen.sentence, begins=abs(now - seen.seen_at) < STALE_AFTER)


def full_disks(disks: Sequence[Disk]) -> Iterator[Condition]:
    """Disks that are nearly full; one that was, until it has a quarter more; one that cannot be seen changes nothing."""
    for disk in disks:
        if disk.free_bytes is None or disk.free_bytes < disk.least_bytes * 5 // 4:
            begins = disk.free_bytes is not None and disk.free_bytes < disk.least_bytes
            yield Condition(NoticeKind.DISK_NEARLY_FULL, disk.sentence, disk.name, begins=begins)


def not_synced(state: RegistryState, around: Around) -> Iterator[Condition]:
    """Nothing was read completely for an hour in which somebody tried. A registry that is away is told as such."""
    last = state.sync_complete_at
    limit = max(SYNCED_WITHIN, timedelta(seconds=3 * around.sync_interval_s))
    if last is not None and around.now - last <= limit:
        return
    ended = (
        f"The last complete look at the registry ended on {last:%d %b %Y, %H:%M} UTC." if last else "None ended yet."
    )
    begins = around.now - around.watched_since > limit and state.mode != RegistryMode.UNREACHABLE
    sentence = f"{ended} {state.sync_problem}".strip()
    yield Condition(NoticeKind.NOT_SYNCED, sentence, began_at=last, begins=begins)


def not_backed_up(last_try: NightlyBackup | None, around: Around) -> Iterator[Condition]:
    """The nightly backup failed, or was not tried. Its reason may name folders, so Status says it, and no message."""
    newest = around.backed_up_at
    is_old = newest is not None and around.now - newest > OLD_AFTER
    if is_old or (last_try is not None and last_try.problem):
        newest_words = f"The newest is of {newest:%d %b %Y, %H:%M} UTC" if newest else "There is none yet"
        sentence = f"The nightly backup was not made. {newest_words}. Status says why."
        yield Condition(NoticeKind.NOT_BACKED_UP, sentence, began_at=newest)


def _is_run_under_way(session: Session) -> bool:
    """Whether a collection is under way, which may make the registry read-only, or stop it."""
    runs = select(Run.id).where(Run.outcome.is_(None), Run.kind == RunKind.COLLECT).limit(1)
    return session.scalar(runs) is not None


def _is_fresh(state: RegistryState, now: datetime) -> bool:
    return state.checked_at is not None and abs(now - state.checked_at) < STALE_AFTER
