"""Records that are locked, destroyed, deleted, or those of yesterday; and a clock that jumps."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from tests.faults.inject.processes import SHORT_GO_S
from tests.faults.scene import Fault, Scene
from tests.maintenance.house import House, open_records, utc_now
from tests.maintenance.test_paused import drive_until_paused
from webapp.database import ENGINE_OPTIONS, Base, prepare
from webapp.maintenance.models import RunOutcome, StepName
from webapp.runtime.orders import Phase

BUSY_S = 0.2


def locked(step: StepName | None) -> Fault:
    """Another connection has the records for itself, for longer than ours waits: from that step on, or before the run."""

    def inject(scene: Scene) -> None:
        house = scene.house
        house.engine.dispose()
        connect = {**ENGINE_OPTIONS["connect_args"], "timeout": BUSY_S}
        options = {**ENGINE_OPTIONS, "connect_args": connect}
        house.engine = prepare(create_engine(f"sqlite:///{house.records}", **options))
        scene.undo.callback(house.engine.dispose)
        with closing(dbapi2.connect(str(house.records), isolation_level=None)) as other:

            def lock() -> None:
                if step == StepName.COLLECT:
                    house.keeper.wait_for_phase(Phase.COLLECTING)
                other.execute("BEGIN EXCLUSIVE")

            if step is None:
                lock()
            else:
                house.at[step] = lock
            run_and_lose_the_records(house, "database is locked")
        house.forget_lease()

    return inject


def destroyed(scene: Scene) -> None:
    """The file of the records is overwritten when the registry has stepped aside."""
    house = scene.house

    def overwrite() -> None:
        for file in files_of(house.records):
            with file.open("r+b") as opened:
                opened.write(b"no database " * (file.stat().st_size // 12 + 1))

    house.at[StepName.PROVE_READ_ONLY] = overwrite
    run_and_lose_the_records(house, "malformed|not a database|disk I/O error")
    begin_anew(scene)


def deleted(scene: Scene) -> None:
    """The file of the records is deleted when the registry has stepped aside, and the dashboard is killed."""
    house = scene.house
    scene.undo.enter_context(patch("webapp.maintenance.steps.GO_S", SHORT_GO_S))
    child = drive_until_paused(house, StepName.PROVE_READ_ONLY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begin_anew(scene)


def run_and_lose_the_records(house: House, problem: str) -> None:
    with pytest.raises(DBAPIError, match=problem):
        house.run()


def begin_anew(scene: Scene) -> None:
    """Empty records in the place of those that are lost."""
    house = scene.house
    house.engine.dispose()
    for file in files_of(house.records):
        file.unlink()
    house.engine = open_records(house.records)
    Base.metadata.create_all(house.engine)
    scene.undo.callback(house.engine.dispose)


def files_of(records: Path) -> list[Path]:
    return list(records.parent.glob(f"{records.name}*"))


def restored_from_mid_run(runs_since: int) -> Fault:
    """The records are put back to what they were in the middle of a run that has long ended."""

    def inject(scene: Scene) -> None:
        house = scene.house
        backup = house.keeper.home / "backup.sqlite3"
        house.at[StepName.PROVE_READ_ONLY] = lambda: back_up(house.records, backup)
        for _ in range(1 + runs_since):
            assert house.run().outcome == RunOutcome.SUCCEEDED
        house.engine.dispose()
        for file in files_of(house.records):
            file.unlink()
        shutil.copy(backup, house.records)
        house.engine = open_records(house.records)
        scene.undo.callback(house.engine.dispose)
        house.forget_lease()

    return inject


def back_up(records: Path, backup: Path) -> None:
    with closing(dbapi2.connect(str(records))) as source, closing(dbapi2.connect(str(backup))) as target:
        source.backup(target)


def clock_jumps(length: timedelta) -> Fault:
    """The machine's clock is set while the registry is read-only, before the 'go'."""

    def inject(scene: Scene) -> None:
        ahead = [timedelta()]

        def now() -> datetime:
            return utc_now() + ahead[0]

        scene.house.at[StepName.PROVE_READ_ONLY] = lambda: ahead.append(ahead.pop() + length)
        with patch("tests.maintenance.house.utc_now", now):
            scene.house.run()

    return inject
