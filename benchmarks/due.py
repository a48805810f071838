"""'What is due?', asked all the time, after ten years of windows; beside the bare SELECT of the newest row."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks.figure import Figure, percentile_95_ms
from benchmarks.ground import empty_records, fresh_records
from tests.records import Records
from webapp.windows.due import is_anything_due
from webapp.windows.listing import past_occurrences
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import Change, Plan, make
from webapp.windows.upcoming import upcoming

WINDOWS = 4
DAYS = 3_650
TIMES = 300
BEGAN = datetime(2016, 3, 12, 9, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(days=DAYS)
NEWEST = text("SELECT max(planned_at) FROM occurrences WHERE window_id = 1 AND planned_at <= '2099-01-01'")


def measure(folder: Path) -> list[Figure]:
    """Fill the records with ten years of four daily windows, and with none; ask both."""
    (folder / "empty").mkdir()
    template = empty_records(folder / "empty")
    (folder / "few").mkdir()
    (folder / "many").mkdir()
    few, many = fresh_records(template, folder / "few"), fresh_records(template, folder / "many")
    _fill(few, 1)
    _fill(many, DAYS)
    try:
        asked, after_a_day = _due_ms(many), _due_ms(few)
        return [
            Figure("what is due, 10 years, p95", asked, "after a day", after_a_day, "ms", 2.0, True, slack=5.0),
            Figure("what is due, 10 years, p95", asked, "newest rows, bare SQL", _bare_ms(many), "ms", 50, False),
            Figure(
                "what became of a window, p95", _shown_ms(many), "after a day", _shown_ms(few), "ms", 3.0, True, 10.0
            ),
        ]
    finally:
        few.engine.dispose()
        many.engine.dispose()


def _fill(records: Records, days: int) -> None:
    """Windows that were made so many days ago, with a row for each of their times."""
    with records.writing() as session:
        for number in range(WINDOWS):
            plan = Plan(f"Window {number}", frozenset(range(7)), time(3 + number), "Europe/Berlin", 3600)
            make(session, plan, Change("bench", "", NOW - timedelta(days=days)))
        for window in session.query(Window):
            begins = NOW.replace(hour=2 + window.id - 1, minute=0)
            session.add_all(
                Occurrence(
                    window_id=window.id, planned_at=begins - timedelta(days=day), noted_at=begins,
                    state=OccurrenceState.MISSED, sentence="",
                )
                for day in range(days)
            )  # fmt: skip


def _due_ms(records: Records) -> float:
    def ask() -> None:
        with records.reading() as session:
            assert not is_anything_due(session, NOW)

    return percentile_95_ms(ask, TIMES)


def _bare_ms(records: Records) -> float:
    def ask() -> None:
        with records.reading() as session:
            for _ in range(WINDOWS):
                session.execute(NEWEST).one()

    return percentile_95_ms(ask, TIMES)


def _shown_ms(records: Records) -> float:
    def ask() -> None:
        with records.reading() as session:
            upcoming(session, session.get_one(Window, 1), NOW)
            assert past_occurrences(session, 1, NOW).items

    return percentile_95_ms(ask, TIMES)
