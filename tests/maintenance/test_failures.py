"""A run that something breaks: it says what, and the registry is read-write (laws 1, 3 and 5)."""

from __future__ import annotations

import os
import signal

import pytest

from demo.build import Built
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    in_background,
)
from tests.runtime.keeper_process import wait_for
from webapp.activities.models import Outcome
from webapp.maintenance.models import RunKind, RunOutcome, StepName
from webapp.maintenance.records import output_of
from webapp.runtime.orders import Phase

IN_EACH = [("dry-run", RunKind.DRY_RUN), ("dry-run", RunKind.COLLECT), ("collect", RunKind.COLLECT)]
"""Which collector fails in which kind of run."""


def step_of(collector: str) -> StepName:
    return StepName.COLLECT if collector == "collect" else StepName.DRY_RUN


@pytest.mark.parametrize(("collector", "kind"), IN_EACH)
def test_a_collector_that_fails_is_a_failed_run_with_its_complaint(
    house: House, gone: Built, collector: str, kind: RunKind
) -> None:
    house.keeper.tell("fail", collector)
    row = house.run(kind)
    assert row.outcome == RunOutcome.FAILED
    assert row.reason.startswith("The collector ended with exit code 3.")
    assert failed_step(row) == step_of(collector)
    assert house.activity_of(row).outcome == Outcome.FAILED
    assert house.activity_of(row).reason == row.reason
    with house.reading() as session:
        assert "failed as told" in output_of(session, row.id)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize(("collector", "kind"), IN_EACH)
def test_a_collector_that_ends_well_and_did_nothing_is_a_failed_run(
    house: House, gone: Built, collector: str, kind: RunKind
) -> None:
    house.keeper.tell("nothing", collector)
    row = house.run(kind)
    assert (row.outcome, "without having printed its summary" in row.reason) == (RunOutcome.FAILED, True)
    assert failed_step(row) == step_of(collector)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize(("collector", "kind"), IN_EACH)
def test_a_collector_that_hangs_is_ended_at_the_deadline(
    house: House, gone: Built, collector: str, kind: RunKind
) -> None:
    house.longest_s = 1.5
    house.keeper.tell("hold", collector)
    row = house.run(kind)
    assert (row.outcome, row.reason) == (RunOutcome.FAILED, "1.5 seconds were over.")
    assert failed_step(row) == step_of(collector)
    assert house.has(gone)
    assert_read_write(house)


def test_a_reader_that_does_not_start_keeps_the_go_back(house: House, gone: Built) -> None:
    def break_the_reader() -> None:
        hold = house.keeper.tell("hold", "serve")

        def act() -> None:
            wait_for(lambda: bool(house.keeper.processes("reader")), "the reader is being started")
            os.kill(house.keeper.pid_of("reader"), signal.SIGKILL)
            hold.unlink()

        in_background(act)

    house.at[StepName.ORDER] = break_the_reader
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.ORDER)
    assert row.reason == "The read-only registry ended with code -9."
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_writer_that_is_stopped_is_ended_and_the_run_goes_on(house: House, gone: Built) -> None:
    house.at[StepName.ORDER] = lambda: os.kill(house.keeper.pid_of("writer"), signal.SIGSTOP)
    row = house.run()
    assert row.outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)
    assert_read_write(house)


def test_a_reader_that_is_killed_ends_the_collection(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "collect")

    def kill_the_reader() -> None:
        house.keeper.wait_for_phase(Phase.COLLECTING)
        os.kill(house.keeper.pid_of("reader"), signal.SIGKILL)
        in_background(lambda: (wait_for(lambda: not house.keeper.processes("reader"), "it is gone"), hold.unlink()))

    house.at[StepName.COLLECT] = kill_the_reader
    row = house.run()
    assert (row.outcome, "The read-only registry ended" in row.reason) == (RunOutcome.FAILED, True)
    assert_read_write(house)


def test_an_output_that_cannot_be_read_is_no_success(house: House, gone: Built) -> None:
    output = house.keeper.folder / "output"
    hold = house.keeper.tell("hold", "collect")

    def replace_output() -> None:
        wait_for(lambda: bool(house.keeper.processes("collector")), "the collector has begun")
        output.unlink()
        output.mkdir()
        hold.unlink()

    house.at[StepName.COLLECT] = replace_output
    row = house.run()
    assert (row.outcome, "output" in row.reason) == (RunOutcome.FAILED, True)
    assert row.bytes_freed
    assert_read_write(house)
