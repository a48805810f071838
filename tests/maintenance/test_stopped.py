"""Stop, at any moment: what is gone is gone, nothing else goes, and the registry is read-write."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, in_background
from tests.runtime.keeper_process import wait_for
from webapp.activities.models import Outcome
from webapp.database import writing_to
from webapp.maintenance.models import RunKind, RunOutcome, StepName
from webapp.maintenance.records import ask_to_stop
from webapp.maintenance.run import cancel


def stop(house: House) -> None:
    """What the button does."""
    row = house.the_run()
    with writing_to(house.engine)() as session:
        assert ask_to_stop(session, row.id, "bob")
    cancel(house.keeper.folder, row.token)


def only_say_so(house: House) -> None:
    """What the button does where the keeper's folder cannot be written to."""
    with writing_to(house.engine)() as session:
        assert ask_to_stop(session, house.the_run().id, "bob")


EARLY = [StepName.PREFLIGHT, StepName.DRY_RUN, StepName.COMPARE, StepName.QUIET]


@pytest.mark.parametrize("name", EARLY)
def test_a_run_that_is_stopped_before_its_order_has_changed_nothing(house: House, gone: Built, name: StepName) -> None:
    writer = house.keeper.pid_of("writer")
    house.at[name] = lambda: stop(house)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it before anything was changed.")
    assert house.activity_of(row).outcome == Outcome.FAILED
    assert house.keeper.pid_of("writer") == writer
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_dry_run_that_is_stopped_is_ended_at_once(house: House, gone: Built, kind: RunKind) -> None:
    house.keeper.tell("hold", "dry-run")

    def stop_later() -> None:
        wait_for(lambda: bool(house.keeper.processes("dry-run")), "the dry run has begun")
        stop(house)

    house.at[StepName.DRY_RUN] = lambda: in_background(stop_later)
    row = house.run(kind)
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it before anything was changed.")
    wait_for(lambda: not house.keeper.processes("dry-run"), "the dry run is ended")
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_stop_that_is_written_over_the_end_of_the_dry_run_does_not_keep_it_going(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button says so in the records first: the run may hear of it, and cancel its dry run, before the button does."""
    house.keeper.tell("hold", "dry-run")
    overwritten: list[str] = []

    def cancel_and_be_late(folder: Path, token: str) -> None:
        os.kill(house.keeper.pid, signal.SIGSTOP)
        cancel(folder, token)
        if not overwritten:
            cancel(folder, house.the_run().token)
        overwritten.append(token)
        os.kill(house.keeper.pid, signal.SIGCONT)

    monkeypatch.setattr("webapp.maintenance.rehearsal.cancel", cancel_and_be_late)
    house.at[StepName.DRY_RUN] = lambda: in_background(
        lambda: (wait_for(lambda: bool(house.keeper.processes("dry-run")), "it has begun"), only_say_so(house))
    )
    assert house.run().outcome == RunOutcome.STOPPED
    assert overwritten
    wait_for(lambda: not house.keeper.processes("dry-run"), "the dry run is ended")
    assert_read_write(house)


@pytest.mark.parametrize("how", [stop, only_say_so])
@pytest.mark.parametrize("name", [StepName.ORDER, StepName.PROVE_READ_ONLY])
def test_a_run_that_is_stopped_before_its_go_has_deleted_nothing(
    house: House, gone: Built, name: StepName, how: Callable[[House], None]
) -> None:
    house.at[name] = lambda: how(house)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it before anything was deleted.")
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_collection_that_is_stopped_says_so(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "collect")

    def stop_later() -> None:
        wait_for(lambda: bool(house.keeper.processes("collector")), "the collector has begun")
        stop(house)

    house.at[StepName.COLLECT] = lambda: in_background(stop_later)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it. What is gone is gone.")
    assert house.activity_of(row).reason == row.reason
    assert row.bytes_freed == 0
    assert house.has(gone)
    assert_read_write(house)


def test_a_collection_that_was_through_before_stop_was_heard_has_succeeded(house: House, gone: Built) -> None:
    house.at[StepName.PROVE_READ_WRITE] = lambda: stop(house)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.SUCCEEDED, "")
    assert not house.has(gone)
    assert_read_write(house)


def test_an_order_that_somebody_else_cancels_ends_the_run(house: House, gone: Built) -> None:
    house.keeper.tell("hold", "collect")
    house.at[StepName.COLLECT] = lambda: cancel(house.keeper.folder, house.the_run().token)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "The order was cancelled.")
    assert house.has(gone)
    assert_read_write(house)
