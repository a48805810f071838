"""kill -9 of the process that drives a run, at each of its commits: the next one ends the run as it truly ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, open_records, pull
from tests.runtime.keeper_process import wait_for
from webapp.activities.models import Activity, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.database import Writing
from webapp.maintenance.models import Run, RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import RunUnderWay, run
from webapp.runtime.orders import Phase

COMMITS = {
    1: "the lease",
    2: "the run",
    3: "preflight begins",
    4: "preflight is done",
    5: "order begins",
    6: "the registry is read-only",
    7: "order is done",
    8: "the proof begins",
    9: "no removal is open",
    10: "the go is written",
    11: "collect begins",
    12: "collect is done",
    13: "the last proof begins",
    14: "the registry is read-write",
    15: "the last proof is done",
    16: "the run is over",
    17: "the lease is given back",
}
FIRST_WITH_A_RUN, FIRST_AFTER_GO, LAST_WITHOUT_END = 2, 10, 15


def killing(writing: Writing, at: int, *, before: bool) -> Writing:
    """Transactions, of which one is the last: the process is killed right before or right after its commit."""
    count = 0

    @contextmanager
    def counted() -> Iterator[Session]:
        nonlocal count
        count += 1
        mine = count
        with writing() as session:
            yield session
            if before and mine == at:
                os.kill(os.getpid(), signal.SIGKILL)
        if not before and mine == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return counted


def drive_and_be_killed(house: House, at: int, *, before: bool = False, kind: RunKind = RunKind.COLLECT) -> None:
    """A run in a process of its own, which does not live to see its end."""
    house.engine.dispose()  # SQLite's files must not be open across a fork
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            maintainer = house.maintainer
            maintainer = replace(maintainer, writing=killing(maintainer.writing, at, before=before))
            run(maintainer, kind, "alice", "192.0.2.1")
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    house.forget_lease()


def drive_and_be_killed_while_it_collects(house: House) -> None:
    drive_and_be_killed(house, 11)
    wait_for(lambda: house.keeper.state().phase is not Phase.HOLDING, "the keeper has read the go")


def runs_and_activities(house: House) -> tuple[int, int]:
    with house.reading() as session:
        found = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Run, Activity)]
    return found[0], found[1]


@pytest.mark.parametrize("at", list(COMMITS), ids=list(COMMITS.values()))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_whose_process_is_killed_ends_as_it_truly_ended(house: House, gone: Built, at: int, before: bool) -> None:
    house.speed = 10
    had_go = at >= FIRST_AFTER_GO
    drive_and_be_killed(house, at, before=before)
    if had_go:
        wait_for(lambda: house.keeper.state().phase is not Phase.HOLDING, "the keeper has read the go")

    end_interrupted_runs(house.maintainer)

    assert_read_write(house)
    has_run = at > FIRST_WITH_A_RUN or (at == FIRST_WITH_A_RUN and not before)
    assert runs_and_activities(house) == (has_run, has_run)
    assert house.has(gone) is not had_go
    if not has_run:
        return
    row = house.the_run()
    assert row.outcome == (RunOutcome.SUCCEEDED if had_go else RunOutcome.INTERRUPTED)
    assert row.reason == ("" if had_go else "Holystone was interrupted.")
    assert house.activity_of(row).outcome == (Outcome.DONE if had_go else Outcome.FAILED)
    assert all(step.state != StepState.NOW and step.finished_at for step in row.steps)
    assert house.registry_state().mode == RegistryMode.READ_WRITE
    if not had_go:
        assert_nothing_was_collected(house, row)


def test_a_run_that_was_ended_is_not_ended_again(house: House, gone: Built) -> None:
    drive_and_be_killed_while_it_collects(house)
    end_interrupted_runs(house.maintainer)
    first = house.the_run()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().finished_at == first.finished_at
    assert len(house.the_run().steps) == len(first.steps)


def test_what_the_collector_printed_is_kept_without_the_process_that_asked_for_it(house: House, gone: Built) -> None:
    drive_and_be_killed_while_it_collects(house)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.blobs, row.bytes_freed) == (3, None)  # nobody knows any more how much there was before
    assert row.output
    assert row.seconds_without_push


def test_a_collection_that_is_under_way_goes_on_to_its_end(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "garbage-collect")
    drive_and_be_killed_while_it_collects(house)
    with pytest.raises(RunUnderWay):  # a new run would take the place of the old one's result
        run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")
    hold.unlink()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)
    assert_read_write(house)


def test_a_dry_run_whose_process_is_killed_ends_as_it_truly_ended(house: House, gone: Built) -> None:
    drive_and_be_killed(house, 7, kind=RunKind.DRY_RUN)
    house.keeper.result(house.the_run().token)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 3)
    assert house.has(gone)


def test_a_dry_run_that_nobody_waits_for_is_ended(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "garbage-collect")
    drive_and_be_killed(house, 7, kind=RunKind.DRY_RUN)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.blobs, row.seconds_without_push) == (RunOutcome.INTERRUPTED, None, None)
    assert_read_write(house)


def test_the_keepers_own_failure_is_told_by_whoever_looks_it_up(house: House, gone: Built) -> None:
    house.keeper.tell("fail", "garbage-collect")
    drive_and_be_killed_while_it_collects(house)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, "exit code 3" in row.reason) == (RunOutcome.FAILED, True)


def test_a_run_is_interrupted_where_keeper_and_dashboard_were_both_killed(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "garbage-collect")
    drive_and_be_killed_while_it_collects(house)
    house.keeper.kill()
    house.keeper.start()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.INTERRUPTED
    assert_read_write(house)


def test_a_run_ends_also_where_no_keeper_is_set_any_more(house: House, gone: Built) -> None:
    drive_and_be_killed(house, 8)
    end_interrupted_runs(replace(house.maintainer, folder=None))
    row = house.the_run()
    assert (row.outcome, "No keeper is set any more" in row.reason) == (RunOutcome.INTERRUPTED, True)


def test_a_run_whose_process_lives_is_left_alone(house: House, gone: Built) -> None:
    house.at[StepName.PROVE_READ_ONLY] = lambda: end_interrupted_runs(replace(house.maintainer))
    row = house.run()
    assert (row.outcome, len(row.steps)) == (RunOutcome.SUCCEEDED, len(StepName))


def test_a_run_can_begin_after_an_interrupted_one(house: House, gone: Built) -> None:
    drive_and_be_killed(house, 6)
    end_interrupted_runs(house.maintainer)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)


def test_a_killed_process_leaves_every_kept_tag_pullable(house: House, gone: Built, tmp_path: Path) -> None:
    drive_and_be_killed(house, 10, before=True)
    end_interrupted_runs(house.maintainer)
    pull(house, "team/api:kept", tmp_path / "pulled")
