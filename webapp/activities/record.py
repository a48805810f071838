"""Write an activity, in the transaction of what it tells."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.database import once_written
from webapp.registry.text import plain_text

log = logging.getLogger(__name__)

LONGEST_NAME = 255
LONGEST_REASON = 1000
LINE_MARKS = str.maketrans("\n\t", "  ")
TOLD = ("kind", "outcome", "actor", "repository", "tag", "digest", "removal_id", "run_id", "place")

COMMAND = "command"
"""The place of what was done from a terminal."""


def record(
    session: Session, *, at: datetime, actor: str, kind: ActivityKind, outcome: Outcome, **more: Any
) -> Activity:
    """Add one activity and return it with its id. `more` is what `make_activity` takes.

    One that has ended is a line of the log, too. Its reason is not: it may repeat what somebody typed as a name.
    """
    activity = make_activity(at=at, actor=actor, kind=kind, outcome=outcome, **more)
    session.add(activity)
    session.flush()
    if outcome != Outcome.UNKNOWN:
        told = {name: getattr(activity, name) for name in TOLD}
        level = logging.WARNING if outcome == Outcome.FAILED else logging.INFO
        once_written(session, lambda: log.log(level, "Activity", extra=told))
    return activity


def make_activity(
    *,
    at: datetime,
    actor: str,
    kind: ActivityKind,
    outcome: Outcome,
    reason: str = "",
    repository: str | None = None,
    tag: str | None = None,
    digest: str | None = None,
    removal_id: int | None = None,
    run_id: int | None = None,
    place: str = "",
) -> Activity:
    """An activity, to be added to a session.

    Texts may come from anybody: what cannot be printed is replaced, and what is too long is cut off.
    """
    return Activity(
        at=at,
        actor=_clean(actor, LONGEST_NAME),
        kind=kind,
        outcome=outcome,
        reason=_clean(reason, LONGEST_REASON),
        repository=_clean_name(repository),
        tag=_clean_name(tag),
        digest=_clean_name(digest),
        removal_id=removal_id,
        run_id=run_id,
        place=_clean(place, LONGEST_NAME),
    )


def complete(session: Session, activity_id: int, outcome: Outcome, reason: str = "") -> None:
    """Write how an activity that was recorded as an intent ended."""
    session.execute(
        update(Activity)
        .where(Activity.id == activity_id)
        .values(outcome=outcome, reason=_clean(reason, LONGEST_REASON))
    )


def complete_all(session: Session, found: Sequence[tuple[int, Outcome, str]]) -> None:
    """The same for many at once: their ids, outcomes and reasons."""
    if found:
        rows = [
            {"id": at, "outcome": outcome, "reason": _clean(reason, LONGEST_REASON)} for at, outcome, reason in found
        ]
        session.execute(update(Activity), rows)


def _clean_name(text: str | None) -> str | None:
    return None if text is None else _clean(text, LONGEST_NAME)


def _clean(text: str, longest: int) -> str:
    """One bounded line of printable text: a line break would forge a second line in a terminal or a log."""
    return plain_text(text, longest).translate(LINE_MARKS)
