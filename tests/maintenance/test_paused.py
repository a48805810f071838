"""A process that is stopped (SIGSTOP) until its lease is another's: it changes nothing any more. And lost records."""

from __future__ import annotations

import os
import signal
import time

import pytest
from sqlalchemy import select

from demo.build import Built
from tests.maintenance.house import House, assert_read_write, open_records
from tests.runtime.keeper_process import wait_for
from webapp.database import Base, writing_to
from webapp.leases import KEEPER_LEASE, take
from webapp.maintenance.models import Hold, Run, RunKind, RunOutcome, RunStep, StepName
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import run
from webapp.maintenance.states import STEPS
from webapp.runtime.orders import Ended, Phase

BY_HAND = [each.name for each in STEPS[RunKind.COLLECT]]

LOST = 7


def pause_here() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def drive_until_paused(house: House, name: StepName) -> int:
    """A run in a process of its own, stopped as soon as that step is written down; its pid."""
    house.engine.dispose()  # SQLite's files must not be open across a fork
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            house.at[name] = pause_here
            run(house.maintainer, RunKind.COLLECT, "alice", "192.0.2.1")
        finally:
            os._exit(LOST)
    _, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    return child


def go_on(child: int) -> None:
    """SIGCONT; returns when it has ended."""
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == LOST


def give_the_lease_away(house: House) -> None:
    house.forget_lease()
    with writing_to(house.engine)() as session:
        take(session, KEEPER_LEASE, "another process")


def all_rows(house: House) -> list[object]:
    with house.reading() as session:
        steps = session.execute(select(RunStep.name, RunStep.state, RunStep.proof).order_by(RunStep.position))
        runs = session.execute(select(Run.outcome, Run.reason, Run.finished_at, Run.ordered_at))
        holds = session.execute(select(Hold.outcome, Hold.reason, Hold.finished_at, Hold.held_at))
        return [tuple(row) for row in (*steps, *runs, *holds)]


@pytest.mark.parametrize("name", BY_HAND[: BY_HAND.index(StepName.COLLECT)])
def test_a_paused_process_orders_nothing_and_writes_nothing_once_its_lease_is_lost(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch, name: StepName
) -> None:
    monkeypatch.setattr("webapp.maintenance.steps.GO_S", 1.0)
    child = drive_until_paused(house, name)
    give_the_lease_away(house)
    before, dry_runs = all_rows(house), house.keeper.started("dry-run")
    go_on(child)
    assert all_rows(house) == before
    assert house.keeper.started("dry-run") == dry_runs
    assert house.keeper.started("collect") == 0
    assert_read_write(house)
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert row.outcome == RunOutcome.INTERRUPTED
    result = house.result(row)
    assert result is None or result.ended == Ended.EXPIRED, "its order was for its heir to take up, or to expire"


def test_a_process_that_is_paused_before_its_proof_keeps_off_the_order_that_its_heir_has_taken_up(
    house: House, gone: Built
) -> None:
    child = drive_until_paused(house, StepName.PROVE_READ_ONLY)
    house.forget_lease()
    house.at[StepName.PROVE_READ_ONLY] = lambda: go_on(child)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.reason) == (RunOutcome.SUCCEEDED, "")
    assert [step.name for step in row.steps] == BY_HAND
    assert not house.has(gone)
    assert_read_write(house)


def test_a_process_that_is_paused_in_mid_collection_leaves_the_end_to_its_heir(house: House, gone: Built) -> None:
    child = drive_until_paused(house, StepName.COLLECT)
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    ended = house.the_run()
    assert ended.outcome == RunOutcome.SUCCEEDED
    before = all_rows(house)
    go_on(child)
    assert all_rows(house) == before
    assert len(house.the_run().steps) == len(ended.steps)
    assert not house.has(gone)
    assert_read_write(house)


def test_a_process_that_is_paused_after_its_proof_gives_no_go_to_a_later_order(house: House, gone: Built) -> None:
    child = drive_until_paused(house, StepName.PROVE_READ_ONLY)
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    token = house.keeper.order(go_s=1.0)
    house.keeper.wait_for_phase(Phase.HOLDING)
    go_on(child)
    assert house.keeper.result(token).ended == "expired"
    assert house.keeper.started("collect") == 1, "only the one that took the run up"
    assert_read_write(house)


@pytest.mark.parametrize("name", [StepName.ORDER, StepName.PROVE_READ_ONLY, StepName.COLLECT])
def test_records_that_are_deleted_in_mid_run_leave_a_registry_that_comes_back(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch, name: StepName
) -> None:
    monkeypatch.setattr("webapp.maintenance.steps.GO_S", 1.0)
    child = drive_until_paused(house, name)
    house.engine.dispose()
    for file in house.records.parent.glob(f"{house.records.name}*"):
        file.unlink()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    house.engine = open_records(house.records)
    Base.metadata.create_all(house.engine)
    end_interrupted_runs(house.maintainer)

    started = time.monotonic()
    assert_read_write(house)
    wait_for(lambda: house.keeper.state().token is None, "no order is in hand")
    assert time.monotonic() - started < 10
    assert house.has(gone) is (name != StepName.COLLECT)
    assert house.run().outcome == RunOutcome.SUCCEEDED
