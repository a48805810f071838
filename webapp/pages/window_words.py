"""A window and what became of it, as the pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from webapp.maintenance.listing import outcome_kind
from webapp.pages.current import is_administrator
from webapp.pages.filters import in_bytes
from webapp.windows.calendar import UnknownZone, zone_named
from webapp.windows.listing import Past, last_occurrence
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.upcoming import live_windows, times_of, upcoming
from webapp.windows.words import STATES, begins_words, daylight_saving_words, occurrence_words, plan_words

FREES = "Free space"
KINDS = {
    OccurrenceState.MISSED: "danger",
    OccurrenceState.NOT_READY: "danger",
    OccurrenceState.RUN_UNDER_WAY: "warn",
    OccurrenceState.PUSHES: "warn",
    OccurrenceState.DOES_NOT_FIT: "warn",
}


def windows_section(session: Session, now: datetime) -> dict[str, Any]:
    """The list of windows as /maintenance shows it."""
    lines = [_line(session, each, now) for each in live_windows(session)]
    return {"lines": lines, "may_make": is_administrator()}


def is_paused(window: Window, now: datetime) -> bool:
    """Whether a window rests at this moment."""
    return window.paused_until is not None and window.paused_until > now


def least_words(window: Window) -> str:
    """'only if at least 1.00 GB would come back'; '' where it runs in any case."""
    return f"only if at least {in_bytes(window.least_bytes)} would come back" if window.least_bytes else ""


def window_facts(window: Window) -> list[str]:
    """What a window does, and when."""
    strategy = window.strategy or "the best way that the registry allows"
    return [each for each in (FREES, plan_words(window), least_words(window), strategy) if each]


def next_lines(session: Session, window: Window, now: datetime) -> list[dict[str, Any]]:
    """The next three times in words, and the skipped ones between them. Raises UnknownZone."""
    times = times_of(window)
    return [
        {
            "begins": each.begins,
            "words": occurrence_words(window, times, each.begins, now),
            "note": daylight_saving_words(times, each.begins),
            "is_skipped": each.is_skipped,
        }
        for each in upcoming(session, window, now)
    ]


def planned_for(window: Window, occurrence: Occurrence, now: datetime) -> dict[str, Any]:
    """The window that began a run, as the run's page names it: 'planned for Tuesday 1 Dec, 03:00 Europe/Berlin'."""
    words = begins_words(occurrence.planned_at, _zone_of(window), now)
    return {"id": window.id, "name": window.name, "planned_at": occurrence.planned_at, "words": words}


def past_line(window: Window, past: Past) -> dict[str, Any]:
    """What became of a planned time, as a row of the table."""
    row, run = past.occurrence, past.run
    local = row.planned_at.astimezone(_zone_of(window))
    word, kind = (STATES[row.state], KINDS.get(row.state, "")) if row.state else ("waits", "")
    if run is not None and row.state in (None, OccurrenceState.RUN):
        word, kind = run.outcome.value if run.outcome else "under way", outcome_kind(run)
    return {
        "planned_at": row.planned_at,
        "words": f"{local:%a} {local.day} {local:%b %Y, %H:%M}",
        "outcome": word,
        "outcome_kind": kind,
        "sentence": row.sentence or (run.reason if run and run.outcome else ""),
        "address": url_for("maintenance.run", run_id=run.id) if run else "",
        "bytes_freed": run.bytes_freed if run else None,
        "seconds_without_push": run.seconds_without_push if run else None,
    }


def _line(session: Session, window: Window, now: datetime) -> dict[str, Any]:
    last = last_occurrence(session, window.id, now)
    try:
        begins = next(each for each in next_lines(session, window, now) if not each["is_skipped"])
        following, problem = begins["words"].rpartition(", for")[0], ""
    except UnknownZone as error:
        following, problem = "", str(error)
    return {
        "id": window.id,
        "name": window.name,
        "plan": plan_words(window),
        "next": following,
        "problem": problem,
        "is_paused": is_paused(window, now),
        "last": past_line(window, last) if last else None,
    }


def _zone_of(window: Window) -> tzinfo:
    """Its zone; UTC where this machine does not know it any more."""
    try:
        return zone_named(window.zone)
    except UnknownZone:
        return UTC
