"""kill -9 of the keeper in each phase of a run: the registry comes back, and the run ends as it truly ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    in_background,
    pull,
)
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.models import Run, RunOutcome, StepName
from webapp.runtime.orders import Phase


def test_a_keeper_that_is_killed_in_the_dry_run_ends_the_run(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "dry-run")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.run)
        wait_for(lambda: bool(house.keeper.processes("dry-run")), "the dry run has begun")
        house.keeper.kill()
        hold.unlink()
        house.keeper.start()
        row = running.result()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.DRY_RUN)
    assert "before the keeper" in row.reason
    assert_nothing_was_collected(house, row)
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
    row = run_and_restart_keeper_in(house, Phase.COLLECTING, house.keeper.tell("hold", "collect"))
    assert (row.outcome, row.bytes_freed) == (RunOutcome.INTERRUPTED, 0)
    assert house.has(gone)
    assert_read_write(house)


def test_a_keeper_that_is_killed_while_it_returns_ends_the_run(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "collect")
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
    house.keeper.tell("hold", "collect")
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
    hold = house.keeper.tell("hold", "collect")
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
