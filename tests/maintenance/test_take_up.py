"""A run whose process is gone is taken up where the keeper is with its order, and only with a fresh proof."""

from __future__ import annotations

import os
import signal

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, open_records, proof_of
from tests.maintenance.kill_points import Point
from tests.maintenance.test_interrupted import drive_and_be_killed
from tests.runtime.keeper_process import wait_for
from tests.runtime.slow_clients import HangingUpload
from webapp.database import writing_to
from webapp.maintenance.models import RunKind, RunOutcome, StepName
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.records import ask_to_stop
from webapp.maintenance.run import run
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Kind, Order, Phase, Reads

BEFORE_PROOF = Point(StepName.PROVE_READ_ONLY)


def drive_until(house: House, phase: Phase) -> None:
    """A run in a process of its own, which is killed as soon as the keeper is that far."""
    house.engine.dispose()  # SQLite's files must not be open across a fork
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            run(house.maintainer, RunKind.COLLECT, "alice", "192.0.2.1")
        finally:
            os._exit(1)
    house.keeper.wait_for_phase(phase)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    house.forget_lease()


def test_an_order_for_which_the_registry_still_drains_is_taken_up(house: House, gone: Built) -> None:
    house.quiet_within_s = 0.0
    with HangingUpload(house.keeper, "team/upload"):
        house.has_store = False  # else the upload would keep the run from beginning
        drive_until(house, Phase.DRAINING)
        end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.reason) == (RunOutcome.SUCCEEDED, "")
    assert "a read-only one answers in its place" in proof_of(row, StepName.ORDER)
    assert not house.has(gone)
    assert_read_write(house)


def test_a_go_that_has_run_out_is_given_anew_after_a_fresh_proof(house: House, gone: Built) -> None:
    drive_and_be_killed(house, BEFORE_PROOF)
    house.keeper.go(house.the_run().token, for_s=-0.001)
    end_interrupted_runs(house.maintainer)
    assert house.the_run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)


def test_without_a_proof_of_its_own_the_heir_gives_no_go(house: House, gone: Built) -> None:
    house.keeper.tell("writable", "reader")
    drive_and_be_killed(house, BEFORE_PROOF)
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, "still takes writes" in row.reason) == (RunOutcome.FAILED, True)
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_one_that_somebody_stopped_is_not_carried_on(house: House, gone: Built) -> None:
    drive_and_be_killed(house, BEFORE_PROOF)
    with writing_to(house.engine)() as session:
        assert ask_to_stop(session, 1, "bob")
    end_interrupted_runs(house.maintainer)
    row = house.the_run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it before anything was deleted.")
    assert house.has(gone)
    assert_read_write(house)


def test_a_run_of_an_old_backup_is_ended_at_once_also_while_the_keeper_has_an_order_that_it_does_not_know(
    house: House, gone: Built
) -> None:
    house.speed = 10
    drive_and_be_killed(house, BEFORE_PROOF)
    row = house.the_run()
    orders.send_cancel(house.keeper.folder, row.token)
    house.keeper.result(row.token)
    token, until = orders.new_token(), orders.boottime_s() + 600
    wait_for(lambda: house.keeper.state().phase is Phase.SERVING, "the keeper serves")
    orders.send_order(house.keeper.folder, Order(token, Kind.HOLD, 900, Reads.SAME, until_boottime_s=until))
    house.keeper.wait_for_phase(Phase.HOLDING)
    (house.keeper.folder / "result").unlink()  # its result is long forgotten

    end_interrupted_runs(house.maintainer)

    assert house.the_run().outcome in (RunOutcome.INTERRUPTED, RunOutcome.FAILED)
    assert house.keeper.state().token == token
    orders.send_cancel(house.keeper.folder, token)
    assert house.keeper.result(token).ended == Ended.CANCELLED
    assert_read_write(house)
