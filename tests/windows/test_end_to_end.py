"""Windows as they are deployed: gunicorn with its scheduler, keeper and registry, and a kill -9 in the due minute."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select, text

from demo.build import image, layer
from demo.push import Pusher
from tests.dashboard_process import DashboardProcess
from tests.records import Records, open_records
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from tests.windows.plans import a_window, occurrences, states
from webapp.maintenance.models import Run, RunOutcome
from webapp.windows.models import OccurrenceState

BY_ITSELF_S = 60.0


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[KeeperProcess]:
    """A registry with one image that stays, and the bytes of one that was deleted."""
    with KeeperProcess(tmp_path / "keeper") as process:
        pusher = Pusher(process.url)
        pusher.push("team/api", image([layer("kept")]), ["kept"])
        gone = pusher.push("team/api", image([layer("gone")]), ["gone"])
        requests.delete(f"{process.url}/v2/team/api/manifests/{gone.digest}", timeout=5).raise_for_status()
        yield process


@pytest.fixture
def dashboard(tmp_path: Path, keeper: KeeperProcess) -> DashboardProcess:
    folders = {"REGISTRY_STORE": keeper.store, "REGISTRY_CONFIG": keeper.config, "KEEPER_FOLDER": keeper.folder}
    dashboard = DashboardProcess(tmp_path / "dashboard", keeper.url, **folders)
    dashboard.prepare()
    return dashboard


@contextmanager
def records_of(dashboard: DashboardProcess) -> Iterator[Records]:
    records = open_records(dashboard.folder / "data" / "holystone.db")
    try:
        yield records
    finally:
        records.engine.dispose()


def plan_now(records: Records) -> None:
    """A window that begins in this minute."""
    now = datetime.now(UTC)
    a_window(records.writing, now - timedelta(minutes=2), starts=time(now.hour, now.minute), zone="UTC")


def runs(records: Records) -> list[Run]:
    with records.reading() as session:
        return list(session.scalars(select(Run)))


def is_decided(records: Records) -> bool:
    return bool(states(records.reading)) and None not in states(records.reading)


def test_a_window_frees_space_by_itself_and_two_dashboards_make_one_run(
    keeper: KeeperProcess, dashboard: DashboardProcess
) -> None:
    other = DashboardProcess(dashboard.folder, keeper.url)
    other.environment = dict(dashboard.environment)
    with records_of(dashboard) as records:
        plan_now(records)
        with dashboard, other:
            wait_for(lambda: is_decided(records), "the window has been carried out", BY_ITSELF_S)
        (run,) = runs(records)
        (row,) = occurrences(records.reading)
        assert (row.state, row.run_id, run.actor) == (OccurrenceState.RUN, run.id, "window: Nightly")
        assert run.outcome == RunOutcome.SUCCEEDED
        assert run.bytes_freed
        assert accepts_writes(keeper.url)


def test_kill_9_in_the_due_minute_leaves_one_run_and_one_row(
    keeper: KeeperProcess, dashboard: DashboardProcess
) -> None:
    hold = keeper.tell("hold", "dry-run")
    with records_of(dashboard) as records:
        plan_now(records)
        dashboard.start()
        try:
            wait_for(lambda: bool(keeper.processes("dry-run")), "the window's run has begun", BY_ITSELF_S)
            kill(dashboard)
            assert states(records.reading) == [None]
            hold.unlink()
            with records.writing() as session:
                session.execute(text("UPDATE leases SET ends_boottime_s = 0"))  # as if thirty seconds had passed
            dashboard.start()
            wait_for(lambda: is_decided(records), "its end is known", BY_ITSELF_S)
        finally:
            dashboard.stop()
        (run,) = runs(records)
        assert (states(records.reading), run.outcome) == ([OccurrenceState.RUN], RunOutcome.INTERRUPTED)
        assert keeper.started("collect") == 0
        assert accepts_writes(keeper.url)


def kill(dashboard: DashboardProcess) -> None:
    """End the dashboard's processes by KILL, the one that answers the pages first."""
    parent = dashboard.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for process in (parent, *map(int, children)):
        os.kill(process, signal.SIGKILL)
    dashboard.stop()
