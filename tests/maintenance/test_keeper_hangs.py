"""A keeper that hangs (SIGSTOP) lives and says nothing new: what is waited for has an end, and what is true is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, failed_step, utc_now
from tests.maintenance.test_holds import begin, the_hold, told
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.activities.models import ActivityKind, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.database import writing_to
from webapp.maintenance.hold_records import ask_to_end, broken_hold, not_back_after_hold
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.models import Hold, KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome, StepName, Strategy
from webapp.maintenance.preflight import preflight, what_refuses
from webapp.maintenance.reconcile import NOT_BROUGHT_BACK, Unreadable, end_hold_now, reconcile
from webapp.maintenance.waiting import RESTART, has_order
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Phase

HOLD_S = 6.0
SPEED = 60


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper is known to hang half a second after its hold's end."""
    monkeypatch.setattr("webapp.maintenance.waiting.SILENT_S", 0.5)


def stop_keeper(house: House) -> None:
    os.kill(house.keeper.pid, signal.SIGSTOP)


def let_keeper_go_on(house: House) -> None:
    os.kill(house.keeper.pid, signal.SIGCONT)


def short_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> float:
    """A hold of a few seconds whose keeper is stopped before its end, which it returns: on the keeper's clock."""
    monkeypatch.setattr("webapp.maintenance.holds.SHORTEST_S", 0)
    row = begin(house, HOLD_S / 60)
    stop_keeper(house)
    order = orders.read_order(house.keeper.folder, row.token)
    assert order is not None
    return order.until_boottime_s


def what_is_told(house: House) -> tuple[Hold | None, str]:
    """The hold that is told as broken, and what is told of a registry that did not come back after one."""
    with house.reading() as session:
        return broken_hold(session, utc_now()), not_back_after_hold(session, utc_now())


def seen(house: House) -> KeeperSeen:
    look_at_keeper(house.maintainer)
    with house.reading() as session:
        return session.get_one(KeeperSeen, 1)


def assert_goes_on(house: House) -> None:
    """The keeper continues: the registry is read-write, that is written down, and the next run succeeds."""
    let_keeper_go_on(house)
    assert_read_write(house)
    wait_for(lambda: not has_order(house.keeper.folder), "no order is in hand")
    reconcile(house.maintainer, Unreadable())
    assert (house.registry_state().mode, house.registry_state().mode_sentence) == (RegistryMode.READ_WRITE, "")
    assert what_is_told(house) == (None, "")
    assert seen(house).readiness == KeeperReadiness.READY
    house.speed = 1
    assert house.run().outcome == RunOutcome.SUCCEEDED


def test_a_hold_whose_keeper_hangs_past_its_end_ends_as_what_is_seen(
    house: House, kept: Built, impatience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_s = short_hold(house, monkeypatch)
    reconcile(house.maintainer, Unreadable())
    assert (the_hold(house).outcome, seen(house).readiness) == (None, KeeperReadiness.BUSY)
    wait_for(lambda: orders.boottime_s() > until_s + 1, "the hold should be over")
    assert seen(house).readiness == KeeperReadiness.REFUSED
    assert seen(house).sentence.startswith("The keeper does not answer: it has been holding for ")
    refused = what_refuses(preflight(house.maintainer, house.keeper.folder, Strategy.READ_ONLY))
    assert refused.startswith("The keeper does not answer: it has been holding for ")
    assert refused.endswith(RESTART)
    house.speed = SPEED
    reconcile(house.maintainer, Unreadable())

    row = the_hold(house)
    assert row.outcome == RunOutcome.FAILED
    assert row.reason.startswith("The keeper does not answer: it has been holding for ")
    assert "has not come back read-write: The registry is read-only at present" in row.reason
    assert f"It was read-only from {house.registry_state().mode_since:%H:%M} UTC on." in row.reason
    assert row.reason.endswith(RESTART)
    assert (house.registry_state().mode, house.registry_state().mode_sentence) == (
        RegistryMode.READ_ONLY,
        NOT_BROUGHT_BACK,
    )
    broken, not_back = what_is_told(house)
    assert broken is None, "it lasted until its end, and longer"
    assert not_back.startswith("The hold by alice (backup) was to end at ")
    assert told(house)[-1] == (ActivityKind.HOLD_ENDED, "alice", Outcome.FAILED)
    reconcile(house.maintainer, Unreadable())
    assert the_hold(house).finished_at == row.finished_at
    assert_goes_on(house)
    assert the_hold(house).reason == row.reason


def test_a_hold_that_is_ended_early_while_the_keeper_hangs_is_not_told_as_read_write(house: House, kept: Built) -> None:
    row = begin(house)
    stop_keeper(house)
    house.speed = SPEED
    with writing_to(house.engine)() as session:
        assert ask_to_end(session, row.id, "bob")
    end_hold_now(house.maintainer, house.keeper.folder, row.token)
    assert the_hold(house).outcome == RunOutcome.FAILED
    assert house.registry_state().mode == RegistryMode.READ_ONLY
    broken, not_back = what_is_told(house)
    assert broken is None, "bob knows of it"
    assert ", and bob ended it. The keeper does not answer" in not_back
    assert_goes_on(house)


def test_an_end_that_was_asked_for_by_a_process_that_died_is_seen_to(house: House) -> None:
    row = begin(house)
    with writing_to(house.engine)() as session:
        assert ask_to_end(session, row.id, "bob")
    reconcile(house.maintainer, Unreadable())
    assert (the_hold(house).outcome, the_hold(house).reason) == (RunOutcome.STOPPED, "bob ended it early.")
    assert_read_write(house)


def test_a_hold_that_comes_to_its_end_in_the_moment_of_a_look_went_well(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_s = short_hold(house, monkeypatch)
    wait_for(lambda: orders.boottime_s() > until_s, "the hold should be over")
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(reconcile, house.maintainer, Unreadable())
        let_keeper_go_on(house)
        looking.result()
    assert (the_hold(house).outcome, the_hold(house).reason) == (RunOutcome.SUCCEEDED, "")
    assert_read_write(house)


def run_and_hang(house: House, phase: Phase, before: Callable[[], object] = lambda: None) -> Run:
    """A run whose keeper is stopped as soon as it is in that phase, and `before` was done."""

    def hang() -> None:
        house.keeper.wait_for_phase(phase)
        stop_keeper(house)

    house.speed = SPEED
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.run)
        before()
        hang()
        return running.result()


def test_a_run_whose_keeper_hangs_while_it_returns_ends_with_what_is_true(house: House, gone: Built) -> None:
    collector = house.keeper.tell("hold", "collect")
    writer = house.keeper.control / "hold writer"

    def let_it_collect() -> None:
        house.keeper.wait_for_phase(Phase.COLLECTING)
        writer.touch()
        collector.unlink()

    row = run_and_hang(house, Phase.RETURNING, let_it_collect)
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COLLECT)
    assert row.reason.startswith("The keeper does not answer: it has been returning for ")
    assert "has not come back read-write: The registry cannot be reached" in row.reason
    assert f"It was unreachable from {house.registry_state().mode_since:%H:%M} UTC on." in row.reason
    assert row.reason.endswith(RESTART)
    assert house.registry_state().mode == RegistryMode.UNREACHABLE
    assert not house.has(gone)
    reconcile(house.maintainer, Unreadable())
    writer.unlink()
    assert_goes_on(house)
    assert house.row(row.id).reason == row.reason


def test_a_run_whose_keeper_hangs_while_the_registry_drains_does_not_wait_for_its_longest_time(
    house: House, gone: Built
) -> None:
    house.longest_s = 86400
    held_back = house.keeper.tell("hold", "reader")
    row = run_and_hang(house, Phase.DRAINING)
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.ORDER)
    assert row.reason.startswith("The keeper does not answer: it has been draining for ")
    held_back.unlink()
    let_keeper_go_on(house)
    assert house.keeper.result(row.token).ended == Ended.CANCELLED
    assert_nothing_was_collected(house, house.row(row.id))
    assert_goes_on(house)


def test_a_run_whose_keeper_hangs_before_the_go_collects_nothing_also_when_it_goes_on(
    house: House, gone: Built
) -> None:
    house.speed = SPEED
    house.at[StepName.PROVE_READ_ONLY] = lambda: stop_keeper(house)
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COLLECT)
    assert row.reason.startswith("The keeper does not answer: it has been holding for ")
    assert house.registry_state().mode == RegistryMode.READ_ONLY
    reconcile(house.maintainer, Unreadable())
    assert house.registry_state().mode_sentence == NOT_BROUGHT_BACK
    let_keeper_go_on(house)
    assert house.keeper.result(row.token).ended == Ended.CANCELLED
    assert_nothing_was_collected(house, house.row(row.id))
    assert_goes_on(house)
    assert not house.has(gone)


def test_a_run_whose_keeper_hangs_while_it_collects_ends_after_its_longest_time(house: House, gone: Built) -> None:
    house.longest_s = 20
    held_back = house.keeper.tell("hold", "collect")
    row = run_and_hang(house, Phase.COLLECTING)
    assert row.reason.startswith("The keeper does not answer: it has been collecting for ")
    assert house.registry_state().mode == RegistryMode.READ_ONLY
    assert house.has(gone)
    held_back.unlink()
    assert_goes_on(house)


def test_an_order_that_a_keeper_does_not_take_is_called_off(house: House, gone: Built) -> None:
    house.speed = SPEED
    stop_keeper(house)
    row = house.run(RunKind.DRY_RUN)
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.DRY_RUN)
    assert "The keeper does not answer: it has not taken the order." in row.reason
    assert accepts_writes(house.keeper.url)
    let_keeper_go_on(house)
    wait_for(lambda: not has_order(house.keeper.folder), "the keeper has answered it")
    assert house.keeper.started("dry-run") == 0
    assert_goes_on(house)
