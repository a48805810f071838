"""The store: one keeper on it, none where it is not mounted, and no collection where it would take what is in use."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.registry_process import BINARY
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.runtime.keeper import PATIENCE_S
from webapp.runtime.orders import Ended, Phase, Reads, boottime_s

BUSY = 75


@pytest.fixture
def second(tmp_path: Path) -> Iterator[KeeperProcess]:
    """Another keeper, with a folder, a store and ports of its own until a test says otherwise."""
    keeper = KeeperProcess(tmp_path / "second")
    try:
        yield keeper
    finally:
        keeper.end()


def test_a_second_keeper_on_one_store_ends_busy_with_nothing_touched(
    keeper: KeeperProcess, second: KeeperProcess
) -> None:
    second.store = keeper.store
    second.start(until=None)
    assert second.wait() == BUSY
    assert "Store busy" in second.log.read_text()
    assert second.processes() == []
    assert keeper.collect().ended is Ended.DONE


def test_a_second_keeper_on_one_store_ends_busy_also_during_a_collection(
    keeper: KeeperProcess, second: KeeperProcess
) -> None:
    keeper.order(reads=Reads.NONE)
    keeper.wait_for_phase(Phase.HOLDING)
    second.store = keeper.store
    second.start(until=None)
    assert second.wait() == BUSY
    assert second.processes() == []


def test_a_second_keeper_on_one_folder_ends_and_the_first_goes_on(keeper: KeeperProcess, second: KeeperProcess) -> None:
    before = (keeper.folder / "state").read_text()
    second.folder = keeper.folder
    second.start(until=None)
    assert second.wait() == BUSY
    assert (keeper.folder / "state").read_text() == before
    assert keeper.collect().ended is Ended.DONE


def test_a_writer_that_somebody_else_started_keeps_the_collector_away_and_not_the_registry(
    keeper: KeeperProcess,
) -> None:
    """As an orphan of the writer would: it holds the store, shared."""
    orphan = os.open(keeper.store, os.O_RDONLY)
    fcntl.flock(orphan, fcntl.LOCK_SH)
    try:
        token = keeper.order()
        keeper.wait_for_phase(Phase.RETURNING, "Store busy")
        assert keeper.processes("collector") == []
        result = keeper.result(token)
        assert (result.ended, accepts_writes(keeper.url)) == (Ended.FAILED, True)
        assert "Store busy" in result.reason
    finally:
        os.close(orphan)


def test_a_child_that_outlives_our_collector_keeps_the_writer_away(keeper: KeeperProcess) -> None:
    lives = keeper.home / "the child lives"
    lives.touch()
    child = f"setsid sh -c 'while [ -e \"{lives}\" ]; do sleep 0.02; done' &"
    keeper.binary.write_text(f'#!/bin/sh\n[ "$1" = garbage-collect ] && {child}\nexec {BINARY} "$@"\n')
    token = keeper.order()
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    keeper.wait_for_phase(Phase.RETURNING, "Store busy")
    wait_for(lambda: boottime_s() > keeper.state().since_boottime_s + PATIENCE_S + 1, "the keeper's patience is over")
    assert keeper.processes("writer") == []
    lives.unlink()
    assert keeper.result(token).ended is Ended.DONE
    assert accepts_writes(keeper.url)


def test_a_collector_that_somebody_else_left_keeps_the_writer_away(unstarted: KeeperProcess) -> None:
    orphan = os.open(unstarted.store, os.O_RDONLY)
    fcntl.flock(orphan, fcntl.LOCK_EX)
    try:
        unstarted.start(until=None)
        unstarted.wait_for_phase(Phase.WAITING, "Store busy")
        assert unstarted.processes() == []
    finally:
        os.close(orphan)
    unstarted.wait_for_phase(Phase.SERVING)


def test_a_store_that_was_never_there_is_waited_for(unstarted: KeeperProcess) -> None:
    unstarted.store.rmdir()
    unstarted.start(until=None)
    unstarted.wait_for_phase(Phase.WAITING, "is not there: is it mounted?")
    assert unstarted.processes() == []
    unstarted.store.mkdir()
    unstarted.wait_for_phase(Phase.SERVING)


def test_a_store_that_is_not_mounted_is_waited_for(keeper: KeeperProcess) -> None:
    wait_for((keeper.folder / "store-seen").exists, "the store is remembered")
    keeper.stop()
    elsewhere = keeper.store.rename(keeper.home / "elsewhere")
    keeper.store.mkdir()  # the mount point
    keeper.start(until=None)
    keeper.wait_for_phase(Phase.WAITING, "another directory now: is it mounted?")
    assert keeper.processes() == []
    assert list(keeper.store.iterdir()) == []
    keeper.store.rmdir()
    elsewhere.rename(keeper.store)
    keeper.wait_for_phase(Phase.SERVING)
    assert requests.get(f"{keeper.url}/v2/team/api/tags/list", timeout=5).json()["tags"] == ["kept"]


def test_a_store_that_was_emptied_on_purpose_serves_when_store_seen_is_removed(keeper: KeeperProcess) -> None:
    wait_for((keeper.folder / "store-seen").exists, "the store is remembered")
    keeper.stop()
    shutil.rmtree(keeper.store / "docker")
    keeper.start(until=None)
    keeper.wait_for_phase(Phase.WAITING, "was emptied. To begin anew, remove")
    (keeper.folder / "store-seen").unlink()
    keeper.wait_for_phase(Phase.SERVING)


def test_store_seen_names_the_directory_once_a_registry_is_in_it(empty: KeeperProcess) -> None:
    assert not (empty.folder / "store-seen").exists()
    Pusher(empty.url).push("team/api", image([layer("first")]), ["first"])
    wait_for((empty.folder / "store-seen").exists, "the store is remembered")
    found = empty.store.stat()
    seen = json.loads((empty.folder / "store-seen").read_text())
    assert seen == {"device": found.st_dev, "inode": found.st_ino}


@pytest.mark.parametrize("reads", list(Reads))
def test_a_registry_without_repositories_is_not_collected(empty: KeeperProcess, reads: Reads) -> None:
    writer = empty.pid_of("writer")
    for _ in range(2):
        result = empty.result(empty.order(reads=reads))
        assert result.ended is Ended.REFUSED
        assert "every blob would be deleted" in result.reason
        (empty.store / "docker/registry/v2/repositories").mkdir(parents=True, exist_ok=True)
    assert empty.pid_of("writer") == writer


def test_a_repository_with_tags_but_without_layers_is_not_collected(keeper: KeeperProcess) -> None:
    Pusher(keeper.url).push("team/deep/er", image([layer("deeper")]), ["1.0"])
    shutil.rmtree(keeper.store / "docker/registry/v2/repositories/team/deep/er/_layers")
    result = keeper.result(keeper.order())
    assert result.ended is Ended.REFUSED
    assert "team/deep/er has tags but no _layers" in result.reason


@pytest.mark.parametrize("where", ["_stray", "team/_stray", "team/api/_a"])
def test_a_stray_file_that_ends_the_collectors_walk_is_a_reason_to_refuse(keeper: KeeperProcess, where: str) -> None:
    """Seen on 2.8.2: with `repositories/_stray` a plain collection marks nothing and deletes every blob."""
    (keeper.store / "docker/registry/v2/repositories" / where).touch()
    result = keeper.result(keeper.order())
    assert result.ended is Ended.REFUSED
    assert "is a file where only directories belong" in result.reason


def test_a_repository_without_tags_and_layers_is_no_reason_to_refuse(keeper: KeeperProcess) -> None:
    (keeper.store / "docker/registry/v2/repositories/team/untagged/_manifests/tags").mkdir(parents=True)
    assert keeper.collect().ended is Ended.DONE


def test_a_file_on_the_store_can_be_locked_instead(keeper: KeeperProcess, second: KeeperProcess) -> None:
    """For network file systems, on which a directory's lock is known to one host only."""
    keeper.stop()
    (keeper.store / "keeper.lock").touch()
    keeper.store = keeper.store / "keeper.lock"
    keeper.start()
    second.store = keeper.store
    second.start(until=None)
    assert second.wait() == BUSY
    assert keeper.collect().ended is Ended.DONE


def test_without_a_store_to_look_into_a_file_in_the_folder_is_locked(unstarted: KeeperProcess) -> None:
    store = unstarted.store
    unstarted.has_store = False
    unstarted.start()
    Pusher(unstarted.url).push("team/api", image([layer("kept")]), ["kept"])
    assert (unstarted.folder / "store.lock").exists()
    assert unstarted.collect().ended is Ended.DONE
    assert list(store.iterdir()) == [store / "docker"]
