"""Windows at the wrong moment: clocks that jump, nights of daylight saving, two dashboards, a kill, an upgrade."""

from __future__ import annotations

import os
import time as clocks
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import text

from config import read_settings
from tests.faults.inject.processes import assert_refused, in_another_process
from tests.faults.scene import Fault, Scene
from tests.maintenance.house import House, utc_now
from tests.maintenance.kill_points import Point, killing
from tests.runtime.keeper_process import wait_for
from tests.windows.plans import a_window, occurrences, states
from tests.windows.test_runs_of_windows import BEGINS, at, count_runs, killed, plan
from webapp import scheduler
from webapp.database import writing_to
from webapp.maintenance.models import StepName
from webapp.parts import Parts
from webapp.windows.due import carry_out_what_is_due
from webapp.windows.models import OccurrenceState

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RUN, MISSED, UNDER_WAY = OccurrenceState.RUN, OccurrenceState.MISSED, OccurrenceState.RUN_UNDER_WAY
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
"""Midnight in UTC before Berlin leaves 02:00 to 03:00 out (at 01:00), and before it has that hour twice (till 01:00)."""


def killed_before_its_run(scene: Scene) -> None:
    """kill -9 of the dashboard when it has claimed a planned time; the next one comes within that time."""
    house = scene.house
    plan(house)
    maintainer = at(house)
    killed(house, replace(maintainer, writing=killing(maintainer.writing, Point("lease", 2), before=False)))
    assert states(house.reading) == [None]
    ask(house, BEGINS + 2 * MINUTE, became=[RUN])


def clock_jumps_over_it(scene: Scene) -> None:
    """The clock is put forward, past a window's whole time: that is written down, and not made up for."""
    plan(scene.house)
    ask(scene.house, BEGINS - MINUTE, became=[])
    ask(scene.house, BEGINS + HOUR, became=[MISSED])


def clock_jumps_back_over_it(scene: Scene) -> None:
    """After a window's run the clock is put back, and its time comes a second time."""
    plan(scene.house)
    for moment in (BEGINS, BEGINS - HOUR, BEGINS, BEGINS + MINUTE):
        ask(scene.house, moment, became=[RUN])


def night_of(midnight: datetime) -> Fault:
    """A night in which a clock is changed, every ten minutes of it, with a window at 02:30 of that clock."""

    def inject(scene: Scene) -> None:
        house = scene.house
        a_window(writing_to(house.engine), midnight, starts=time(2, 30), zone="Europe/Berlin", longest_s=600)
        for minutes in range(0, 240, 10):
            ask(house, midnight + minutes * MINUTE)
        assert (count_runs(house), states(house.reading)) == (1, [RUN])

    return inject


def two_dashboards(scene: Scene) -> None:
    """Two processes ask at the same moment what is due."""
    house = scene.house
    plan(house)

    def ask_in_child() -> int:
        carry_out_what_is_due(at(house))
        return 0

    children = [in_another_process(house, ask_in_child) for _ in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert (count_runs(house), states(house.reading)) == (1, [RUN])


def a_person_in_its_run(scene: Scene) -> None:
    """Somebody asks for a run while that of a window is under way: that is refused."""
    plan(scene.house)
    scene.house.at[StepName.COLLECT] = lambda: assert_refused(scene.house)
    ask(scene.house, BEGINS, became=[RUN])


def it_comes_in_a_run(scene: Scene) -> None:
    """A window's time comes while somebody's run is under way: its row says so."""
    house = scene.house
    plan(house)
    house.at[StepName.COLLECT] = lambda: ask(house, BEGINS, became=[UNDER_WAY])
    house.run()
    ask(house, BEGINS + MINUTE, became=[UNDER_WAY])


def upgraded(scene: Scene) -> None:
    """The scheduler starts over records in which an older one has left jobs of functions that are gone."""
    house, now = scene.house, utc_now() - MINUTE
    house.execute("CREATE TABLE apscheduler_jobs (id VARCHAR PRIMARY KEY, next_run_time FLOAT, job_state BLOB)")
    house.execute("INSERT INTO apscheduler_jobs VALUES ('old', 0, x'80049500')")
    a_window(writing_to(house.engine), now - HOUR, starts=time(now.hour, now.minute), zone="UTC")
    running = scheduler.start(parts_of(house))
    try:
        wait_for(lambda: states(house.reading) == [RUN], "the window that was planned before has its run")
    finally:
        running.shutdown()
    with house.reading() as session:
        assert session.execute(text("SELECT id FROM apscheduler_jobs")).scalars().all() == ["old"]


def parts_of(house: House) -> Parts:
    keeper = house.keeper
    settings = read_settings(
        {
            "HOLYSTONE_SECRET_KEY": "for tests only, and long enough for it",
            "HOLYSTONE_REGISTRY_URL": keeper.url,
            "HOLYSTONE_REGISTRY_STORE": str(keeper.store),
            "HOLYSTONE_REGISTRY_CONFIG": str(keeper.config),
            "HOLYSTONE_KEEPER_FOLDER": str(keeper.folder),
        }
    )
    reading, writing = house.reading, writing_to(house.engine)
    return Parts(settings, house.maintainer.client, reading, writing, utc_now, clocks.monotonic)


def ask(house: House, moment: datetime, became: list[OccurrenceState | None] | None = None) -> None:
    """What is due at that moment? And what the planned times must have become then."""
    carry_out_what_is_due(at(house, moment))
    assert became in (None, [each.state for each in occurrences(house.reading)])
