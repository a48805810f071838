"""Whatever is wrong with the keeper's folder, the registry serves; and when the folder is back, orders are taken."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Ended, KeeperUnreadable, Kind, Phase

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one page, for a folder to be full."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(path)], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(folder: Path) -> None:
    with pytest.raises(OSError, match="No space left"), (folder / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)


def test_a_missing_folder_does_not_keep_the_registry_from_serving(unstarted: KeeperProcess) -> None:
    unstarted.folder.rmdir()
    unstarted.start(until=None)
    wait_for(lambda: accepts_writes(unstarted.url), "it serves")
    unstarted.folder.mkdir()
    unstarted.wait_for_phase(Phase.SERVING)
    assert unstarted.result(unstarted.order(go_s=0.1)).ended is Ended.REFUSED


def test_a_folder_that_is_taken_away_and_comes_back_is_used_again(keeper: KeeperProcess) -> None:
    shutil.rmtree(keeper.folder)
    wait_for(lambda: "cannot be used" in keeper.log.read_text(), "the keeper has noticed")
    assert accepts_writes(keeper.url)
    keeper.folder.mkdir()
    keeper.wait_for_phase(Phase.SERVING)
    assert keeper.collect().ended is Ended.DONE


def test_a_folder_that_is_a_file_does_not_keep_the_registry_from_serving(unstarted: KeeperProcess) -> None:
    unstarted.folder.rmdir()
    unstarted.folder.touch()
    unstarted.start(until=None)
    wait_for(lambda: accepts_writes(unstarted.url), "it serves")
    assert "cannot be used" in unstarted.log.read_text()


def test_a_folder_that_cannot_be_written_to_does_not_keep_the_registry_from_serving(unstarted: KeeperProcess) -> None:
    (unstarted.folder / "keeper.lock").mkdir()
    (unstarted.folder / "state.new").mkdir()
    unstarted.start(until=None)
    wait_for(lambda: accepts_writes(unstarted.url), "it serves")


@needs_root
def test_a_full_folder_does_not_keep_the_registry_from_serving(unstarted: KeeperProcess, small_disk: Path) -> None:
    unstarted.folder = small_disk
    fill(small_disk)
    unstarted.start(until=None)
    wait_for(lambda: accepts_writes(unstarted.url), "it serves")
    wait_for(lambda: "cannot be used" in unstarted.log.read_text(), "the keeper says so")
    (small_disk / "filler").unlink()
    unstarted.wait_for_phase(Phase.SERVING)


@needs_root
def test_a_folder_that_is_full_when_an_order_comes_leaves_the_writer_alone(
    keeper: KeeperProcess, small_disk: Path
) -> None:
    keeper.stop()
    keeper.folder = small_disk
    keeper.start()
    writer = keeper.pid_of("writer")
    wait_for((small_disk / "store-seen").exists, "everything else is written")
    order = {
        "token": "t1",
        "kind": "collect",
        "boot_id": orders.this_boot_id(),
        "deadline_s": 60,
        "reads": "same",
        "go_s": 30,
    }
    keeper.put("order.prepared", order)
    fill(small_disk)
    with pytest.raises(KeeperUnreadable, match="No space left"):
        orders.send_go(small_disk, "t1", 1e9)
    (small_disk / "order.prepared").rename(small_disk / "order")
    wait_for(lambda: "failed" in keeper.log.read_text(), "the order is answered in the log")
    assert keeper.pid_of("writer") == writer
    assert accepts_writes(keeper.url)


def test_an_order_that_cannot_be_put_aside_is_not_carried_out_again_and_again(keeper: KeeperProcess) -> None:
    (keeper.folder / "order.taken").mkdir()
    keeper.put("order", {"token": "t1"})
    wait_for(lambda: "cannot be used" in keeper.log.read_text(), "the keeper says so")
    (keeper.folder / "order.taken").rmdir()
    assert keeper.result("t1").ended is Ended.REFUSED


def test_a_deleted_lock_file_lets_no_second_keeper_carry_out_orders(keeper: KeeperProcess, tmp_path: Path) -> None:
    (keeper.folder / "keeper.lock").unlink()
    second = KeeperProcess(tmp_path / "second")
    second.folder = keeper.folder
    try:
        second.start(until=None)
        wait_for(lambda: accepts_writes(second.url) or second.process.poll() is not None, "it serves, or has ended")
        token = orders.new_token()
        orders.send_order(keeper.folder, orders.Order(token, Kind.DRY_RUN, 60))
        keeper.result(token)
        answered = [each.log.read_text().count(f"Order {token}") for each in (keeper, second)]
        assert sorted(answered) == [0, 1]
    finally:
        second.end()
