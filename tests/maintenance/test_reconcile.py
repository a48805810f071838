"""Records, keeper and mode, brought together every ten seconds; and what is done where the records cannot be read."""

from __future__ import annotations

from dataclasses import replace

from demo.build import Built
from tests.maintenance.house import House, assert_read_write
from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.models import StepName
from webapp.maintenance.reconcile import PATIENCE_S, UNEXPLAINED, Unreadable, reconcile
from webapp.runtime.orders import Ended, Kind, Phase


def break_records(house: House) -> None:
    house.execute("ALTER TABLE runs RENAME TO gone")


def test_a_registry_that_is_read_only_without_run_or_hold_is_reported(house: House, gone: Built) -> None:
    reconcile(house.maintainer, Unreadable())
    assert house.registry_state().mode == RegistryMode.READ_WRITE
    token = house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    reconcile(house.maintainer, Unreadable())
    state = house.registry_state()
    assert (state.mode, state.mode_sentence) == (RegistryMode.READ_ONLY, UNEXPLAINED)
    check_registry(house.maintainer.catalogue)
    assert house.registry_state().mode_sentence == UNEXPLAINED, "who asks every minute knows no better"
    house.keeper.go(token)
    house.keeper.result(token)
    assert_read_write(house)
    reconcile(house.maintainer, Unreadable())
    assert (house.registry_state().mode, house.registry_state().mode_sentence) == (RegistryMode.READ_WRITE, "")


def test_a_run_under_way_is_not_reported(house: House, gone: Built) -> None:
    seen = []

    def look() -> None:
        reconcile(house.maintainer, Unreadable())
        seen.append(house.registry_state().mode_sentence)

    house.at[StepName.PROVE_READ_ONLY] = look
    house.run()
    assert seen == ["Space is being freed."]


def test_a_registry_that_is_away_is_noted(house: House) -> None:
    house.client_url = "http://127.0.0.1:9"
    reconcile(house.maintainer, Unreadable())
    assert house.registry_state().mode == RegistryMode.UNREACHABLE


def test_without_records_nothing_is_done_for_five_minutes_and_then_what_waits_is_cancelled(
    house: House, gone: Built
) -> None:
    token = house.keeper.order(Kind.COLLECT, go_s=60.0)
    house.keeper.wait_for_phase(Phase.HOLDING)
    break_records(house)
    clock, unreadable = [1000.0], Unreadable()
    maintainer = replace(house.maintainer, monotonic=lambda: clock[0])
    reconcile(maintainer, unreadable)
    clock[0] += PATIENCE_S - 1
    reconcile(maintainer, unreadable)
    assert house.keeper.state().phase is Phase.HOLDING
    clock[0] += 2
    reconcile(maintainer, unreadable)
    assert house.keeper.result(token).ended == Ended.CANCELLED
    assert_read_write(house)


def test_without_records_a_collection_goes_on_to_its_end(house: House, gone: Built) -> None:
    hold = house.keeper.tell("hold", "collect")
    token = house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    house.keeper.go(token)
    house.keeper.wait_for_phase(Phase.COLLECTING)
    break_records(house)
    maintainer = replace(house.maintainer, monotonic=lambda: 10_000.0)
    reconcile(maintainer, Unreadable(since_s=0.0))
    hold.unlink()
    assert house.keeper.result(token).ended == Ended.DONE
    assert_read_write(house)


def test_records_that_can_be_read_again_begin_the_patience_anew(house: House) -> None:
    unreadable = Unreadable(since_s=1.0)
    reconcile(house.maintainer, unreadable)
    assert unreadable.since_s is None
