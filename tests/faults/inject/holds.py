"""Faults of a hold, and records that nobody can read for longer than Holystone is patient."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import create_engine, select

from tests.faults.inject.processes import assert_refused, drive_and_kill_in, in_another_process
from tests.faults.inject.records import BUSY_S
from tests.faults.recovery import recover
from tests.faults.scene import Fault, Scene
from tests.maintenance.house import House, utc_now
from tests.maintenance.kill_points import Point
from tests.maintenance.test_interrupted import drive_and_be_killed
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.database import ENGINE_OPTIONS, prepare, writing_to
from webapp.maintenance.hold_records import ask_to_end
from webapp.maintenance.holds import HoldFailed, hold
from webapp.maintenance.models import Hold, StepName
from webapp.maintenance.reconcile import PATIENCE_S, Unreadable, end_hold_now, reconcile
from webapp.runtime.orders import Ended, Phase

SHORT_S = 5.0
LONG_S = 1800.0


def begin(scene: Scene, seconds: float = LONG_S) -> None:
    """A hold by alice, proved."""
    until = utc_now() + timedelta(seconds=seconds)
    with patch("webapp.maintenance.holds.SHORTEST_S", 0):
        hold(scene.house.maintainer, until, "alice", "192.0.2.1", "backup")


def the_hold(house: House) -> Hold:
    with house.reading() as session:
        return session.scalars(select(Hold)).one()


def wait_for_its_end(house: House) -> None:
    """Nobody but the keeper brings it about."""
    house.keeper.wait_for_phase(Phase.SERVING)
    assert house.keeper.result(the_hold(house).token).ended == Ended.DONE


def killed(scene: Scene) -> None:
    """kill -9 of the dashboard as soon as the registry is held."""

    def hold_and_stay() -> int:
        begin(scene, SHORT_S)
        signal.pause()
        return 0

    kill_when_held(scene, hold_and_stay)
    scene.house.forget_lease()


def killed_before_its_proof(scene: Scene) -> None:
    """kill -9 of the dashboard while the keeper holds; the next one proves it, and the keeper ends it."""

    def hold_and_die() -> int:
        with patch("webapp.maintenance.holds._prove", lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
            begin(scene, SHORT_S)
        return 0

    os.waitpid(in_another_process(scene.house, hold_and_die), 0)
    scene.house.forget_lease()
    recover(scene.house)
    assert the_hold(scene.house).held_at is not None
    wait_for_its_end(scene.house)


def keeper_killed(scene: Scene) -> None:
    """kill -9 of the keeper in a hold, and whoever started it starts it again."""
    begin(scene)
    scene.house.keeper.kill()
    scene.house.keeper.start()


def machine_restarts(scene: Scene) -> None:
    """kill -9 of everything in a hold; the leases are of another start, and the dashboard is there first."""
    kill_when_held(scene, lambda: (begin(scene), signal.pause(), 0)[-1])
    scene.house.keeper.kill()
    scene.house.execute("UPDATE leases SET boot_id = 'of the start before'")
    recover(scene.house)
    assert the_hold(scene.house).outcome is None, "nobody takes writes, and the keeper may come back"
    scene.house.keeper.start()


def keeper_hangs(scene: Scene) -> None:
    """SIGSTOP of the keeper in a hold until its end was looked for in vain; then SIGCONT."""
    house = scene.house
    begin(scene, SHORT_S)
    os.kill(house.keeper.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: is_ended_by_a_look(house), "its end was looked for")
        assert not accepts_writes(house.keeper.url)
    finally:
        os.kill(house.keeper.pid, signal.SIGCONT)


def another_takes_writes(scene: Scene) -> None:
    """Somebody starts a registry on the storage that the keeper knows nothing of."""
    house = scene.house
    begin(scene)
    with RegistryProcess(house.keeper.home / "another") as another:
        house.other_urls = (another.url,)
        recover(house)
    house.other_urls = ()


def read_only_is_ignored(scene: Scene) -> None:
    """The reader takes writes, so that nothing is held."""
    writable = scene.house.keeper.tell("writable", "reader")
    with pytest.raises(HoldFailed, match="still takes writes"):
        begin(scene)
    writable.unlink()


def clock_jumps(length: timedelta) -> Fault:
    """The machine's clock is set in a hold: it ends by the keeper's clock, which nobody can set."""

    def inject(scene: Scene) -> None:
        def now() -> datetime:
            return utc_now() + length

        begin(scene, SHORT_S)
        with patch("tests.maintenance.house.utc_now", now):
            recover(scene.house)
            assert the_hold(scene.house).outcome is None
        wait_for_its_end(scene.house)

    return inject


def ended_by_a_person(scene: Scene) -> None:
    """Somebody presses 'End it now'."""
    house = scene.house
    begin(scene)
    assert_refused(house)
    with writing_to(house.engine)() as session:
        assert ask_to_end(session, the_hold(house).id, "bob")
    end_hold_now(house.maintainer, house.keeper.folder, the_hold(house).token)


def unreadable_before_the_go(scene: Scene) -> None:
    """kill -9 before the 'go', and the records cannot be read: after five minutes the order is cancelled."""
    drive_and_be_killed(scene.house, Point(StepName.PROVE_READ_ONLY, 2))
    scene.house.forget_lease()
    scene.house.keeper.wait_for_phase(Phase.HOLDING)
    with locked_records(scene.house), nobody_can_read(scene.house) as look:
        look(PATIENCE_S - 1)
        assert scene.house.keeper.state().phase is Phase.HOLDING
        look(2)
        wait_for(lambda: accepts_writes(scene.house.keeper.url), "the registry is read-write")


def unreadable_in_a_collection(scene: Scene) -> None:
    """The same while a collector lives: it goes on to its end."""
    held_back = scene.house.keeper.tell("hold", "collect")
    drive_and_kill_in(scene.house, Phase.COLLECTING)
    with locked_records(scene.house), nobody_can_read(scene.house) as look:
        look(2 * PATIENCE_S)
        assert scene.house.keeper.state().phase is Phase.COLLECTING
        held_back.unlink()
        scene.house.keeper.wait_for_phase(Phase.SERVING)


def unreadable_in_a_hold(scene: Scene) -> None:
    """The same in a hold: it goes on to its time."""
    begin(scene, SHORT_S)
    token = the_hold(scene.house).token
    with locked_records(scene.house), nobody_can_read(scene.house) as look:
        look(2 * PATIENCE_S)
        assert scene.house.keeper.state().phase is Phase.HOLDING
        assert scene.house.keeper.result(token).ended == Ended.DONE


def kill_when_held(scene: Scene, act: Callable[[], int]) -> None:
    """Do it in a process of its own, and kill that one when the registry is held."""
    house = scene.house
    child = in_another_process(house, act)
    wait_for(lambda: is_held(house), "the registry is held")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def is_ended_by_a_look(house: House) -> bool:
    """Whether another look has ended the hold."""
    recover(house)
    return the_hold(house).outcome is not None


def is_held(house: House) -> bool:
    with house.reading() as session:
        return session.scalar(select(Hold.id).where(Hold.held_at.is_not(None))) is not None


@contextmanager
def locked_records(house: House) -> Iterator[None]:
    """Another connection has the records for itself, for longer than ours waits."""
    house.engine.dispose()
    connect = {**ENGINE_OPTIONS["connect_args"], "timeout": BUSY_S}
    engine = house.engine
    house.engine = prepare(create_engine(f"sqlite:///{house.records}", **{**ENGINE_OPTIONS, "connect_args": connect}))
    try:
        with closing(dbapi2.connect(str(house.records), isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            yield
    finally:
        house.engine.dispose()
        house.engine = engine


@contextmanager
def nobody_can_read(house: House) -> Iterator[Callable[[float], None]]:
    """The scheduler's look, so many seconds later each time, on records that it finds unreadable."""
    clock_s, unreadable = [0.0], Unreadable()

    def look(later_s: float) -> None:
        clock_s[0] += later_s
        reconcile(replace(house.maintainer, monotonic=lambda: clock_s[0]), unreadable)
        assert unreadable.since_s is not None

    look(0)
    yield look
