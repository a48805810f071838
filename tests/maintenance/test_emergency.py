"""`maintenance read-write`: whatever is under way, and whatever has become of the records."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from demo.build import Built
from tests.maintenance.house import House, a_client, assert_read_write, pull
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import wait_for
from webapp.maintenance.emergency import StillNotReadWrite, make_read_write
from webapp.maintenance.models import RunOutcome, StepName
from webapp.runtime.orders import Ended, Kind, Phase, Reads


def make(house: House, monotonic: Callable[[], float] = time.monotonic, within_s: float = 20.0) -> str:
    return make_read_write(a_client(house.keeper.url), house.keeper.folder, monotonic, within_s)


@pytest.mark.parametrize("reads", list(Reads))
def test_a_registry_that_is_held_read_only_comes_back(house: House, gone: Built, reads: Reads) -> None:
    token = house.keeper.order(Kind.COLLECT, reads)
    house.keeper.wait_for_phase(Phase.HOLDING)
    assert make(house) == "The registry takes writes."
    assert house.keeper.result(token).ended == Ended.CANCELLED
    assert house.has(gone)
    assert_read_write(house)


def test_a_collection_is_ended(house: House, gone: Built, tmp_path: Path) -> None:
    house.keeper.tell("hold", "collect")
    token = house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    house.keeper.go(token)
    house.keeper.wait_for_phase(Phase.COLLECTING)
    make(house)
    assert house.keeper.result(token).ended == Ended.CANCELLED
    assert_read_write(house)
    pull(house, "team/api:kept", tmp_path / "pulled")


def test_a_run_that_is_under_way_ends_stopped(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "collect")
    house.at[StepName.COLLECT] = lambda: make(house)
    row = house.run()
    assert row.outcome == RunOutcome.STOPPED
    assert_read_write(house)


def test_a_registry_that_takes_writes_is_left_alone(house: House, gone: Built) -> None:
    writer = house.keeper.pid_of("writer")
    assert make(house) == "The registry takes writes."
    assert house.keeper.pid_of("writer") == writer


def test_a_dry_run_is_no_obstacle(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "dry-run")
    token = house.keeper.order(Kind.DRY_RUN)
    wait_for(lambda: bool(house.keeper.processes("dry-run")), "the dry run has begun")
    make(house)
    hold.unlink()
    assert house.keeper.result(token).ended == Ended.DONE


def test_an_order_that_the_keeper_has_not_seen_yet_is_cancelled_too(house: House, gone: Built) -> None:
    os.kill(house.keeper.pid, signal.SIGSTOP)
    token = house.keeper.order(Kind.COLLECT)
    asked: list[float] = []

    def clock() -> float:
        """Time stands still while the keeper does, and it goes on soon."""
        asked.append(time.monotonic())
        if len(asked) == 4:
            os.kill(house.keeper.pid, signal.SIGCONT)
        return asked[-1]

    make(house, clock)
    state = house.keeper.state()
    assert (state.phase, state.token) == (Phase.SERVING, None)
    assert not (house.keeper.folder / "order").exists()
    assert house.keeper.result(token).ended == Ended.CANCELLED


def test_without_a_keeper_it_is_proved_all_the_same(house: House) -> None:
    client = a_client(house.keeper.url)
    assert make_read_write(client, None, time.monotonic) == "The registry takes writes."


def test_a_registry_that_stays_read_only_is_said_to(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path / "registry", read_only=True) as registry:
        with pytest.raises(StillNotReadWrite) as said:
            make_read_write(a_client(registry.url), None, time.monotonic, 0.3)
        assert "read-only" in said.value.sentence
        assert said.value.sentence.endswith("Restart the registry's service: the keeper starts it read-write.")


def test_a_keeper_that_is_dead_is_named_and_a_restart_helps(house: House, gone: Built) -> None:
    house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    house.keeper.kill()
    with pytest.raises(StillNotReadWrite) as said:
        make(house, within_s=0.3)
    assert "No keeper is running" in said.value.sentence
    assert "Restart the registry's service" in said.value.sentence
    house.keeper.start()
    make(house)
    assert_read_write(house)


def test_records_that_were_deleted_are_not_missed(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "collect")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.run)
        house.keeper.wait_for_phase(Phase.COLLECTING)
        house.engine.dispose()
        for file in house.records.parent.glob("records.sqlite3*"):
            file.unlink()
        make(house)
        with pytest.raises(SQLAlchemyError):
            running.result(30)
    assert house.has(gone)
    assert_read_write(house)
