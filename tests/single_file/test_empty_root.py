"""The single file where there is no Python: it serves, it is used, it is killed, and it comes back."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import requests

from tests.runtime.keeper_process import wait_for
from tests.single_file.conftest import ROOT
from tests.single_file.empty_root import EmptyRoot
from webapp.version import VERSION

MOST_BYTES = 60_000_000


def test_the_file_is_small_and_says_which_it_is(built: Path, empty_root: EmptyRoot) -> None:
    assert (built / "holystone").stat().st_size < MOST_BYTES
    assert empty_root.run("--version").stdout == f"holystone {VERSION}\n"
    assert not list(empty_root.folder.rglob("python*"))


def test_the_keeper_is_in_the_file_and_alone_beside_it(built: Path, empty_root: EmptyRoot) -> None:
    assert "--reads-address" in empty_root.run("keeper", "--help").stdout
    keeper = built / "holystone-keeper"
    assert keeper.read_bytes() == (ROOT / "webapp/runtime/keeper.py").read_bytes()
    assert os.access(keeper, os.X_OK)


def test_it_serves_and_ends_without_leaving_anything_behind(empty_root: EmptyRoot) -> None:
    empty_root.set(REGISTRY_URL="http://127.0.0.1:1")
    process = empty_root.serve()
    assert requests.get(f"{empty_root.url}/sign-in", timeout=10).status_code == 200
    process.terminate()
    assert process.wait(30) == 0
    wait_for(lambda: not empty_root.processes(), "all of it has ended", 30)
    assert empty_root.unpacked() == []


def test_killed_it_leaves_no_server_behind_and_the_next_start_takes_its_folder_away(empty_root: EmptyRoot) -> None:
    empty_root.set(REGISTRY_URL="http://127.0.0.1:1")
    process = empty_root.serve()
    left = empty_root.unpacked()
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    wait_for(lambda: not empty_root.processes(), "the server has ended with it", 30)
    assert empty_root.unpacked() == left, "nobody was there to take it away"
    empty_root.serve()
    assert len(empty_root.unpacked()) == 1
    assert empty_root.unpacked() != left
    assert requests.get(f"{empty_root.url}/sign-in", timeout=10).status_code == 200


def test_a_command_beside_the_server_leaves_its_folder_alone(empty_root: EmptyRoot) -> None:
    empty_root.set(REGISTRY_URL="http://127.0.0.1:1")
    empty_root.serve()
    before = empty_root.unpacked()
    empty_root.create("alice")
    listed = json.loads(empty_root.run("users", "list", "--json").stdout)
    assert [each["name"] for each in listed["users"]] == ["alice"]
    assert empty_root.unpacked() == before
    assert requests.get(f"{empty_root.url}/static/vendor/htmx.min.js", timeout=10).status_code in (200, 404)


def test_what_is_refused_is_a_sentence_and_an_exit_code(empty_root: EmptyRoot) -> None:
    empty_root.set(REGISTRY_ULR="x")
    for words in (["serve"], ["users", "list"]):
        done = empty_root.run(*words)
        assert done.returncode == 1
        assert done.stderr.count("Did you mean HOLYSTONE_REGISTRY_URL?") == 1
        assert "Traceback" not in done.stderr
    assert empty_root.run("serve", "--port", "1").returncode == 2
    empty_root.set()
    assert empty_root.run("no-such-command").returncode == 2


def test_a_time_zone_is_known_though_the_machine_has_none(empty_root: EmptyRoot) -> None:
    empty_root.set(REGISTRY_URL="http://127.0.0.1:1")
    empty_root.serve()
    words = (
        "maintenance",
        "windows",
        "add",
        "--name",
        "Nightly",
        "--starts",
        "03:00",
        "--zone",
        "Europe/Berlin",
        "--longest",
        "60",
    )
    done = empty_root.run(*words)
    assert done.returncode == 0, done.stderr
