"""The dead man's switch: who relies on it hears from others when no window went well for too long.

It is reported for each time of a window that went as it was meant: its run succeeded, too little would have come back, or
somebody has paused or skipped it. It is not for a run that failed, was stopped or asks a question, nor for a time
that was missed, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.maintenance.models import Run
from webapp.notices.conditions import is_successful
from webapp.notices.models import Delivery
from webapp.windows.models import Occurrence, OccurrenceState

REPORTED_FOR = timedelta(days=1)
"""A report that comes later would speak of today, and hide that today nothing happens."""

LONGEST = timedelta(days=2)


def times_to_report(session: Session, now: datetime) -> Iterator[int]:
    """The ids of planned times that went as meant and have not been reported."""
    is_reported = exists().where(Delivery.occurrence_id == Occurrence.id)
    lately = select(Occurrence).where(Occurrence.planned_at > now - LONGEST, Occurrence.state.is_not(None))
    for time in session.scalars(lately.where(~is_reported).order_by(Occurrence.planned_at)).all():
        run = session.get(Run, time.run_id) if time.run_id is not None else None
        ended_at = run.finished_at if run is not None and run.finished_at else time.noted_at
        on_purpose = time.state in (OccurrenceState.PAUSED, OccurrenceState.SKIPPED)
        if (on_purpose or is_successful(time, run)) and now - ended_at < REPORTED_FOR:
            yield time.id
