"""A run that something breaks: it says what, and the registry is read-write (laws 1, 3 and 5)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, pull
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.activities.models import Outcome
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.models import Run, RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.records import output_of
from webapp.maintenance.run import cancel
from webapp.runtime.orders import Phase


def failed_step(row: Run) -> StepName | None:
    return next((step.name for step in row.steps if step.state == StepState.FAILED), None)


def in_background(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_collector_that_fails_is_a_failed_run_with_its_complaint(house: House, gone: Built, kind: RunKind) -> None:
    link = next(house.keeper.store.glob("docker/registry/v2/repositories/team/api/_manifests/revisions/*/*/link"))
    link.write_text("")  # what a full disk leaves; the collector stops at it
    row = house.run(kind)
    assert row.outcome == RunOutcome.FAILED
    assert row.reason.startswith("The collector ended with exit code 1. failed to garbage collect: failed to mark")
    assert failed_step(row) == StepName.COLLECT
    assert house.activity_of(row).outcome == Outcome.FAILED
    assert house.activity_of(row).reason == row.reason
    with house.reading() as session:
        assert "invalid checksum digest format" in output_of(session, row.id)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_collector_that_ends_well_and_did_nothing_is_a_failed_run(house: House, gone: Built, kind: RunKind) -> None:
    house.keeper.tell("nothing", "garbage-collect")
    row = house.run(kind)
    assert (row.outcome, "without having printed its summary" in row.reason) == (RunOutcome.FAILED, True)
    assert failed_step(row) == StepName.COLLECT
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_collector_that_hangs_is_ended_at_the_deadline(house: House, gone: Built, kind: RunKind) -> None:
    house.longest_s = 1
    house.keeper.tell("hold", "garbage-collect")
    row = house.run(kind)
    assert (row.outcome, row.reason) == (RunOutcome.FAILED, "1 seconds were over.")
    assert failed_step(row) == StepName.COLLECT
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("name", [StepName.ORDER, StepName.PROVE_READ_ONLY])
def test_a_run_that_is_stopped_before_its_go_has_collected_nothing(house: House, gone: Built, name: StepName) -> None:
    house.at[name] = lambda: cancel(house.keeper.folder, house.the_run().token)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "The order was cancelled.")
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_collection_that_is_stopped_says_so(house: House, gone: Built, kind: RunKind) -> None:
    house.keeper.tell("hold", "garbage-collect")
    house.at[StepName.COLLECT] = lambda: cancel(house.keeper.folder, house.the_run().token)
    row = house.run(kind)
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "The order was cancelled.")
    assert house.activity_of(row).reason == "The order was cancelled."
    assert house.has(gone)
    assert_read_write(house)


def run_and_restart_keeper_in(house: House, phase: Phase, *holds: Path) -> Run:
    """A run; as soon as the keeper is in that phase: kill -9, then a new one, with nothing held back any more.

    The run has a thread of its own, since the keeper ends with the thread that started it.
    """
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.run)
        house.keeper.wait_for_phase(phase)
        wait_for(lambda: phase != Phase.HOLDING or not house.at, "the run has seen it")
        house.keeper.kill()
        for hold in holds:
            hold.unlink()
        house.keeper.start()
        return running.result()


def test_a_keeper_that_is_killed_while_the_registry_drains_ends_the_run(house: House, gone: Built) -> None:
    row = run_and_restart_keeper_in(house, Phase.DRAINING, house.keeper.tell("hold", "serve"))
    assert (row.outcome, failed_step(row)) == (RunOutcome.INTERRUPTED, StepName.ORDER)
    assert "before the keeper" in row.reason
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_keeper_that_is_killed_while_it_holds_fails_the_proof(house: House, gone: Built) -> None:
    first = house.keeper.pid

    def is_back() -> bool:
        return house.keeper.pid != first and accepts_writes(house.keeper.url)

    house.at[StepName.PROVE_READ_ONLY] = lambda: wait_for(is_back, "a new keeper serves")
    row = run_and_restart_keeper_in(house, Phase.HOLDING)
    assert (row.outcome, "still takes writes" in row.reason) == (RunOutcome.FAILED, True)
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_keeper_that_is_killed_while_it_collects_ends_the_run(house: House, gone: Built) -> None:
    row = run_and_restart_keeper_in(house, Phase.COLLECTING, house.keeper.tell("hold", "garbage-collect"))
    assert (row.outcome, row.bytes_freed) == (RunOutcome.INTERRUPTED, 0)
    assert house.has(gone)
    assert_read_write(house)


def test_a_keeper_that_is_killed_while_it_returns_ends_the_run(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "garbage-collect")
    hold_the_writer = house.keeper.control / "hold serve"

    def let_it_collect() -> None:
        hold_the_writer.touch()
        hold.unlink()

    house.at[StepName.COLLECT] = let_it_collect
    row = run_and_restart_keeper_in(house, Phase.RETURNING, hold_the_writer)
    assert row.outcome == RunOutcome.INTERRUPTED
    assert row.bytes_freed  # measured, although nobody can say how the collector ended
    assert not house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("name", [StepName.PROVE_READ_ONLY, StepName.COLLECT])
def test_a_keeper_that_stays_away_ends_the_run(house: House, gone: Built, name: StepName, tmp_path: Path) -> None:
    house.speed = 60
    house.keeper.tell("hold", "garbage-collect")
    house.at[name] = house.keeper.kill
    row = house.run()
    assert row.outcome == RunOutcome.FAILED
    assert "has not come back read-write" in row.reason
    assert house.registry_state().mode == RegistryMode.UNREACHABLE
    house.keeper.start()  # whoever starts it, it is read-write
    assert house.has(gone)
    assert_read_write(house)
    pull(house, "team/api:kept", tmp_path / "pulled")


def test_a_registry_that_does_not_come_back_is_no_success(house: House, gone: Built) -> None:
    house.speed = 60
    house.at[StepName.COLLECT] = lambda: house.keeper.tell("fail", "serve")
    hold = house.keeper.tell("hold", "garbage-collect")
    house.at[StepName.PROVE_READ_ONLY] = lambda: in_background(
        lambda: (wait_for(lambda: StepName.COLLECT not in house.at, "the collection has begun"), hold.unlink())
    )
    row = house.run()
    assert row.outcome == RunOutcome.FAILED
    assert "has not come back read-write" in row.reason
    assert failed_step(row) == StepName.PROVE_READ_WRITE
    assert house.registry_state().mode == RegistryMode.UNREACHABLE
    assert not house.has(gone)
    (house.keeper.control / "fail serve").unlink()
    house.keeper.start()
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
    hold = house.keeper.tell("hold", "garbage-collect")

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
    hold = house.keeper.tell("hold", "garbage-collect")

    def replace_output() -> None:
        wait_for(output.exists, "the collector has begun")
        output.unlink()
        output.mkdir()
        hold.unlink()

    house.at[StepName.COLLECT] = replace_output
    row = house.run()
    assert (row.outcome, "output" in row.reason) == (RunOutcome.FAILED, True)
    assert row.bytes_freed
    assert_read_write(house)
