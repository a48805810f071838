"""What is due? Every planned time of a window becomes exactly one row, which says what became of it.

The row is the claim: whoever writes it decides, and the row of a run is written in the same transaction as the run's
id in its claim. So neither two dashboards, nor a restart in the middle, nor a clock that is set can make two runs of it.
A lease lets one process at a time begin runs of windows; nothing rests on it but that a claim is not left waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from webapp.database import Writing, once_written
from webapp.leases import KEEPER_LEASE, LeaseHeld, fenced, held, is_held
from webapp.maintenance.hold_records import hold_under_way, sentence_of
from webapp.maintenance.listing import live_run
from webapp.maintenance.models import Question, Run, RunKind, RunOutcome, Strategy
from webapp.maintenance.run import Maintainer, NoKeeper, RunUnderWay, run
from webapp.maintenance.running import Within
from webapp.windows.calendar import UnknownZone, last_occurrences
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.upcoming import ends_at, live_windows, times_of
from webapp.windows.words import begins_words

log = logging.getLogger(__name__)

LEASE = "windows"
PLACE = "window"
MOST_NOTED = 10
"""After a long absence so many missed times are written down of each window; the oldest says that there were more."""

MISSED = (
    "Holystone was not there in its time: it did not run, its machine slept, the clock was put forward,"
    " or the window's time zone was not known."
)
INTERRUPTED = "Holystone was interrupted before the run began, and did not come back in the window's time."
WAITS = "It waits for the keeper, which is not free."
NEVER_FREE = "The keeper was not free in the window's time."
BUSY = "Another run was under way, or about to begin."
DELETED = "The window was deleted before the run began."

_AS_MEANT = (OccurrenceState.SKIPPED, OccurrenceState.PAUSED, OccurrenceState.NOT_WORTH_IT)


class AlreadyDecided(Exception):
    """Somebody else has begun the run of this planned time, or has written down why there is none."""


def actor_of(window: Window) -> str:
    """Who the records say has begun a window's run."""
    return f"window: {window.name}"


def is_anything_due(session: Session, now: datetime) -> bool:
    """Whether `carry_out_what_is_due` would find something to do."""
    if any(_moments(session, window, now, 1) for window in live_windows(session)):
        return True
    if session.scalar(select(Occurrence.id).where(*_not_come(now)).limit(1)) is not None:
        return True
    rows = _open(session)
    return bool(rows) and not is_held(session, LEASE) and any(_is_actionable(session, row) for row in rows)


def carry_out_what_is_due(maintainer: Maintainer) -> None:
    """Write down what became of each planned time that has come, and begin the run of one; returns at its end.

    Raises:
        LeaseLost: this process was away for so long that another one may have decided.
    """
    try:
        with held(maintainer.writing, LEASE) as lease:
            writing = fenced(maintainer.writing, lease)
            with writing() as session:
                settle(session, maintainer.now())
                note_due(session, maintainer.now())
                waiting = [row.id for row in _open(session) if row.run_id is None]
            for occurrence_id in waiting:
                _carry_out(maintainer, writing, occurrence_id)
    except LeaseHeld:
        with maintainer.writing() as session:
            if _open(session):  # else its holder is about to decide, or has died: in a while all the same
                note_due(session, maintainer.now())


def note_due(session: Session, now: datetime) -> None:
    """Write a row for each planned time that has come. At most one is left open: its run may begin."""
    session.execute(delete(Occurrence).where(*_not_come(now)))
    due = [(_moments(session, window, now, MOST_NOTED + 1), window) for window in live_windows(session)]
    due.sort(key=lambda each: (each[0][-1:], each[1].id))
    for moments, window in due:
        for at, planned_at in enumerate(moments[-MOST_NOTED:]):
            has_more = at == 0 and len(moments) > MOST_NOTED
            row = _missed(window, planned_at, has_more, now)
            if row.state == OccurrenceState.MISSED and planned_at == moments[-1] and now < ends_at(window, planned_at):
                row.state, row.sentence = (OccurrenceState.RUN_UNDER_WAY, BUSY) if _open(session) else (None, "")
            session.add(row)
            session.flush()
            _tell(session, window, row)


def settle(session: Session, now: datetime) -> None:
    """Complete open rows whose run has ended, or whose time is over without one."""
    for row in _open(session):
        window = session.get_one(Window, row.window_id)
        found = session.get(Run, row.run_id) if row.run_id is not None else None
        if found is not None:
            if found.outcome is not None:
                row.state, row.sentence = became_of(found)
        elif window.ended_at is not None:
            row.state, row.sentence = OccurrenceState.SKIPPED, DELETED
        elif _is_paused(window, row.planned_at):
            row.state, row.sentence = OccurrenceState.PAUSED, _paused_words(window, now)
        elif now >= ends_at(window, row.planned_at) or row.run_id is not None:
            row.state, row.sentence = _over(row)
        if row.state is not None:
            _tell(session, window, row)
    session.flush()


def _over(row: Occurrence) -> tuple[OccurrenceState, str]:
    """What became of a claim whose time is over without a run: what it waited for, where it says so, was not over."""
    if row.run_id is not None or not row.sentence:
        return OccurrenceState.MISSED, INTERRUPTED
    waited_for = "" if row.sentence == WAITS else f" {row.sentence}"
    return OccurrenceState.NOT_READY, f"{NEVER_FREE}{waited_for}"


def became_of(run: Run) -> tuple[OccurrenceState, str]:
    """What a run that has ended means for its window: that there was one, or why it did not begin."""
    if run.outcome != RunOutcome.SKIPPED:
        return OccurrenceState.RUN, ""
    if run.obstacle:
        return OccurrenceState(run.obstacle), run.reason
    state = OccurrenceState.PUSHES if run.asks == Question.UPLOADS else OccurrenceState.NOT_READY
    return state, run.reason


def _carry_out(maintainer: Maintainer, writing: Writing, occurrence_id: int) -> None:
    """Make the run of a claim, and write down what became of it."""
    with maintainer.reading() as session:
        row = session.get_one(Occurrence, occurrence_id)
        window = session.get_one(Window, row.window_id)

    def claim(session: Session, run_id: int) -> None:
        ours = session.get(Occurrence, occurrence_id)
        if ours is None or ours.state is not None or ours.run_id is not None:
            raise AlreadyDecided
        ours.run_id, ours.sentence = run_id, ""
        _tell(session, window, ours)

    within = Within(ends_at(window, row.planned_at), window.least_bytes, claim)
    strategy = Strategy(window.strategy) if window.strategy else None
    state, sentence = None, ""
    try:
        run(maintainer, RunKind.COLLECT, actor_of(window), PLACE, strategy=strategy, within=within)
    except AlreadyDecided:
        return
    except NoKeeper as refusal:
        state, sentence = OccurrenceState.NOT_READY, refusal.sentence
    except RunUnderWay:
        state, sentence = _why_not_free(maintainer)
    with writing() as session:
        if sentence:
            ours = session.get_one(Occurrence, occurrence_id)
            ours.state, ours.sentence = state, sentence
            if state is not None:
                _tell(session, window, ours)
        settle(session, maintainer.now())


def _why_not_free(maintainer: Maintainer) -> tuple[OccurrenceState | None, str]:
    """Another run lives; or a hold has the keeper, or a process that died a moment ago: that may pass in time."""
    with maintainer.reading() as session:
        other = live_run(session)
        if other is not None and is_held(session, KEEPER_LEASE):
            return OccurrenceState.RUN_UNDER_WAY, f"Run {other.id} was under way."
        hold = hold_under_way(session)
        return None, sentence_of(hold, maintainer.now()) if hold else WAITS


def _tell(session: Session, window: Window, row: Occurrence) -> None:
    """Let a planned time be a line of the log, as soon as its row is written; the end of its run is one of the run's."""
    if row.state == OccurrenceState.RUN:
        return
    event, level = "The time of a window has come", logging.INFO
    if row.state is not None:
        event, level = "A window came to nothing", logging.INFO if row.state in _AS_MEANT else logging.WARNING
    elif row.run_id is not None:
        event = "A window has begun its run"
    told = {
        "window_id": window.id,
        "window": window.name,
        "planned_at": row.planned_at,
        "run_id": row.run_id,
        "outcome": row.state,
        "reason": row.sentence or None,
    }
    once_written(session, lambda: log.log(level, event, extra=told))


def _missed(window: Window, planned_at: datetime, has_more: bool, now: datetime) -> Occurrence:
    """The row of a time that nobody was there for, or that was paused."""
    state, sentence = OccurrenceState.MISSED, MISSED
    if _is_paused(window, planned_at):
        state, sentence = OccurrenceState.PAUSED, _paused_words(window, now)
    if has_more:
        sentence += " There were more before it, which are not listed."
    return Occurrence(window_id=window.id, planned_at=planned_at, noted_at=now, state=state, sentence=sentence)


def _is_paused(window: Window, planned_at: datetime) -> bool:
    return window.paused_until is not None and planned_at < window.paused_until


def _paused_words(window: Window, now: datetime) -> str:
    until = window.paused_until or now
    return f"The window was paused until {begins_words(until, UTC, now)}."


def _moments(session: Session, window: Window, now: datetime, most: int) -> list[datetime]:
    """The latest planned times that have come and have no row yet, in order."""
    decided = select(func.max(Occurrence.planned_at)).where(
        Occurrence.window_id == window.id, Occurrence.planned_at <= now
    )
    newest = session.scalar(decided)
    after = window.planned_from if newest is None else max(window.planned_from, newest)
    try:
        return last_occurrences(times_of(window), after, now, most)
    except UnknownZone:
        return []  # Status and a notice say so


def _open(session: Session) -> Sequence[Occurrence]:
    return session.scalars(select(Occurrence).where(Occurrence.state.is_(None)).order_by(Occurrence.id)).all()


def _is_actionable(session: Session, row: Occurrence) -> bool:
    """Whether something can be done about an open row: all but waiting for the end of its run."""
    found = session.get(Run, row.run_id) if row.run_id is not None else None
    return found is None or found.outcome is not None


def _not_come(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Rows of a time that has not come, written while the clock was ahead; what people skipped is meant so."""
    is_meant = Occurrence.state == OccurrenceState.SKIPPED
    return Occurrence.planned_at > now, Occurrence.run_id.is_(None), ~is_meant | Occurrence.state.is_(None)
