"""What keeps a run from beginning, or from its 'go': each said in a sentence, nothing collected, read-write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, utc_now
from webapp.activities.models import Outcome
from webapp.catalogue.models import RegistryState
from webapp.maintenance.models import RunKind, RunOutcome, StepName, StepState
from webapp.removal.models import Removal, RemovalState
from webapp.runtime.orders import Kind, Phase


def a_removal(state: RemovalState) -> Removal:
    return Removal(
        request_key=f"key of {state}",
        started_at=utc_now(),
        actor="alice",
        place="192.0.2.1",
        repository="team/api",
        fingerprint="",
        state=state,
        fencing_token=1,
    )


@pytest.mark.parametrize("state", [RemovalState.OPEN, RemovalState.UNKNOWN])
def test_a_removal_without_an_end_keeps_a_run_from_beginning(house: House, gone: Built, state: RemovalState) -> None:
    house.add(a_removal(state))
    row = house.run()
    assert (row.outcome, "removal is under way" in row.reason) == (RunOutcome.SKIPPED, True)
    assert house.activity_of(row).outcome == Outcome.KEPT
    assert_nothing_was_collected(house, row)
    assert house.keeper.pid_of("writer")
    assert_read_write(house)


@pytest.mark.parametrize("state", [RemovalState.OPEN, RemovalState.UNKNOWN])
def test_a_removal_that_begins_meanwhile_keeps_the_go_back(house: House, gone: Built, state: RemovalState) -> None:
    house.at[StepName.PROVE_READ_ONLY] = lambda: house.add(a_removal(state))
    row = house.run()
    assert (row.outcome, "A removal began meanwhile" in row.reason) == (RunOutcome.FAILED, True)
    assert house.activity_of(row).reason == row.reason
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("state", [RemovalState.DONE, RemovalState.PARTLY, RemovalState.FAILED])
def test_a_removal_that_has_ended_is_no_obstacle(house: House, gone: Built, state: RemovalState) -> None:
    house.add(a_removal(state))
    assert house.run().outcome == RunOutcome.SUCCEEDED


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_catalogue_in_doubt_keeps_a_run_from_beginning(house: House, gone: Built, kind: RunKind) -> None:
    house.add(RegistryState(id=1, doubt="All repositories have vanished."))
    row = house.run(kind)
    assert row.outcome == RunOutcome.SKIPPED
    assert row.reason.startswith("All repositories have vanished.")
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_keeper_that_is_gone_keeps_a_run_from_beginning(house: House, gone: Built) -> None:
    house.keeper.kill()
    row = house.run()
    assert (row.outcome, "No keeper is running" in row.reason) == (RunOutcome.SKIPPED, True)


def test_a_keeper_of_another_start_of_the_machine_is_not_asked(house: House, gone: Built) -> None:
    state = json.loads((house.keeper.folder / "state").read_text())
    house.keeper.put("state", {**state, "boot_id": "another"})
    row = house.run()
    assert (row.outcome, "another kernel" in row.reason) == (RunOutcome.SKIPPED, True)
    assert not (house.keeper.folder / "order").exists()


def test_a_keeper_that_cannot_be_understood_is_not_asked(house: House, gone: Built) -> None:
    house.keeper.put("state", "no JSON")
    row = house.run()
    assert (row.outcome, "cannot be read" in row.reason) == (RunOutcome.SKIPPED, True)


def test_a_keeper_that_is_busy_is_not_asked(house: House, gone: Built) -> None:
    token = house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    row = house.run()
    assert (row.outcome, "holding" in row.reason) == (RunOutcome.SKIPPED, True)
    house.keeper.put("cancel", {"token": token})
    house.keeper.result(token)
    assert_read_write(house)


def test_a_keeper_that_became_busy_has_not_got_the_order(house: House, gone: Built) -> None:
    def order_first() -> None:
        house.keeper.order(Kind.COLLECT, go_s=1)
        house.keeper.wait_for_phase(Phase.HOLDING)

    house.at[StepName.ORDER] = order_first
    row = house.run()
    assert (row.outcome, "holding" in row.reason) == (RunOutcome.FAILED, True)
    assert house.result(row) is None
    assert_read_write(house)


def full(folder: Path, *names: str) -> None:
    """As if the disk was full when these files are written."""
    for name in names:
        (folder / f"{name}.new").symlink_to("/dev/full")


@pytest.mark.parametrize("name", [StepName.DRY_RUN, StepName.ORDER])
def test_a_full_folder_takes_no_order(house: House, gone: Built, name: StepName) -> None:
    house.at[name] = lambda: full(house.keeper.folder, "order")
    row = house.run()
    assert row.outcome == RunOutcome.FAILED
    assert "No space left on device" in row.reason
    assert (row.steps[-1].name, row.steps[-1].state) == (name, StepState.FAILED)
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_folder_that_fills_up_takes_no_go(house: House, gone: Built) -> None:
    full(house.keeper.folder, "go")
    row = house.run()
    assert (row.outcome, "No space left on device" in row.reason) == (RunOutcome.FAILED, True)
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_without_go_and_without_cancel_the_registry_comes_back(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.maintenance.steps.GO_S", 0.5)
    full(house.keeper.folder, "go", "cancel")
    row = house.run()
    assert (row.outcome, "No space left on device" in row.reason) == (RunOutcome.FAILED, True)
    assert_nothing_was_collected(house, row)
    assert_read_write(house)
