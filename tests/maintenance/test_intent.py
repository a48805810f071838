"""Law 2: a step is a row before it is taken; where the row cannot be written, the act does not happen."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write
from webapp.maintenance.models import Run, RunKind, RunOutcome, RunStep, StepName, StepState
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.states import STEPS
from webapp.runtime.orders import Phase


def refuse(house: House, table: str, when: str = "1") -> None:
    """As if the disk was full for these rows."""
    house.execute(
        f"CREATE TRIGGER refused BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )


def test_a_run_that_cannot_be_written_down_does_not_begin(house: House, gone: Built) -> None:
    refuse(house, "runs")
    with pytest.raises(DBAPIError, match="no room"):
        house.run()
    with house.reading() as session:
        assert session.scalars(select(Run)).all() == []
    assert not (house.keeper.folder / "result").exists()
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_an_activity_that_cannot_be_written_down_keeps_the_run_from_beginning(
    house: House, gone: Built, kind: RunKind
) -> None:
    refuse(house, "activities")
    with pytest.raises(DBAPIError, match="no room"):
        house.run(kind)
    assert not (house.keeper.folder / "result").exists()
    assert_read_write(house)


def test_a_dry_run_that_cannot_be_written_down_is_not_ordered(house: House, gone: Built) -> None:
    refuse(house, "run_steps", "NEW.name = 'dry-run'")
    with pytest.raises(DBAPIError, match="no room"):
        house.run()
    assert house.keeper.started("dry-run") == 0
    assert not list(house.keeper.folder.glob("order*"))


def test_an_order_that_cannot_be_written_down_is_not_sent(house: House, gone: Built) -> None:
    writer = house.keeper.pid_of("writer")
    refuse(house, "run_steps", "NEW.name = 'order'")
    with pytest.raises(DBAPIError, match="no room"):
        house.run()
    assert house.keeper.pid_of("writer") == writer
    assert house.result(house.the_run()) is None
    assert not list(house.keeper.folder.glob("order*"))


def test_a_proof_that_cannot_be_written_down_gives_no_go(house: House, gone: Built) -> None:
    refuse(house, "run_steps", "NEW.name = 'prove-read-only'")
    with pytest.raises(DBAPIError, match="no room"):
        house.run()
    assert_read_write(house)
    row = house.the_run()
    result = house.keeper.result(row.token)
    assert Phase.HOLDING in result.began
    assert result.ended == "cancelled"  # at once, and not when the time for a go is over
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    house.execute("DROP TRIGGER refused")
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.INTERRUPTED


def test_records_that_fail_after_the_go_do_not_keep_the_registry_read_only(house: House, gone: Built) -> None:
    refuse(house, "run_steps", "NEW.name = 'collect'")
    with pytest.raises(DBAPIError, match="no room"):
        house.run()
    house.keeper.result(house.the_run().token)
    assert_read_write(house)


@pytest.mark.parametrize("name", [each.name for each in STEPS[RunKind.COLLECT]])
def test_each_step_is_a_row_before_it_is_taken(house: House, gone: Built, name: StepName) -> None:
    phases: list[Phase] = []
    house.at[name] = lambda: phases.append(house.keeper.state().phase)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    expected = {
        StepName.PREFLIGHT: {Phase.SERVING},
        StepName.DRY_RUN: {Phase.SERVING},
        StepName.COMPARE: {Phase.SERVING},
        StepName.QUIET: {Phase.SERVING},
        StepName.ORDER: {Phase.SERVING},
        StepName.PROVE_READ_ONLY: {Phase.HOLDING},
        StepName.PROVE_READ_WRITE: {Phase.SERVING},
    }
    assert len(phases) == 1
    assert phases[0] in expected.get(name, set(Phase))


def test_a_step_that_is_taken_says_now(house: House, gone: Built) -> None:
    seen: list[tuple[StepName, StepState]] = []

    def look() -> None:
        with house.reading() as session:
            rows = session.execute(select(RunStep.name, RunStep.state).order_by(RunStep.position))
            seen.extend((row.name, row.state) for row in rows)

    house.at[StepName.PROVE_READ_ONLY] = look
    house.run()
    before = [StepName.PREFLIGHT, StepName.DRY_RUN, StepName.COMPARE, StepName.QUIET, StepName.ORDER]
    assert seen == [*((name, StepState.DONE) for name in before), (StepName.PROVE_READ_ONLY, StepState.NOW)]
