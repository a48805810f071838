"""One run at a time, whoever starts it; a process that has lost its lease does nothing more (fencing)."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, open_records
from webapp.database import writing_to
from webapp.leases import KEEPER_LEASE, LeaseLost, take
from webapp.maintenance.models import Run, RunKind, RunOutcome, RunStep, StepName, StepState
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import RunUnderWay, run
from webapp.maintenance.states import STEPS

BY_HAND = [each.name for each in STEPS[RunKind.COLLECT]]

UNDER_WAY = 17


def count_runs(house: House) -> int:
    with house.reading() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


def test_two_threads_make_one_run(house: House, gone: Built) -> None:
    begun = threading.Event()
    refused = threading.Event()
    house.at[StepName.PREFLIGHT] = lambda: (begun.set(), refused.wait(20))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.run)
        assert begun.wait(20)
        with pytest.raises(RunUnderWay):
            run(house.maintainer, RunKind.DRY_RUN, "bob", "192.0.2.2")
        refused.set()
        assert first.result(30).outcome == RunOutcome.SUCCEEDED
    assert count_runs(house) == 1


def test_two_processes_make_one_run(house: House, gone: Built) -> None:
    answers: list[int] = []

    def another_process() -> None:
        house.engine.dispose()
        child = os.fork()
        if child == 0:
            try:
                house.engine = open_records(house.records)
                run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")
            except RunUnderWay:
                os._exit(UNDER_WAY)
            finally:
                os._exit(1)
        answers.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    house.at[StepName.PROVE_READ_ONLY] = another_process
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert (answers, count_runs(house)) == ([UNDER_WAY], 1)


def rows(house: House) -> list[tuple[Any, ...]]:
    with house.reading() as session:
        steps = session.execute(select(RunStep.name, RunStep.state, RunStep.proof).order_by(RunStep.position))
        runs = session.execute(select(Run.outcome, Run.reason, Run.finished_at))
        return [tuple(row) for row in (*steps, *runs)]


def take_the_lease(house: House, seen: list[list[tuple[Any, ...]]]) -> None:
    """As if we had been stopped for a minute, and somebody else had begun meanwhile."""
    house.forget_lease()
    with writing_to(house.engine)() as session:
        take(session, KEEPER_LEASE, "another process")
    seen.append(rows(house))


BEFORE_GO = BY_HAND[: BY_HAND.index(StepName.COLLECT)]


@pytest.mark.parametrize("name", BEFORE_GO)
def test_a_run_that_loses_its_lease_gives_no_go_and_writes_nothing(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch, name: StepName
) -> None:
    monkeypatch.setattr("webapp.maintenance.steps.GO_S", 1.0)  # its order is left to whoever has the lease
    seen: list[list[tuple[Any, ...]]] = []
    house.at[name] = lambda: take_the_lease(house, seen)
    with pytest.raises(LeaseLost):
        house.run()
    assert rows(house) == seen[0]
    row = house.the_run()
    assert (row.outcome, row.steps[-1].state) == (None, StepState.NOW)
    assert_read_write(house)
    assert_nothing_was_collected(house, row)
    assert house.has(gone)


def test_whoever_has_the_lease_ends_the_run_of_the_one_that_lost_it(house: House, gone: Built) -> None:
    house.at[StepName.PROVE_READ_ONLY] = lambda: take_the_lease(house, [])
    with pytest.raises(LeaseLost):
        house.run()
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.SUCCEEDED
    assert_read_write(house)


def test_a_lease_that_is_lost_after_the_go_leaves_the_collection_to_its_heir(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "collect")
    house.at[StepName.COLLECT] = lambda: (take_the_lease(house, []), hold.unlink())
    with pytest.raises(LeaseLost):
        house.run()
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert row.outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)
    assert_read_write(house)
