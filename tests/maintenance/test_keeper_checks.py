"""Whether the keeper is the one of this registry, and can do what a run needs: beside a real keeper and registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.build import Built
from tests.maintenance.house import House
from tests.registry_process import BINARY
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.checks import Check, CheckState
from webapp.maintenance import keeper_checks as module
from webapp.maintenance.keeper_checks import GENERATION, LOCK, PROGRAM, ROOM, SAME_FILE, SAME_REGISTRY, keeper_checks
from webapp.maintenance.kernel_locks import is_of, locks_on
from webapp.runtime.orders import Phase

GOOD, WARNING, BAD, UNKNOWN = CheckState.GOOD, CheckState.WARNING, CheckState.BAD, CheckState.UNKNOWN
SHARED, EXCLUSIVE = 1, 2
LOCKING = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), int(sys.argv[2])); print(flush=True); input()"


def checks_of(house: House, **given: Any) -> dict[str, Check]:
    state = given.pop("state", None) or house.keeper.state()
    store = given.pop("store", house.keeper.store)
    folder = given.pop("folder", house.keeper.folder)
    return {check.name: check for check in keeper_checks(state, store, folder, **given)}


def sample(built: Built, tag: str = "kept") -> tuple[str, str, str]:
    return ("team/api", tag, built.digest)


@contextmanager
def somebody_locks(path: Path, mode: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", LOCKING, str(path), str(mode)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            if mode == SHARED:
                assert process.stdout is not None
                process.stdout.readline()
            wait_for(
                lambda: any(lock.pid == process.pid for lock in locks_on(path)), "it has the lock, or waits for it"
            )
            yield process
        finally:
            process.kill()


def test_all_is_good_with_the_keeper_of_this_registry(house: House, kept: Built) -> None:
    found = checks_of(house, generation="2", samples=[sample(kept)], objects=1000, config=house.keeper.config)
    assert {name: check.state for name, check in found.items()} == dict.fromkeys(
        (LOCK, PROGRAM, ROOM, GENERATION, SAME_REGISTRY, SAME_FILE), GOOD
    )


@pytest.mark.parametrize("mode", [SHARED, EXCLUSIVE], ids=["shared", "waiting for it exclusively"])
def test_a_foreign_lock_on_the_store_is_refused_and_its_holder_named(mode: int, house: House) -> None:
    with somebody_locks(house.keeper.store, mode) as somebody:
        check = checks_of(house)[LOCK]
        assert check.state is BAD
        assert f"{Path(sys.executable).name} (process {somebody.pid})" in check.sentence
    assert checks_of(house)[LOCK].state is GOOD


def test_beside_that_lock_nothing_is_collected_and_the_registry_comes_back(house: House, kept: Built) -> None:
    with somebody_locks(house.keeper.store, SHARED):
        token = house.keeper.order()
        wait_for(lambda: "Store busy" in house.keeper.state().sentence, "the keeper finds it")
        assert "Store busy" in house.keeper.result(token).reason
        assert accepts_writes(house.keeper.url)


def test_the_collector_of_the_keeper_is_no_foreigner(house: House, gone: Built) -> None:
    held = house.keeper.tell("hold", "garbage-collect")
    token = house.keeper.order()
    house.keeper.wait_for_phase(Phase.HOLDING)
    house.keeper.go(token)
    house.keeper.wait_for_phase(Phase.COLLECTING)
    wait_for(lambda: any(lock.mode == "WRITE" for lock in locks_on(house.keeper.store)), "the store is locked")
    assert checks_of(house)[LOCK].state is GOOD
    held.unlink()
    house.keeper.result(token)


def test_a_lock_whose_keeper_was_killed_belongs_to_nobody_we_know(house: House) -> None:
    state = house.keeper.state()
    house.keeper.kill()
    assert checks_of(house, state=state)[LOCK].state is UNKNOWN
    with somebody_locks(house.keeper.store, SHARED):
        assert checks_of(house, state=state)[LOCK].state is UNKNOWN


def test_where_the_locks_cannot_be_seen_nothing_is_claimed(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = house.keeper.state()
    monkeypatch.setattr("webapp.maintenance.kernel_locks.PROC", tmp_path)
    assert checks_of(house, state=state)[LOCK].state is UNKNOWN
    (tmp_path / "locks").touch()
    assert checks_of(house, state=state)[LOCK].state is UNKNOWN


def test_a_store_on_which_no_lock_is_seen_is_unknown_though_the_keeper_is_seen(house: House, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert checks_of(house, state=replace(house.keeper.state(), store=str(tmp_path / "other")))[LOCK].state is UNKNOWN


def test_a_lock_of_what_a_process_started_is_its_own(house: House) -> None:
    with somebody_locks(house.keeper.store, SHARED) as somebody:
        assert is_of(somebody.pid, os.getpid())
        assert not is_of(os.getpid(), somebody.pid)
        assert not is_of(somebody.pid, house.keeper.pid)


def test_a_program_that_would_outlive_the_keeper_is_refused(house: House, tmp_path: Path) -> None:
    program = tmp_path / "setgid"
    shutil.copy(BINARY, program)
    assert checks_of(house, state=replace(house.keeper.state(), binary=str(program)))[PROGRAM].state is GOOD
    for special in (0o2755, 0o4755):
        program.chmod(special)
        assert checks_of(house, state=replace(house.keeper.state(), binary=str(program)))[PROGRAM].state is BAD


def test_a_program_with_file_capabilities_is_refused(house: House, tmp_path: Path) -> None:
    program = tmp_path / "capable"
    shutil.copy(BINARY, program)
    setcap = shutil.which("setcap", path="/usr/sbin:/sbin:/usr/bin")
    if setcap is None or subprocess.run([setcap, "cap_net_bind_service=ep", str(program)], check=False).returncode:
        pytest.skip("file capabilities cannot be given here")
    check = checks_of(house, state=replace(house.keeper.state(), binary=str(program)))[PROGRAM]
    assert (check.state, "file capabilities" in check.sentence) == (BAD, True)


def test_a_program_that_cannot_be_seen_is_unknown(house: House) -> None:
    assert checks_of(house, state=replace(house.keeper.state(), binary="/absent/registry"))[PROGRAM].state is UNKNOWN


def test_the_output_of_the_collector_needs_room(house: House) -> None:
    disk = os.statvfs(house.keeper.folder)
    room_for = disk.f_bavail * disk.f_frsize // module.BYTES_PER_OBJECT
    assert checks_of(house, objects=2 * room_for)[ROOM].state is BAD
    assert checks_of(house, objects=room_for * 3 // 4)[ROOM].state is WARNING
    assert checks_of(house, objects=None)[ROOM].state is GOOD
    assert checks_of(house, state=house.keeper.state(), folder=Path("/absent"))[ROOM].state is UNKNOWN


def test_even_a_small_registry_needs_some_megabytes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = os.statvfs(house.keeper.folder)
    monkeypatch.setattr(module, "LEAST_ROOM_BYTES", 2 * disk.f_bavail * disk.f_frsize)
    assert checks_of(house, objects=1)[ROOM].state is BAD


@pytest.mark.parametrize(
    ("version", "generation", "state"),
    [
        ("registry github.com/docker/distribution 2.8.3", "2", GOOD),
        ("docker-registry github.com/docker/distribution 2.8.2+ds1", "2", GOOD),
        ("registry github.com/docker/distribution v2.7.1", "2", GOOD),
        ("/bin/registry github.com/distribution/distribution/v3 3.1.1", "3", GOOD),
        ("registry github.com/distribution/distribution/v3 3.1.1", "2", BAD),
        ("registry github.com/docker/distribution 2.8.3", "3", BAD),
        ("registry github.com/docker/distribution 2.8.3", "unknown", UNKNOWN),
        ("registry github.com/docker/distribution 2.8.3", "", UNKNOWN),
        ("registry github.com/docker/distribution unreleased", "2", UNKNOWN),
        ("", "2", UNKNOWN),
    ],
)
def test_collector_and_registry_are_of_one_generation(
    version: str, generation: str, state: CheckState, house: House
) -> None:
    said = replace(house.keeper.state(), registry_version=version)
    assert checks_of(house, state=said, generation=generation)[GENERATION].state is state


def test_a_store_that_does_not_hold_what_the_registry_answers_with_is_refused(house: House, kept: Built) -> None:
    stranger = ("team/web", "1", kept.digest)
    check = checks_of(house, samples=[stranger], url="https://registry.example")[SAME_REGISTRY]
    assert check.state is BAD
    assert check.sentence == "The keeper's store is not the one of the registry at https://registry.example."
    assert "team/web:1" in check.remedy
    assert checks_of(house, samples=[stranger, sample(kept)])[SAME_REGISTRY].state is GOOD
    other = "sha256:" + "0" * 64
    assert checks_of(house, samples=[("team/api", "kept", other)])[SAME_REGISTRY].state is BAD


def test_a_tag_that_was_pushed_again_since_it_was_seen_still_names_the_store(house: House, kept: Built) -> None:
    house.push("kept", "newer")
    assert checks_of(house, samples=[sample(kept)])[SAME_REGISTRY].state is GOOD


def test_two_stores_that_are_not_one_are_refused(house: House, kept: Built, tmp_path: Path) -> None:
    shutil.copytree(house.keeper.store, tmp_path / "copy")
    check = checks_of(house, store=tmp_path / "copy", samples=[sample(kept)])[SAME_REGISTRY]
    assert (check.state, str(tmp_path / "copy") in check.sentence) == (BAD, True)
    (tmp_path / "link").symlink_to(house.keeper.store)
    assert checks_of(house, store=tmp_path / "link", samples=[sample(kept)])[SAME_REGISTRY].state is GOOD


def test_one_visible_store_is_enough_and_none_is_unknown(house: House, kept: Built) -> None:
    elsewhere = replace(house.keeper.state(), store="/absent")
    assert checks_of(house, state=elsewhere, samples=[sample(kept)])[SAME_REGISTRY].state is GOOD
    assert checks_of(house, store=None, samples=[sample(kept)])[SAME_REGISTRY].state is GOOD
    assert checks_of(house, state=elsewhere, store=None, samples=[sample(kept)])[SAME_REGISTRY].state is UNKNOWN
    assert checks_of(house, samples=[])[SAME_REGISTRY].state is UNKNOWN


def test_a_lock_file_in_the_store_stands_for_the_store(house: House, kept: Built) -> None:
    lock = house.keeper.store / "lock"
    lock.touch()
    by_file = replace(house.keeper.state(), store=str(lock))
    for store in (house.keeper.store, None):
        assert checks_of(house, state=by_file, store=store, samples=[sample(kept)])[SAME_REGISTRY].state is GOOD


def test_a_configuration_that_is_not_the_keepers_is_refused(house: House, tmp_path: Path) -> None:
    assert SAME_FILE not in checks_of(house)
    ours = tmp_path / "ours.yml"
    shutil.copy(house.keeper.config, ours)
    assert checks_of(house, config=ours)[SAME_FILE].state is GOOD
    ours.write_text(json.dumps({"version": "0.1"}))
    assert checks_of(house, config=ours)[SAME_FILE].state is BAD
    assert checks_of(house, config=tmp_path / "absent")[SAME_FILE].state is UNKNOWN


def test_a_relative_path_is_one_of_the_keepers_own_folder(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Path.cwd() / "pyproject.toml"
    monkeypatch.chdir("/")
    relative = replace(house.keeper.state(), config=ours.name)
    assert checks_of(house, state=relative, config=ours)[SAME_FILE].state is GOOD
