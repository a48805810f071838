"""Each planned time becomes exactly one row: with clocks that jump, absences, pauses, windows at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.records import Clock, Records
from tests.windows.plans import a_plan, a_window, by_alice, occurrences, states, window_of
from webapp.leases import take
from webapp.maintenance.models import Obstacle, Question, Run, RunKind, RunOutcome
from webapp.windows.due import (
    INTERRUPTED,
    LEASE,
    MOST_NOTED,
    NEVER_FREE,
    WAITS,
    became_of,
    is_anything_due,
    note_due,
    settle,
)
from webapp.windows.listing import past_occurrences
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import alter, pause, resume, skip_next, take_back
from webapp.windows.records import delete as delete_window
from webapp.windows.upcoming import upcoming

MISSED, PAUSED, SKIPPED = OccurrenceState.MISSED, OccurrenceState.PAUSED, OccurrenceState.SKIPPED
TWO = datetime(2026, 3, 13, 2, 0, tzinfo=UTC)
"""The window's first time: 03:00 in Berlin. The clock of the tests begins at 09:00 UTC the day before."""

DAY = timedelta(days=1)


def look(records: Records, clock: Clock) -> None:
    """A look that finds out what is due, as the job has one; what it leaves open would be run."""
    with records.reading() as session:
        is_due = is_anything_due(session, clock())
    if is_due:
        with records.writing() as session:
            settle(session, clock())
            note_due(session, clock())


def end_open(records: Records) -> None:
    """As if the run of what is open had ended."""
    with records.writing() as session:
        session.execute(text("UPDATE occurrences SET state = 'run', run_id = 1 WHERE state IS NULL"))


def test_nothing_is_due_before_its_time(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    look(records, clock)
    clock.at = TWO - timedelta(seconds=1)
    look(records, clock)
    assert occurrences(records.reading) == []


def test_at_its_time_one_row_is_left_open_however_often_is_asked(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    for _ in range(5):
        look(records, clock)
        clock.advance(seconds=20)
    (row,) = occurrences(records.reading)
    assert (row.planned_at, row.noted_at, row.state, row.run_id) == (TWO, TWO, None, None)


def test_the_row_is_unique_whoever_writes_it(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    with pytest.raises(IntegrityError), records.writing() as session:
        session.add(Occurrence(window_id=window_id, planned_at=TWO, noted_at=TWO, state=MISSED))


def test_inside_its_time_it_may_begin_late_and_after_it_it_is_missed(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO + timedelta(minutes=59, seconds=59)
    look(records, clock)
    assert states(records.reading) == [None]
    end_open(records)
    clock.at = TWO + DAY + timedelta(hours=1)
    look(records, clock)
    row = occurrences(records.reading)[-1]
    assert (row.state, row.run_id) == (MISSED, None)
    assert row.sentence.startswith("Holystone was not there in its time")


def test_after_days_away_each_time_has_its_row_and_the_one_of_now_may_begin(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO + 3 * DAY + timedelta(minutes=10)
    look(records, clock)
    assert states(records.reading) == [MISSED, MISSED, MISSED, None]
    assert [each.planned_at for each in occurrences(records.reading)] == [TWO + each * DAY for each in range(4)]


def test_after_years_away_only_the_last_ones_are_written_down(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO + 3_650 * DAY + timedelta(hours=5)
    look(records, clock)
    rows = occurrences(records.reading)
    assert [row.state for row in rows] == [MISSED] * MOST_NOTED
    assert ["which are not listed" in row.sentence for row in rows] == [True] + [False] * (MOST_NOTED - 1)
    look(records, clock)
    assert len(occurrences(records.reading)) == MOST_NOTED


def test_a_clock_that_jumps_back_runs_nothing_twice(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    end_open(records)
    for back in (timedelta(minutes=5), timedelta(hours=3), timedelta(days=400)):
        clock.at = TWO - back
        look(records, clock)
        clock.at = TWO + timedelta(minutes=1)
        look(records, clock)
    assert [(row.planned_at, row.state) for row in occurrences(records.reading)] == [(TWO, OccurrenceState.RUN)]


def test_a_clock_that_jumps_forward_misses_what_lies_between(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO + 2 * DAY + timedelta(hours=2)
    look(records, clock)
    assert states(records.reading) == [MISSED] * 3


def test_what_was_missed_while_the_clock_was_wrong_takes_place_after_all(records: Records, clock: Clock) -> None:
    right = clock.at
    a_window(records.writing, right)
    clock.at = TWO + 2 * DAY + timedelta(hours=2)
    look(records, clock)
    clock.at = right
    look(records, clock)
    assert occurrences(records.reading) == []
    clock.at = TWO
    look(records, clock)
    assert states(records.reading) == [None]


def test_a_run_that_began_while_the_clock_was_wrong_is_the_run_of_that_time(records: Records, clock: Clock) -> None:
    right = clock.at
    a_window(records.writing, right)
    clock.at = TWO
    look(records, clock)
    end_open(records)
    clock.at = right
    look(records, clock)
    clock.at = TWO
    look(records, clock)
    assert states(records.reading) == [OccurrenceState.RUN]


def test_of_two_windows_at_once_one_is_begun_and_the_other_says_why_not(records: Records, clock: Clock) -> None:
    first = a_window(records.writing, clock())
    second = a_window(records.writing, clock(), name="Other")
    clock.at = TWO
    look(records, clock)
    rows = {row.window_id: row for row in occurrences(records.reading)}
    assert rows[first].state is None
    assert (rows[second].state, rows[second].sentence) == (
        OccurrenceState.RUN_UNDER_WAY,
        "Another run was under way, or about to begin.",
    )


def test_the_window_that_was_planned_first_is_begun(records: Records, clock: Clock) -> None:
    late = a_window(records.writing, clock(), starts=time(3, 5))
    early = a_window(records.writing, clock())
    clock.at = TWO + timedelta(minutes=10)
    look(records, clock)
    rows = {row.window_id: row.state for row in occurrences(records.reading)}
    assert rows == {early: None, late: OccurrenceState.RUN_UNDER_WAY}


def test_a_paused_window_says_so_for_each_time_until_the_pause_ends(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        pause(session, session.get_one(Window, window_id), TWO + 2 * DAY, by_alice(clock()))
    clock.at = TWO + 3 * DAY + timedelta(minutes=1)
    look(records, clock)
    assert states(records.reading) == [PAUSED, PAUSED, MISSED, None]
    assert occurrences(records.reading)[0].sentence == "The window was paused until Sunday 15 Mar, 02:00 UTC."


def test_after_a_pause_was_ended_nothing_of_the_past_is_due(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        pause(session, session.get_one(Window, window_id), TWO + 30 * DAY, by_alice(clock()))
    clock.at = TWO + timedelta(minutes=10)
    with records.writing() as session:
        resume(session, session.get_one(Window, window_id), by_alice(clock()))
    look(records, clock)
    assert occurrences(records.reading) == []
    clock.at = TWO + DAY
    look(records, clock)
    assert states(records.reading) == [None]


def test_a_changed_window_never_makes_a_time_of_the_past(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    clock.at = TWO + timedelta(hours=2)
    with records.writing() as session:
        alter(session, session.get_one(Window, window_id), a_plan(starts=time(1)), by_alice(clock()))
    look(records, clock)
    assert occurrences(records.reading) == []


def test_a_time_that_is_skipped_has_its_row_beforehand(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        assert skip_next(session, session.get_one(Window, window_id), by_alice(clock())) == TWO
    clock.at = TWO
    look(records, clock)
    (row,) = occurrences(records.reading)
    assert (row.state, row.sentence) == (SKIPPED, "alice skipped it.")
    clock.at = TWO + DAY
    look(records, clock)
    assert states(records.reading) == [SKIPPED, None]


def test_skipping_hides_nothing_that_was_due_before(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    clock.at = TWO + timedelta(seconds=5)
    with records.writing() as session:
        assert skip_next(session, session.get_one(Window, window_id), by_alice(clock())) == TWO + DAY
    look(records, clock)
    assert states(records.reading) == [None, SKIPPED]


def test_what_was_skipped_can_be_taken_back_before_its_time_only(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        window = session.get_one(Window, window_id)
        assert skip_next(session, window, by_alice(clock())) == TWO
        assert skip_next(session, window, by_alice(clock())) == TWO + DAY
        assert take_back(session, window, TWO, by_alice(clock()))
        assert not take_back(session, window, TWO, by_alice(clock()))
    clock.at = TWO + DAY
    with records.writing() as session:
        assert not take_back(session, session.get_one(Window, window_id), TWO + DAY, by_alice(clock()))


def test_a_new_plan_forgets_what_was_skipped_of_the_old_one(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        window = session.get_one(Window, window_id)
        skip_next(session, window, by_alice(clock()))
        alter(session, window, a_plan(starts=time(4)), by_alice(clock()))
    assert occurrences(records.reading) == []


def test_a_deleted_window_is_not_due(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        delete_window(session, session.get_one(Window, window_id), by_alice(clock()))
    clock.at = TWO
    look(records, clock)
    assert occurrences(records.reading) == []


def test_a_window_whose_zone_this_machine_does_not_know_stops_no_other(records: Records, clock: Clock) -> None:
    unknown, known = a_window(records.writing, clock()), a_window(records.writing, clock(), name="Other")
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base' WHERE id = :id"), {"id": unknown})
    clock.at = TWO
    look(records, clock)
    assert [row.window_id for row in occurrences(records.reading)] == [known]
    end_open(records)
    with records.reading() as session:
        assert not is_anything_due(session, clock())


def test_a_zone_that_is_known_again_leaves_no_time_without_its_row(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base'"))
    clock.at = TWO + DAY
    look(records, clock)
    assert occurrences(records.reading) == []
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Europe/Berlin'"))
    look(records, clock)
    assert states(records.reading) == [MISSED, None]
    assert "the window's time zone was not known" in occurrences(records.reading)[0].sentence


def test_a_time_that_has_come_and_one_that_comes_to_nothing_are_a_line_of_the_log_each(
    records: Records, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    a_window(records.writing, clock())
    clock.at = TWO
    for _ in range(3):
        look(records, clock)
    clock.advance(hours=1)
    for _ in range(3):
        look(records, clock)
    told = [each for each in caplog.records if each.name == "webapp.windows.due"]
    assert [each.getMessage() for each in told] == ["The time of a window has come", "A window came to nothing"]
    first, last = (vars(each) for each in told)
    assert (first["window"], first["window_id"], first["planned_at"], first["outcome"]) == ("Nightly", 1, TWO, None)
    assert (last["levelname"], last["outcome"], last["reason"]) == ("WARNING", MISSED, INTERRUPTED)


def test_what_was_meant_so_is_no_warning_and_what_was_not_written_is_no_line(
    records: Records, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    window_id = a_window(records.writing, clock())
    with records.writing() as session:
        pause(session, session.get_one(Window, window_id), TWO + 2 * DAY, by_alice(clock()))
    clock.at = TWO
    with pytest.raises(ZeroDivisionError), records.writing() as session:
        note_due(session, clock())
        raise ZeroDivisionError
    assert not [each for each in caplog.records if each.name == "webapp.windows.due"]
    look(records, clock)
    (line,) = [each for each in caplog.records if each.name == "webapp.windows.due"]
    assert (line.getMessage(), line.levelname) == ("A window came to nothing", "INFO")


def test_a_claim_whose_process_died_may_begin_while_its_time_lasts(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    with records.writing() as session:
        take(session, LEASE, "a process that was killed")
    look(records, clock)
    clock.advance(minutes=30)
    with records.reading() as session:
        assert not is_anything_due(session, clock())  # somebody may be at it
    with records.writing() as session:
        session.execute(text("UPDATE leases SET ends_boottime_s = 0"))
    with records.reading() as session:
        assert is_anything_due(session, clock())
    look(records, clock)
    assert states(records.reading) == [None]
    clock.advance(minutes=30)
    look(records, clock)
    (row,) = occurrences(records.reading)
    assert (row.state, row.sentence) == (MISSED, INTERRUPTED)


def test_a_claim_that_waited_for_the_keeper_in_vain_says_so(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    with records.writing() as session:
        session.execute(text("UPDATE occurrences SET sentence = :waits"), {"waits": WAITS})
    clock.advance(hours=1)
    look(records, clock)
    (row,) = occurrences(records.reading)
    assert (row.state, row.sentence) == (OccurrenceState.NOT_READY, NEVER_FREE)


@pytest.mark.parametrize("what", ["delete", "pause"])
def test_a_claim_that_waits_is_given_up_with_its_window(records: Records, clock: Clock, what: str) -> None:
    window_id = a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    with records.writing() as session:
        window = session.get_one(Window, window_id)
        if what == "delete":
            delete_window(session, window, by_alice(clock()))
        else:
            pause(session, window, TWO + DAY, by_alice(clock()))
    look(records, clock)
    assert states(records.reading) == [SKIPPED if what == "delete" else PAUSED]


def a_run(session: Session, outcome: RunOutcome | None, **more: str) -> Run:
    found = Run(
        kind=RunKind.COLLECT, actor="window: Nightly", place="window", activity_id=1, token="t", fencing_token=1,
        started_at=TWO, outcome=outcome, **{"reason": "", **more},
    )  # fmt: skip
    session.add(found)
    session.flush()
    return found


@pytest.mark.parametrize("outcome", [each for each in RunOutcome if each != RunOutcome.SKIPPED])
def test_a_run_that_somebody_else_brought_to_its_end_completes_its_row(
    records: Records, clock: Clock, outcome: RunOutcome
) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    with records.writing() as session:
        found = a_run(session, None)
        session.execute(text("UPDATE occurrences SET run_id = :id"), {"id": found.id})
    clock.advance(hours=3)  # it goes on until its end is known
    with records.reading() as session:
        assert not is_anything_due(session, clock())
    with records.writing() as session:
        session.get_one(Run, found.id).outcome = outcome
    look(records, clock)
    assert states(records.reading) == [OccurrenceState.RUN]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"obstacle": Obstacle.NOT_WORTH_IT}, OccurrenceState.NOT_WORTH_IT),
        ({"obstacle": Obstacle.DOES_NOT_FIT}, OccurrenceState.DOES_NOT_FIT),
        ({"asks": Question.UPLOADS}, OccurrenceState.PUSHES),
        ({"asks": Question.LOST_TAGS}, OccurrenceState.NOT_READY),
        ({}, OccurrenceState.NOT_READY),
    ],
)
def test_a_run_that_did_not_begin_is_the_reason_why_there_was_none(
    records: Records, more: dict[str, str], expected: OccurrenceState
) -> None:
    with records.writing() as session:
        found = a_run(session, RunOutcome.SKIPPED, reason="So it was.", **{"obstacle": "", "asks": "", **more})
    assert became_of(found) == (expected, "So it was.")


def test_a_claim_whose_run_is_not_in_the_records_any_more_was_interrupted(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    clock.at = TWO
    look(records, clock)
    with records.writing() as session:
        session.execute(text("UPDATE occurrences SET run_id = 99"))
        session.execute(delete(Run))
    look(records, clock)
    assert states(records.reading) == [MISSED]


def test_a_window_keeps_its_hour_when_the_clocks_change(records: Records, clock: Clock) -> None:
    window_id = a_window(records.writing, clock(), starts=time(2, 30))
    for day in range(20):  # the clock is put forward on 29 March: there is no 02:30
        clock.at = datetime(2026, 3, 20, 12, tzinfo=UTC) + day * DAY
        look(records, clock)
    planned = [row.planned_at for row in occurrences(records.reading) if row.window_id == window_id]
    assert len(planned) == len(set(planned)) == 27
    assert datetime(2026, 3, 29, 1, 0, tzinfo=UTC) in planned
    assert {each.hour for each in planned if each > datetime(2026, 3, 30, tzinfo=UTC)} == {0}
    assert window_of(records.reading, window_id).ended_at is None


def test_what_is_asked_all_the_time_is_answered_from_indexes(records: Records, clock: Clock) -> None:
    a_window(records.writing, clock())
    asked: list[tuple[str, Any]] = []
    event.listen(records.engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    with records.reading() as session:
        is_anything_due(session, clock())
        upcoming(session, session.get_one(Window, 1), clock())
        past_occurrences(session, 1, clock())
        connection = session.connection()
        of_occurrences = [each for each in asked if "FROM occurrences" in each[0]]
        plans = [list(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", given)) for one, given in of_occurrences]
    steps = [step.detail for plan in plans for step in plan]
    assert len(plans) == 5
    assert [step for step in steps if " INDEX " not in step or "B-TREE" in step] == []
