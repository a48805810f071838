"""Make, change, pause and delete windows: rows, and an activity for each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.upcoming import next_begin, times_of
from webapp.windows.words import begins_words, plan_words


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person decides of a window; `Window` says what each means."""

    name: str
    weekdays: frozenset[int]
    starts: time
    zone: str
    longest_s: int
    least_bytes: int = 0
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, from where, and when."""

    actor: str
    place: str
    now: datetime


def make(session: Session, plan: Plan, change: Change) -> int:
    """Make a window; returns its id. Raises UnknownZone."""
    window = Window(made_by=change.actor, ended_at=None, paused_until=None)
    _set(window, plan, change.now)
    session.add(window)
    session.flush()
    _note(session, window, ActivityKind.WINDOW_MADE, plan_words(window), change)
    return window.id


def alter(session: Session, window: Window, plan: Plan, change: Change) -> None:
    """Give a window another plan. What was skipped of the old one is forgotten. Raises UnknownZone."""
    _set(window, plan, change.now)
    _forget_skipped(session, window, change.now)
    _note(session, window, ActivityKind.WINDOW_CHANGED, plan_words(window), change)


def pause(session: Session, window: Window, until: datetime, change: Change) -> None:
    """Let a window rest: what is planned before `until` does not take place."""
    window.paused_until = until
    words = begins_words(until, times_of(window).zone, change.now)
    _note(session, window, ActivityKind.WINDOW_PAUSED, f"until {words}", change)


def resume(session: Session, window: Window, change: Change) -> None:
    """End a pause early. What its time has come of meanwhile is not made up for."""
    window.paused_until, window.planned_from = None, change.now
    _note(session, window, ActivityKind.WINDOW_RESUMED, "", change)


def skip_next(session: Session, window: Window, change: Change) -> datetime | None:
    """Take out the next time that would take place; returns it, or None where there is none."""
    begins = next_begin(session, window, change.now)
    if begins is None:
        return None
    session.add(
        Occurrence(
            window_id=window.id,
            planned_at=begins,
            noted_at=change.now,
            state=OccurrenceState.SKIPPED,
            sentence=f"{change.actor} skipped it.",
        )
    )
    words = begins_words(begins, times_of(window).zone, change.now)
    _note(session, window, ActivityKind.WINDOW_SKIPPED, words, change)
    return begins


def take_back(session: Session, window: Window, begins: datetime, change: Change) -> bool:
    """Let a time that was skipped take place after all; False where it is not skipped, or its time has come."""
    row = session.scalar(select(Occurrence).where(Occurrence.window_id == window.id, Occurrence.planned_at == begins))
    if row is None or row.state != OccurrenceState.SKIPPED or begins <= change.now:
        return False
    session.delete(row)
    words = begins_words(begins, times_of(window).zone, change.now)
    _note(session, window, ActivityKind.WINDOW_CHANGED, f"{words} is not skipped any more", change)
    return True


def delete(session: Session, window: Window, change: Change) -> None:
    """End a window. It stays in the records with what became of it; a run of it that is under way goes on."""
    window.ended_at = change.now
    _forget_skipped(session, window, change.now)
    _note(session, window, ActivityKind.WINDOW_DELETED, "", change)


def _set(window: Window, plan: Plan, now: datetime) -> None:
    window.name = plan.name
    window.weekdays = ",".join(str(each) for each in sorted(plan.weekdays))
    window.starts = f"{plan.starts:%H:%M}"
    window.zone = plan.zone
    window.longest_s = plan.longest_s
    window.least_bytes = plan.least_bytes
    window.strategy = plan.strategy
    window.planned_from = now
    times_of(window)


def _forget_skipped(session: Session, window: Window, now: datetime) -> None:
    session.execute(
        delete_rows(Occurrence).where(
            Occurrence.window_id == window.id,
            Occurrence.planned_at > now,
            Occurrence.state == OccurrenceState.SKIPPED,
        )
    )


def _note(session: Session, window: Window, kind: ActivityKind, what: str, change: Change) -> None:
    reason = f"{window.name}: {what}" if what else window.name
    record(
        session,
        at=change.now,
        actor=change.actor,
        kind=kind,
        outcome=Outcome.DONE,
        reason=reason,
        place=change.place,
    )
