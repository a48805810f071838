"""Figures of the windows that are meant to be: what became of the last occurrence of each, and when the next begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import Metric
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from config import Settings
from webapp.maintenance.models import Run, RunOutcome
from webapp.metrics.families import numbers
from webapp.windows.calendar import UnknownZone
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.upcoming import live_windows, next_begin

LABELS = ["window", "name"]


def windows(session: Session, _settings: Settings, now: datetime) -> Iterator[Metric]:
    """One sample a window, or one for each state; no sample for what has not happened yet."""
    meant = live_windows(session)
    key = {each.id: (str(each.id), each.name) for each in meant}
    last = {each.id: _last_occurrence(session, each.id) for each in meant}
    states = [
        ((*key[number], state), each.state == state)
        for number, each in last.items()
        if each is not None
        for state in OccurrenceState
    ]
    says = "What became of the window's last occurrence."
    yield numbers("holystone_window_last_occurrence", says, [*LABELS, "state"], states)
    planned = [(key[number], each.planned_at if each else None) for number, each in last.items()]
    yield _moments("holystone_window_last_planned_timestamp_seconds", "When that was planned to begin.", planned)
    well = [(key[each.id], _last_went_well(session, each.id)) for each in meant]
    says = "When the last occurrence that went well was planned: its run succeeded, or nothing was worth one."
    yield _moments("holystone_window_last_success_timestamp_seconds", says, well)
    says = "When the window begins next; nothing where this machine does not know its zone."
    ahead = [(key[each.id], _next_begin(session, each, now)) for each in meant]
    yield _moments("holystone_window_next_timestamp_seconds", says, ahead)
    says = "Since when the window is planned as it is: it was made, changed or resumed then."
    since = [(key[each.id], each.planned_from) for each in meant]
    yield _moments("holystone_window_planned_from_timestamp_seconds", says, since)
    paused = [(key[each.id], each.paused_until is not None and each.paused_until > now) for each in meant]
    yield numbers("holystone_window_paused", "Whether the window is paused.", LABELS, paused)


def _moments(name: str, says: str, of: Sequence[tuple[tuple[str, str], datetime | None]]) -> Metric:
    return numbers(name, says, LABELS, [(key, at.timestamp()) for key, at in of if at is not None])


def _next_begin(session: Session, window: Window, now: datetime) -> datetime | None:
    try:
        return next_begin(session, window, now)
    except UnknownZone:
        return None


def _last_occurrence(session: Session, window_id: int) -> Occurrence | None:
    """The latest of which it is known what became of it."""
    known = select(Occurrence).where(Occurrence.window_id == window_id, Occurrence.state.is_not(None))
    return session.scalars(known.order_by(Occurrence.planned_at.desc()).limit(1)).first()


def _last_went_well(session: Session, window_id: int) -> datetime | None:
    succeeded = and_(Occurrence.state == OccurrenceState.RUN, Run.outcome == RunOutcome.SUCCEEDED)
    query = (
        select(Occurrence.planned_at)
        .outerjoin(Run, Run.id == Occurrence.run_id)
        .where(Occurrence.window_id == window_id, or_(succeeded, Occurrence.state == OccurrenceState.NOT_WORTH_IT))
        .order_by(Occurrence.planned_at.desc())
        .limit(1)
    )
    return session.scalar(query)
