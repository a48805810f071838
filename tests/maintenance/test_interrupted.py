"""kill -9 of the process that drives a run, at each of its commits: the next one ends the run as it truly ended."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from demo.build import Built
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    open_records,
    proof_of,
    pull,
)
from tests.maintenance.kill_points import Point, killing, watched
from tests.runtime.keeper_process import wait_for
from webapp.activities.models import Activity, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.models import Run, RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import RunUnderWay, run
from webapp.maintenance.states import STEPS
from webapp.runtime.orders import Phase

AFTER_GO = [StepName.COLLECT, StepName.PROVE_READ_WRITE, "end"]
OF_A_RUN = {
    "lease": 1,
    "run": 1,
    StepName.PREFLIGHT: 3,  # begins, the first look is over, done
    StepName.DRY_RUN: 4,  # begins, what was printed, what it means, done
    StepName.COMPARE: 4,  # begins, the look is over, how many tags there are, done
    StepName.QUIET: 2,
    StepName.ORDER: 4,  # begins, when it was ordered, the registry is read-only, done
    StepName.PROVE_READ_ONLY: 3,  # begins, no removal is open, done
    StepName.COLLECT: 2,
    StepName.PROVE_READ_WRITE: 3,  # begins, the registry is read-write, done
    "end": 2,  # the run is over, the lease is given back
}
"""How many transactions a run commits, step by step."""

RUN_IS_WRITTEN = Point("run")
GO_IS_WRITTEN = Point(StepName.PROVE_READ_ONLY, OF_A_RUN[StepName.PROVE_READ_ONLY])
COLLECTS = Point(StepName.COLLECT)
HOLDS = [Point(StepName.ORDER, 3), Point(StepName.ORDER, 4), *[Point(StepName.PROVE_READ_ONLY, n) for n in (1, 2)]]
"""The registry has stepped aside, and nobody has let the collector start: whoever takes the run up proves and goes on."""

OF_THE_RUN = [Point(within, place) for within, count in OF_A_RUN.items() for place in range(1, count + 1)]
OF_A_SYNC = [Point(within, place, True) for within in (StepName.PREFLIGHT, StepName.COMPARE) for place in (1, 4)]


def drive_and_be_killed(house: House, at: Point, *, before: bool = False, kind: RunKind = RunKind.COLLECT) -> None:
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
    drive_and_be_killed(house, COLLECTS)
    wait_for(lambda: house.keeper.state().phase is not Phase.HOLDING, "the keeper has read the go")


def runs_and_activities(house: House) -> tuple[int, int]:
    with house.reading() as session:
        found = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Run, Activity)]
    return found[0], found[1]


def test_these_are_all_commits_of_a_run(house: House, gone: Built) -> None:
    seen: list[Point] = []

    def note(point: Point, is_committed: bool) -> None:
        if is_committed:
            seen.append(point)

    maintainer = replace(house.maintainer, writing=watched(house.maintainer.writing, note))
    run(maintainer, RunKind.COLLECT, "alice", "192.0.2.1")
    assert [point for point in seen if not point.is_sync] == OF_THE_RUN
    assert set(OF_A_SYNC) <= set(seen)


@pytest.mark.parametrize("at", [*OF_THE_RUN, *OF_A_SYNC], ids=str)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_whose_process_is_killed_ends_as_it_truly_ended(
    house: House, gone: Built, at: Point, before: bool
) -> None:
    house.speed = 10
    had_go = at == GO_IS_WRITTEN or at.within in AFTER_GO
    has_collected = had_go or at in HOLDS
    drive_and_be_killed(house, at, before=before)
    if had_go:
        wait_for(lambda: house.keeper.state().phase is not Phase.HOLDING, "the keeper has read the go")

    end_interrupted_runs(house.maintainer)

    assert_read_write(house)
    has_run = at.within != "lease" and not (at == RUN_IS_WRITTEN and before)
    assert runs_and_activities(house) == (has_run, has_run)
    assert house.has(gone) is not has_collected
    if not has_run:
        return
    row = house.the_run()
    assert row.outcome == (RunOutcome.SUCCEEDED if has_collected else RunOutcome.INTERRUPTED)
    assert row.reason.startswith("" if has_collected else "Holystone was interrupted.")
    assert bool(row.reason) is not has_collected
    assert house.activity_of(row).outcome == (Outcome.DONE if has_collected else Outcome.FAILED)
    assert all(step.state != StepState.NOW and step.finished_at for step in row.steps)
    names = [step.name for step in row.steps]
    assert names == [name for name in StepName if name in names], "a step that was left is begun anew, not twice"
    if not has_collected:
        assert_nothing_was_collected(house, row)
    elif not had_go:  # all that follows is proved and measured by whoever took it up
        assert names == [each.name for each in STEPS[RunKind.COLLECT]]
        assert "write methods were refused. team/api:kept pulls" in proof_of(row, StepName.PROVE_READ_ONLY)
        assert row.bytes_freed
    if at.within not in ("run", StepName.PREFLIGHT):
        assert house.registry_state().mode == RegistryMode.READ_WRITE


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
    hold = house.keeper.tell("hold", "collect")
    drive_and_be_killed_while_it_collects(house)
    with pytest.raises(RunUnderWay):  # a new run would take the place of the old one's result
        run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")
    hold.unlink()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_dry_run_that_nobody_waits_for_is_ended(house: House, gone: Built, kind: RunKind) -> None:
    hold = house.keeper.tell("hold", "dry-run")
    house.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            run(house.maintainer, kind, "alice", "192.0.2.1")
        finally:
            os._exit(1)
    wait_for(lambda: bool(house.keeper.processes("dry-run")), "the dry run has begun")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    house.forget_lease()
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.blobs, row.seconds_without_push) == (RunOutcome.INTERRUPTED, None, None)
    wait_for(lambda: not house.keeper.processes("dry-run"), "the dry run is ended")
    assert hold.exists()
    assert_read_write(house)


def test_the_keepers_own_failure_is_told_by_whoever_looks_it_up(house: House, gone: Built) -> None:
    house.keeper.tell("fail", "collect")
    drive_and_be_killed_while_it_collects(house)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, "exit code 3" in row.reason) == (RunOutcome.FAILED, True)


def test_a_run_is_interrupted_where_keeper_and_dashboard_were_both_killed(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "collect")
    drive_and_be_killed_while_it_collects(house)
    house.keeper.kill()
    house.keeper.start()
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.INTERRUPTED
    assert_read_write(house)


def test_a_run_ends_also_where_no_keeper_is_set_any_more(house: House, gone: Built) -> None:
    drive_and_be_killed(house, Point(StepName.PROVE_READ_ONLY))
    end_interrupted_runs(replace(house.maintainer, folder=None))
    row = house.the_run()
    assert (row.outcome, "No keeper is set any more" in row.reason) == (RunOutcome.INTERRUPTED, True)


def test_a_run_whose_process_lives_is_left_alone(house: House, gone: Built) -> None:
    house.at[StepName.PROVE_READ_ONLY] = lambda: end_interrupted_runs(replace(house.maintainer))
    row = house.run()
    assert (row.outcome, len(row.steps)) == (RunOutcome.SUCCEEDED, len(STEPS[RunKind.COLLECT]))


def test_a_run_can_begin_after_an_interrupted_one(house: House, gone: Built) -> None:
    drive_and_be_killed(house, Point(StepName.ORDER, 3))
    end_interrupted_runs(house.maintainer)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)


def test_a_killed_process_leaves_every_kept_tag_pullable(house: House, gone: Built, tmp_path: Path) -> None:
    drive_and_be_killed(house, GO_IS_WRITTEN, before=True)
    end_interrupted_runs(house.maintainer)
    pull(house, "team/api:kept", tmp_path / "pulled")
