"""The run of a window, with a real registry behind its keeper: it begins once, keeps to its window, and says why not."""

from __future__ import annotations

import os
import signal
import time as clocks
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from demo.build import Built
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    open_records,
    proof_of,
    utc_now,
)
from tests.maintenance.kill_points import Point, killing
from tests.maintenance.test_quiet import an_upload_that_moves
from tests.runtime.keeper_process import wait_for
from tests.windows.plans import a_window, occurrences, states
from webapp.database import writing_to
from webapp.leases import KEEPER_LEASE, held
from webapp.maintenance.holds import hold
from webapp.maintenance.models import Obstacle, Run, RunOutcome, StepName
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import Maintainer
from webapp.runtime.orders import Ended, Phase, Result, read_result
from webapp.windows.due import NEVER_FREE, _carry_out, carry_out_what_is_due, is_anything_due
from webapp.windows.models import Occurrence, OccurrenceState

RUN, NOT_READY = OccurrenceState.RUN, OccurrenceState.NOT_READY
BEGINS = datetime(2026, 3, 13, 3, 0, tzinfo=UTC)


def clock_from(start: datetime) -> Callable[[], datetime]:
    """A clock that shows `start` now, and goes on."""
    began = clocks.monotonic()
    return lambda: start + timedelta(seconds=clocks.monotonic() - began)


def plan(house: House, **changed: Any) -> int:
    """A window that begins at BEGINS every day, made two hours before."""
    usual = {"starts": time(3), "zone": "UTC"}
    return a_window(writing_to(house.engine), BEGINS - timedelta(hours=2), **{**usual, **changed})


def at(house: House, start: datetime = BEGINS, **changed: Any) -> Maintainer:
    """What runs work with, by a clock that shows `start` now."""
    return replace(house.maintainer, now=clock_from(start), **changed)


def the_row(house: House) -> Occurrence:
    (row,) = occurrences(house.reading)
    return row


def count_runs(house: House) -> int:
    with house.reading() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


def test_a_window_that_is_due_frees_space_and_its_row_says_so(
    house: House, gone: Built, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    plan(house)
    carry_out_what_is_due(at(house))
    row, run = the_row(house), house.the_run()
    told = [(each.getMessage(), vars(each)["run_id"]) for each in caplog.records if "window" in vars(each)]
    assert told == [("The time of a window has come", None), ("A window has begun its run", run.id)]
    assert (row.state, row.sentence, row.run_id) == (RUN, "", run.id)
    assert (run.outcome, run.actor, run.place) == (RunOutcome.SUCCEEDED, "window: Nightly", "window")
    assert run.ends_by == BEGINS + timedelta(hours=1)
    assert not house.has(gone)
    assert_read_write(house)


def test_it_runs_once_however_often_is_asked(house: House, gone: Built) -> None:
    plan(house)
    maintainer = at(house)
    for _ in range(3):
        carry_out_what_is_due(maintainer)
    assert (count_runs(house), states(house.reading)) == (1, [RUN])


def test_its_order_ends_with_the_window(house: House, gone: Built) -> None:
    plan(house)
    house.longest_s = 60.0
    hold = house.keeper.tell("hold", "collect")
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=59, seconds=52)))
    run = house.the_run()
    result = house.result(run)
    assert (run.outcome, the_row(house).state) == (RunOutcome.FAILED, RUN)
    assert result is not None
    assert result.ended == Ended.DEADLINE
    assert 0 < seconds_allowed(result) < 8
    assert hold.exists()
    assert_read_write(house)
    assert house.has(gone)


def seconds_allowed(result: Result) -> float:
    """'8 seconds were over.'"""
    return float(result.reason.split()[0])


def test_too_little_to_free_is_not_worth_it(house: House, gone: Built) -> None:
    plan(house, least_bytes=10**9)
    carry_out_what_is_due(at(house))
    row, run = the_row(house), house.the_run()
    assert (row.state, row.run_id) == (OccurrenceState.NOT_WORTH_IT, run.id)
    assert (run.outcome, run.obstacle) == (RunOutcome.SKIPPED, Obstacle.NOT_WORTH_IT)
    assert (
        row.sentence
        == run.reason
        == f"It would free {run.bytes_predicted:,} bytes, and the window asks for at least 1,000,000,000."
    )
    assert_nothing_was_collected(house, run)
    assert_read_write(house)


def test_enough_to_free_is_worth_it(house: House, gone: Built) -> None:
    plan(house, least_bytes=1)
    carry_out_what_is_due(at(house))
    assert (house.the_run().outcome, the_row(house).state) == (RunOutcome.SUCCEEDED, RUN)


def test_where_sizes_are_unknown_it_runs_and_says_so(house: House, gone: Built) -> None:
    house.has_store = False
    plan(house, least_bytes=10**9)
    carry_out_what_is_due(at(house))
    run = house.the_run()
    assert (run.outcome, the_row(house).state) == (RunOutcome.SUCCEEDED, RUN)
    assert "some sizes are not known" in proof_of(run, StepName.DRY_RUN)


def test_a_run_that_does_not_fit_into_what_is_left_does_not_begin(house: House, gone: Built) -> None:
    plan(house)
    late = BEGINS + timedelta(minutes=59, seconds=59.9)
    carry_out_what_is_due(replace(house.maintainer, now=lambda: late))
    row, run = the_row(house), house.the_run()
    assert (row.state, run.outcome) == (OccurrenceState.DOES_NOT_FIT, RunOutcome.SKIPPED)
    assert failed_step(run) == StepName.DRY_RUN
    assert row.sentence.startswith("It may take up to ")
    assert row.sentence.endswith("and the window has 0.1 s left.")
    assert_nothing_was_collected(house, run)
    assert_read_write(house)


@pytest.mark.parametrize("moment", [StepName.COMPARE, StepName.QUIET])
def test_whether_it_fits_is_looked_at_again_before_the_registry_steps_aside(
    house: House, gone: Built, moment: StepName
) -> None:
    plan(house)
    now = [BEGINS]
    house.at[moment] = lambda: now.append(BEGINS + timedelta(minutes=59, seconds=59.9))
    writer = house.keeper.pid_of("writer")
    carry_out_what_is_due(replace(house.maintainer, now=lambda: now[-1]))
    assert (the_row(house).state, failed_step(house.the_run())) == (OccurrenceState.DOES_NOT_FIT, StepName.QUIET)
    assert house.keeper.pid_of("writer") == writer


def test_a_dry_run_that_is_longer_than_the_window_is_ended_with_it(house: House, gone: Built) -> None:
    plan(house)
    house.longest_s = 60.0
    house.keeper.tell("hold", "dry-run")
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=59, seconds=58)))
    assert (the_row(house).state, the_row(house).sentence) == (
        OccurrenceState.DOES_NOT_FIT,
        "The window ended before the dry run did.",
    )
    result = read_result(house.keeper.folder, f"{house.the_run().token}-dry-1")
    assert result is not None
    assert 0 < seconds_allowed(result) <= 2
    assert_read_write(house)


def test_pushes_that_never_stop_are_waited_for_as_long_as_the_window_has_time(house: House, gone: Built) -> None:
    house.quiet_s = 0.3
    plan(house)
    writer = house.keeper.pid_of("writer")
    with an_upload_that_moves(house):
        carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=59, seconds=55)))
    row = the_row(house)
    assert row.state == OccurrenceState.PUSHES
    assert row.sentence.startswith("For as long as the window had time for a run")
    assert house.keeper.pid_of("writer") == writer


def test_a_run_under_way_is_the_reason_and_nothing_is_made_up_for(house: House, gone: Built) -> None:
    plan(house)
    house.at[StepName.PREFLIGHT] = lambda: carry_out_what_is_due(at(house))
    run = house.run()
    row = the_row(house)
    assert (row.state, row.sentence) == (OccurrenceState.RUN_UNDER_WAY, f"Run {run.id} was under way.")
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=5)))
    assert count_runs(house) == 1


def test_while_somebody_else_has_the_keeper_it_waits_and_begins_inside_its_time(house: House, gone: Built) -> None:
    plan(house)
    with held(house.maintainer.writing, KEEPER_LEASE, owner="a hold"):
        carry_out_what_is_due(at(house))
        assert (the_row(house).state, the_row(house).sentence) == (None, "It waits for the keeper, which is not free.")
        with house.reading() as session:
            assert is_anything_due(session, BEGINS + timedelta(minutes=1))
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=30)))
    assert (the_row(house).state, the_row(house).sentence, count_runs(house)) == (RUN, "", 1)


def test_while_somebody_holds_the_registry_it_says_who_and_until_when(house: House, gone: Built) -> None:
    plan(house)
    until = house.maintainer.now() + timedelta(minutes=90)
    hold(house.maintainer, until, "alice", "192.0.2.1", "backup")
    carry_out_what_is_due(at(house))
    row = the_row(house)
    assert row.state is None
    assert row.sentence.startswith("The registry is held read-only until ")
    assert row.sentence.endswith(" by alice: backup.")
    carry_out_what_is_due(at(house, BEGINS + timedelta(hours=2)))
    over = the_row(house)
    assert (over.state, over.sentence) == (NOT_READY, f"{NEVER_FREE} {row.sentence}")


def test_without_a_keeper_it_says_so(house: House, gone: Built) -> None:
    plan(house)
    carry_out_what_is_due(at(house, folder=None))
    assert the_row(house).state == NOT_READY
    assert "no keeper is set" in the_row(house).sentence


def test_with_a_registry_that_is_away_it_says_so(house: House, gone: Built) -> None:
    plan(house)
    house.keeper.stop()
    carry_out_what_is_due(at(house))
    assert the_row(house).state == NOT_READY
    assert "Start the registry behind the keeper" in the_row(house).sentence


def test_a_strategy_that_this_registry_does_not_have_is_said(house: House, gone: Built) -> None:
    plan(house, strategy="overlapped")
    carry_out_what_is_due(at(house))
    assert (the_row(house).state, "No address for reads is set." in the_row(house).sentence) == (NOT_READY, True)


def test_a_process_that_was_away_for_long_begins_no_second_run(house: House, gone: Built) -> None:
    """It had taken the claim in hand, and slept; another one has carried it out meanwhile."""
    plan(house)
    carry_out_what_is_due(at(house))
    maintainer = at(house)
    _carry_out(maintainer, maintainer.writing, the_row(house).id)
    assert (count_runs(house), states(house.reading)) == (1, [RUN])


def test_two_dashboards_that_ask_at_once_make_one_run(house: House, gone: Built) -> None:
    plan(house)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _number: carry_out_what_is_due(at(house)), range(6)))
    assert (count_runs(house), states(house.reading)) == (1, [RUN])
    assert not house.has(gone)


def test_two_processes_that_ask_at_once_make_one_run(house: House, gone: Built) -> None:
    plan(house)
    house.engine.dispose()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                house.engine = open_records(house.records)
                carry_out_what_is_due(at(house))
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert (count_runs(house), states(house.reading)) == (1, [RUN])


def killed(house: House, maintainer: Maintainer) -> None:
    """A process that does not live to see the end of what it does; as if thirty seconds had passed since."""
    house.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            carry_out_what_is_due(maintainer)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    house.forget_lease()


AT_THE_BEGINNING = [("lease", each) for each in range(1, 4)] + [("run", 1)]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at_point", AT_THE_BEGINNING, ids=str)
def test_a_process_killed_before_its_run_leaves_it_to_the_next_one(
    house: House, gone: Built, at_point: tuple[str, int], before: bool
) -> None:
    """The lease of windows, the claim, the lease of runs, the run: one row and one run, whenever it dies."""
    plan(house)
    maintainer = at(house)
    killed(house, replace(maintainer, writing=killing(maintainer.writing, Point(*at_point), before=before)))
    has_run = at_point == ("run", 1) and not before
    end_interrupted_runs(house.maintainer)
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=2)))
    assert (count_runs(house), states(house.reading)) == (1, [RUN])
    assert house.the_run().outcome == (RunOutcome.INTERRUPTED if has_run else RunOutcome.SUCCEEDED)
    assert house.has(gone) is has_run
    assert_read_write(house)


@pytest.mark.parametrize("within", [StepName.DRY_RUN, StepName.ORDER, StepName.COLLECT, "end"])
def test_a_process_killed_in_its_run_is_not_run_again(house: House, gone: Built, within: str) -> None:
    plan(house)
    house.speed = 10
    maintainer = at(house)
    killed(house, replace(maintainer, writing=killing(maintainer.writing, Point(within), before=False)))
    if within == StepName.COLLECT:
        wait_for(lambda: house.keeper.state().phase is not Phase.HOLDING, "the keeper has read the go")
    end_interrupted_runs(house.maintainer)
    carry_out_what_is_due(at(house, BEGINS + timedelta(minutes=2)))
    succeeded = within in (StepName.COLLECT, "end")
    assert (count_runs(house), states(house.reading)) == (1, [RUN])
    assert house.the_run().outcome == (RunOutcome.SUCCEEDED if succeeded else RunOutcome.INTERRUPTED)
    assert_read_write(house)


def test_by_the_clock_of_this_machine(house: House, gone: Built) -> None:
    now = utc_now()
    a_window(writing_to(house.engine), now - timedelta(minutes=2), starts=time(now.hour, now.minute), zone="UTC")
    carry_out_what_is_due(house.maintainer)
    assert states(house.reading) == [RUN]
