"""Disks that are full, each a small file system of its own, and one whose power is cut. Mounting needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import requests
from sqlalchemy.exc import DBAPIError

from demo.build import image, layer
from demo.push import Pusher
from tests.faults.inject.processes import SHORT_GO_S, in_another_process
from tests.faults.scene import REPOSITORY, Fault, Scene
from tests.maintenance.house import open_records
from tests.maintenance.kill_points import Point, watched
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.maintenance.models import RunKind, StepName, StepState
from webapp.maintenance.run import run
from webapp.runtime.orders import Phase

MIB = 1024 * 1024
PAGE_BYTES = 4096


def mounted(scene: Scene, path: Path, *arguments: str) -> Path:
    """A file system of its own at `path`, taken away with the scene. Skips the row where nothing can be mounted."""
    path.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *arguments, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    scene.undo.callback(subprocess.run, ["umount", "-l", str(path)], check=True)
    return path


def small_disk(scene: Scene, path: Path, size_bytes: int) -> Path:
    return mounted(scene, path, "-t", "tmpfs", "-o", f"size={size_bytes}", "none")


def fill(disk: Path) -> Path:
    """Leave no room for another page; the file that takes it all."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * PAGE_BYTES)
    return filler


# The registry's store


def full_store(scene: Scene) -> None:
    """The store's disk is full: no push is acknowledged, and a collection makes room again."""
    store_on_a_small_disk(scene)
    with pytest.raises(requests.HTTPError):
        Pusher(scene.house.keeper.url).push(REPOSITORY, image([layer("too large", MIB // 8)]), ["too-large"])
    scene.house.run()


def store_that_stays_full(scene: Scene) -> None:
    """The store's disk is full again as soon as the collection has made room: the run proves no push."""
    store_on_a_small_disk(scene)
    scene.house.at[StepName.PROVE_READ_WRITE] = lambda: fill(scene.house.keeper.store)
    scene.house.run()


def store_on_a_small_disk(scene: Scene) -> None:
    """Full, with a deleted image that takes a part of it; a run proves by a push that the registry is back."""
    house, keeper = scene.house, scene.house.keeper
    scene.push_and_delete("large", MIB // 4)
    keeper.stop()
    before = keeper.store.rename(keeper.home / "before")
    shutil.copytree(before, small_disk(scene, keeper.store, 2 * MIB), dirs_exist_ok=True)
    (keeper.folder / "store-seen").unlink(missing_ok=True)
    keeper.start()
    house.probe_repository = "holystone/probe"
    scene.mend.callback(fill(keeper.store).unlink)


# The keeper's folder


def full_folder(step: StepName) -> Fault:
    """The disk with the keeper's folder is full from that step on, until the registry is back by itself."""

    def inject(scene: Scene) -> None:
        house, keeper = scene.house, scene.house.keeper
        scene.undo.enter_context(patch("webapp.maintenance.steps.GO_S", SHORT_GO_S))
        keeper.stop()
        keeper.folder = small_disk(scene, keeper.home / "small", 24 * MIB)
        keeper.start()
        held_back = keeper.tell("hold", "collect")

        def fill_it() -> None:
            if step == StepName.COLLECT:
                keeper.wait_for_phase(Phase.COLLECTING)
            fill(keeper.folder)
            held_back.unlink()

        house.at[step] = fill_it
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(house.run)
            wait_for(lambda: not held_back.exists() and accepts_writes(keeper.url), "the registry is back")
            (keeper.folder / "filler").unlink()
            running.result()

    return inject


# The records


def full_records(step: StepName | None) -> Fault:
    """The disk with the records is full: from that step on, or before the run can be written down."""

    def inject(scene: Scene) -> None:
        house = scene.house
        disk = small_disk(scene, house.keeper.home / "small", 4 * MIB)
        records_move_to(scene, disk)
        if step is None:
            house.execute("UPDATE leases SET token = token")
            fill(disk)
        else:
            house.at[step] = lambda: fill(disk)
        with pytest.raises(DBAPIError, match="disk is full"):
            house.run()
        (disk / "filler").unlink()
        house.forget_lease()

    return inject


def records_move_to(scene: Scene, folder: Path) -> None:
    house = scene.house
    house.engine.dispose()
    house.records = Path(shutil.copy(house.records, folder))
    with house.records.open("rb") as file:
        os.fsync(file.fileno())
    house.engine = open_records(house.records)
    scene.undo.callback(house.engine.dispose)


def power_is_cut_after_the_intent(scene: Scene) -> None:
    """kill -9 of everything right after the order is written down, and only what had reached the disk is left.

    The disk is a file that a file system was made in: what its kernel had not been made to write is not in it.
    """
    house, home = scene.house, scene.house.keeper.home
    disk = home / "disk"
    disk.touch()
    with disk.open("r+b") as file:
        file.truncate(16 * MIB)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    records_move_to(scene, mounted(scene, home / "before the cut", "-o", "loop", str(disk)))
    left = home / "what is left"

    def cut(point: Point, is_committed: bool) -> None:
        if point == Point(StepName.ORDER) and is_committed:
            shutil.copy(disk, left)
            os.kill(os.getpid(), signal.SIGKILL)

    def drive() -> int:
        maintainer = house.maintainer
        return run(replace(maintainer, writing=watched(maintainer.writing, cut)), RunKind.COLLECT, "alice", "")

    os.waitpid(in_another_process(house, drive), 0)
    house.keeper.kill()
    house.records = mounted(scene, home / "after the cut", "-o", "loop", str(left)) / house.records.name
    house.engine = open_records(house.records)
    scene.undo.callback(house.engine.dispose)
    house.execute("UPDATE leases SET boot_id = 'of the start before'")
    house.keeper.start()
    assert [step.name for step in house.the_run().steps if step.state == StepState.NOW] == [StepName.ORDER]
