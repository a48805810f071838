"""kill -9 and SIGSTOP of the dashboard, of the keeper, of everything: at a commit, or in a phase of the keeper's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import pytest

from tests.faults.recovery import recover
from tests.faults.scene import Fault, Scene
from tests.maintenance.house import House, open_records
from tests.maintenance.kill_points import Point
from tests.maintenance.test_interrupted import drive_and_be_killed
from tests.maintenance.test_paused import all_rows, drive_until_paused, go_on
from tests.runtime.keeper_process import wait_for
from webapp.leases import held
from webapp.maintenance.models import RunKind, StepName
from webapp.maintenance.run import RunUnderWay, run
from webapp.runtime.orders import Phase

SHORT_GO_S = 2.0
SHORT_LEASE_S = 1.0
LONGEST_S = 2.0
DONE, UNDER_WAY = 0, 17


def killed_at(at: Point, *, before: bool = False) -> Fault:
    """kill -9 of the dashboard right after (or before) it commits that."""
    return lambda scene: drive_and_be_killed(scene.house, at, before=before)


def killed_in(phase: Phase, hold: str) -> Fault:
    """kill -9 of the dashboard while the keeper is in that phase, in which it waits for the role `hold`."""

    def inject(scene: Scene) -> None:
        held_back = scene.house.keeper.tell("hold", hold)
        drive_and_kill_in(scene.house, phase)
        held_back.unlink()

    return inject


def killed_and_the_collector_hangs(scene: Scene) -> None:
    """kill -9 of the dashboard, and the collector does not come to its end either."""
    scene.house.longest_s = LONGEST_S
    scene.mend.callback(scene.house.keeper.tell("hold", "collect").unlink)
    drive_and_kill_in(scene.house, Phase.COLLECTING)


def killed_for_good(scene: Scene) -> None:
    """kill -9 of the dashboard before its 'go', and nobody starts it again for long."""
    scene.undo.enter_context(patch("webapp.maintenance.steps.GO_S", SHORT_GO_S))
    drive_and_be_killed(scene.house, Point(StepName.PROVE_READ_ONLY, 2))


def machine_restarts(scene: Scene) -> None:
    """kill -9 of everything in mid-collection; then a keeper starts, and the leases are of another start."""
    held_back = scene.house.keeper.tell("hold", "collect")
    drive_and_kill_in(scene.house, Phase.COLLECTING)
    scene.house.keeper.kill()
    held_back.unlink()
    scene.house.execute("UPDATE leases SET boot_id = 'of the start before'")
    scene.house.keeper.start()


def machine_sleeps(scene: Scene) -> None:
    """SIGSTOP of everything, the dashboard included, for longer than the keeper waits for a 'go'; then SIGCONT."""
    scene.undo.enter_context(patch("webapp.maintenance.steps.GO_S", SHORT_GO_S))
    keeper = scene.house.keeper
    child = drive_until_paused(scene.house, StepName.PROVE_READ_ONLY)
    others = [keeper.pid, *(each.pid for each in keeper.processes())]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + SHORT_GO_S
    wait_for(lambda: time.monotonic() > until, "it has slept for long enough")
    for pid in others:
        os.kill(pid, signal.SIGCONT)
    go_on(child)


def paused_beyond_its_lease(scene: Scene) -> None:
    """SIGSTOP of a dashboard before its 'go' until its lease has run out and another has ended its run; SIGCONT."""
    house = scene.house
    with patch("webapp.maintenance.run.held", partial(held, length_s=SHORT_LEASE_S)):
        child = drive_until_paused(house, StepName.PROVE_READ_ONLY)

    def is_ended_by_another() -> bool:
        recover(house)
        return house.the_run().outcome is not None

    wait_for(is_ended_by_another, "the lease has run out")
    token = house.keeper.order(go_s=SHORT_GO_S)  # somebody else's, which must not get the go of the one that slept
    house.keeper.wait_for_phase(Phase.HOLDING)
    before = all_rows(house)
    go_on(child)
    assert all_rows(house) == before
    assert house.keeper.result(token).ended == "expired"


def two_at_once(scene: Scene) -> None:
    """Two dashboards begin a run at the same moment: there is one run, and the other is told so."""
    children = [in_another_process(scene.house, lambda: one_run(scene.house)) for _ in range(2)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [DONE, UNDER_WAY]


def assert_refused(house: House) -> None:
    """Another run may not begin."""
    with pytest.raises(RunUnderWay):
        run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")


def one_run(house: House) -> int:
    """A run by alice, and a process's exit code for it."""
    try:
        run(house.maintainer, RunKind.COLLECT, "alice", "192.0.2.1")
    except RunUnderWay:
        return UNDER_WAY
    return DONE


def drive_and_kill_in(house: House, phase: Phase) -> None:
    """A run in a process of its own, which does not live to see its end."""
    child = in_another_process(house, lambda: one_run(house))
    house.keeper.wait_for_phase(phase)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    house.forget_lease()


def in_another_process(house: House, act: Callable[[], int]) -> int:
    """Do it in a process with its own connection to the records; its pid. What `act` returns is its exit code."""
    house.engine.dispose()  # SQLite's files must not be open across a fork
    child = os.fork()
    if child == 0:
        code = 1
        try:
            house.engine = open_records(house.records)
            code = act()
        finally:
            os._exit(code)
    return child
