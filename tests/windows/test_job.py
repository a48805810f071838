"""The scheduler's job only asks and goes on: a run of a window keeps nothing else from running."""

from __future__ import annotations

import threading
from datetime import time, timedelta
from pathlib import Path

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from config import read_settings
from demo.build import Built
from tests.maintenance.house import House, utc_now
from tests.runtime.keeper_process import wait_for
from tests.windows.plans import a_window, states
from webapp import create_app, scheduler
from webapp.database import writing_to
from webapp.parts import Parts
from webapp.windows.models import OccurrenceState


@pytest.fixture
def parts(house: House, tmp_path: Path) -> Parts:
    given = {
        "SECRET_KEY": "k" * 64,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": f"sqlite:///{house.records}",
        "REGISTRY_URL": house.keeper.url,
        "KEEPER_FOLDER": str(house.keeper.folder),
        "REGISTRY_CONFIG": str(house.keeper.config),
    }
    app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
    found: Parts = app.extensions["holystone"]
    return found


def test_the_job_returns_at_once_and_the_run_goes_on(house: House, gone: Built, parts: Parts) -> None:
    now = utc_now()
    hold = house.keeper.tell("hold", "dry-run")
    a_window(writing_to(house.engine), now - timedelta(minutes=2), starts=time(now.hour, now.minute), zone="UTC")
    before = threading.active_count()
    for _ in range(3):
        scheduler.look_at_windows(parts)
    wait_for(lambda: bool(house.keeper.processes("dry-run")), "the run has begun")
    scheduler.look_at_windows(parts)
    assert states(house.reading) == [None]
    hold.unlink()
    wait_for(lambda: states(house.reading) == [OccurrenceState.RUN], "the run has ended")
    wait_for(lambda: threading.active_count() <= before, "its thread has ended")
    assert not house.has(gone)


def test_records_that_cannot_be_used_are_one_line_of_the_log_however_many_jobs_need_them(
    house: House, parts: Parts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.execute("DROP TABLE registry_state")
    monkeypatch.setattr(scheduler, "RECONCILE_INTERVAL_S", 0.05)
    looks: list[None] = []
    monkeypatch.setattr(scheduler, "look_for_trouble", lambda _parts: looks.append(None))
    monkeypatch.setattr(scheduler, "NOTICE_INTERVAL_S", 0.05)
    running: BackgroundScheduler = scheduler.start(parts)
    try:
        wait_for(lambda: len(looks) > 10, "the jobs have run again and again")
    finally:
        running.shutdown()
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["The records cannot be read: OperationalError"]


def test_the_scheduler_asks_what_is_due_and_forgives_a_machine_that_slept(parts: Parts) -> None:
    running: BackgroundScheduler = scheduler.start(parts)
    try:
        job = running.get_job("look_at_windows")
        assert job.trigger.interval.total_seconds() == scheduler.WINDOWS_INTERVAL_S
        assert job.misfire_grace_time >= 3600
    finally:
        running.shutdown()
