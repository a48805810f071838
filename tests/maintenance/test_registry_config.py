"""What the registry's file and the names of its variables say about a run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.registry_process import BINARY, RegistryProcess
from webapp.checks import Check, CheckState
from webapp.maintenance.registry_config import (
    CACHE,
    DOWNLOADS,
    MAINTENANCE,
    PROXY,
    UPLOADS,
    config_checks,
    needs_confirmation,
    uses_redis,
)
from webapp.maintenance.registry_file import LARGEST_BYTES, go_seconds, read_registry_file

DRAIN_S = 60.0
GOOD, WARNING, BAD, UNKNOWN = CheckState.GOOD, CheckState.WARNING, CheckState.BAD, CheckState.UNKNOWN


def checks_of(
    file: str | Mapping[str, Any] | None,
    folder: Path,
    *,
    variables: Collection[str] = (),
    drain_s: float = DRAIN_S,
    is_confirmed: bool = False,
) -> dict[str, Check]:
    path = None
    if file is not None:
        path = folder / "config.yml"
        path.write_text(file if isinstance(file, str) else json.dumps(file))
    return {check.name: check for check in config_checks(path, variables, drain_s, is_confirmed)}


@pytest.mark.parametrize(
    ("timeout", "drain_s", "state"),
    [
        ('"30s"', 60, GOOD),
        ('"30s"', 30.5, GOOD),
        ('"30s"', 30, WARNING),
        ('"1m30s"', 60, WARNING),
        ("30000000000", 60, GOOD),
        ('"0s"', 60, WARNING),
        ("0", 60, WARNING),
        ("null", 60, WARNING),
        ('"soon"', 60, UNKNOWN),
        ("[]", 60, UNKNOWN),
        ("true", 60, UNKNOWN),
    ],
)
def test_downloads_are_waited_for_when_the_drain_is_set_and_below_that_of_the_keeper(
    timeout: str, drain_s: float, state: CheckState, tmp_path: Path
) -> None:
    assert checks_of(f"http: {{draintimeout: {timeout}}}", tmp_path, drain_s=drain_s)[DOWNLOADS].state is state


def test_without_a_drain_and_a_secret_transfers_are_cut_and_the_lines_to_add_are_shown(tmp_path: Path) -> None:
    found = checks_of("version: 0.1", tmp_path)
    assert (found[DOWNLOADS].state, found[UPLOADS].state) == (WARNING, WARNING)
    assert "draintimeout: 30s" in found[DOWNLOADS].lines
    assert "secret:" in found[UPLOADS].lines


def test_a_secret_in_the_file_lets_uploads_go_on_and_is_repeated_nowhere(tmp_path: Path) -> None:
    found = checks_of({"http": {"secret": "mum's the word"}}, tmp_path)
    assert found[UPLOADS].state is GOOD
    assert "mum" not in repr(found)


@pytest.mark.parametrize(
    ("cache", "state"),
    [
        ({"blobdescriptor": "redis"}, BAD),
        ({"layerinfo": "redis"}, BAD),
        ({"layerinfo": "redis", "blobdescriptor": "inmemory"}, GOOD),
        ({"layerinfo": "redis", "blobdescriptor": None}, GOOD),
        ({"blobdescriptor": "inmemory"}, GOOD),
        ({"blobdescriptor": "Redis"}, GOOD),
        ({}, GOOD),
        (None, GOOD),
        ("redis", UNKNOWN),
    ],
)
def test_a_descriptor_cache_in_redis_is_refused(cache: object, state: CheckState, tmp_path: Path) -> None:
    found = checks_of({"storage": {"cache": cache}}, tmp_path)
    assert found[CACHE].state is state
    assert needs_confirmation(found.values()) is (state is UNKNOWN)
    assert uses_redis(tmp_path / "config.yml", ["REGISTRY_STORAGE_CACHE_LAYERINFO"]) is None
    assert uses_redis(tmp_path / "config.yml") is {BAD: True, GOOD: False, UNKNOWN: None}[state]


@pytest.mark.parametrize("cache", [{"blobdescriptor": "redis"}, {"layerinfo": "redis"}, {"blobdescriptor": "Redis"}])
def test_the_registry_itself_takes_redis_for_its_cache_where_we_say_so(cache: dict[str, str], tmp_path: Path) -> None:
    # it has no address of redis, so that it panics where it wants one
    storage = {"filesystem": {"rootdirectory": str(tmp_path)}, "cache": cache}
    file = {"version": "0.1", "storage": storage, "http": {"addr": "127.0.0.1:0"}}
    wants_redis = checks_of(file, tmp_path)[CACHE].state is BAD
    assert ("redis configuration required" in what_a_start_prints(tmp_path / "config.yml", {})) is wants_redis


def test_a_pull_through_cache_is_refused_whether_file_or_variable_says_so(tmp_path: Path) -> None:
    remote = {"proxy": {"remoteurl": "https://registry-1.docker.io"}}
    assert checks_of(remote, tmp_path)[PROXY].state is BAD
    assert checks_of(remote, tmp_path, is_confirmed=True)[PROXY].state is BAD
    assert checks_of({}, tmp_path)[PROXY].state is GOOD
    assert checks_of({"proxy": {"remoteurl": ""}}, tmp_path)[PROXY].state is GOOD
    assert checks_of({}, tmp_path, variables=["REGISTRY_PROXY_REMOTEURL"])[PROXY].state is BAD
    assert checks_of(None, tmp_path, variables=["REGISTRY_PROXY_REMOTEURL"], is_confirmed=True)[PROXY].state is BAD


@pytest.mark.parametrize(
    ("variable", "hidden"),
    [
        ("REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", {CACHE}),
        ("REGISTRY_STORAGE_cache_blobdescriptor", {CACHE}),
        ("REGISTRY_STORAGE_CACHE_LAYERINFO", {CACHE}),
        ("REGISTRY_STORAGE_CACHE", {CACHE}),
        ("REGISTRY_STORAGE", {CACHE}),
        ("REGISTRY_PROXY", {PROXY}),
        ("REGISTRY_HTTP", {DOWNLOADS, UPLOADS}),
        ("REGISTRY_HTTP_DRAINTIMEOUT", {DOWNLOADS}),
        ("REGISTRY_HTTP_SECRET", {UPLOADS}),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", set()),
        ("REGISTRY_REDIS_ADDR", set()),
        ("REGISTRY_HTTP_ADDR", set()),
        ("REGISTRY_PROXY_USERNAME", set()),
        ("REGISTRY_STORAGE_CACHEABLE", set()),
    ],
)
def test_a_variable_hides_what_the_file_says_of_its_key_and_of_no_other(
    variable: str, hidden: set[str], tmp_path: Path
) -> None:
    file = {
        "http": {"draintimeout": "5s", "secret": "s"},
        "storage": {"cache": {"blobdescriptor": "inmemory"}},
        "proxy": {},
    }
    found = checks_of(file, tmp_path, variables=[variable])
    assert {name for name, check in found.items() if check.state is UNKNOWN} == hidden
    assert all(check.state is GOOD for name, check in found.items() if name not in hidden)
    assert all(variable in found[name].sentence for name in hidden)


def test_redis_and_proxy_that_cannot_be_ruled_out_wait_for_an_administrator(tmp_path: Path) -> None:
    found = checks_of(None, tmp_path)
    assert {name: check.state for name, check in found.items()} == {
        DOWNLOADS: UNKNOWN,
        UPLOADS: UNKNOWN,
        CACHE: UNKNOWN,
        PROXY: UNKNOWN,
        MAINTENANCE: GOOD,
    }
    assert needs_confirmation(found.values())
    assert found[CACHE].remedy == found[PROXY].remedy
    assert 'have an administrator record "I have checked"' in found[CACHE].remedy


def test_what_an_administrator_has_checked_is_good_and_says_so(tmp_path: Path) -> None:
    for variables in ([], ["REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", "REGISTRY_PROXY"]):
        found = checks_of(None, tmp_path, variables=variables, is_confirmed=True)
        assert (found[CACHE].state, found[PROXY].state) == (GOOD, GOOD)
        assert "An administrator has checked" in found[CACHE].sentence
        assert not needs_confirmation(found.values())


def test_no_administrator_can_overrule_redis_in_the_file(tmp_path: Path) -> None:
    file = {"storage": {"cache": {"blobdescriptor": "redis"}}}
    assert checks_of(file, tmp_path, is_confirmed=True)[CACHE].state is BAD


READONLY_LEAF = "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED"
PURGING_LEAF = "REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED"


@pytest.mark.parametrize("section", [{}, {"readonly": {"enabled": False}}, {"uploadpurging": {"enabled": False}}])
@pytest.mark.parametrize("leaf", [READONLY_LEAF, PURGING_LEAF])
def test_a_variable_of_maintenance_is_refused_where_the_registry_panics_at_it(
    leaf: str, section: dict[str, Any], tmp_path: Path
) -> None:
    storage = {"filesystem": {"rootdirectory": str(tmp_path)}, "maintenance": section}
    file = {"version": "0.1", "storage": storage, "http": {"addr": "127.0.0.1:0"}}
    state = checks_of(file, tmp_path, variables=[leaf])[MAINTENANCE].state
    printed = what_a_start_prints(tmp_path / "config.yml", {leaf: "false"})
    assert state is (BAD if "config key must contain additional keys" in printed else WARNING)
    assert ("Ignoring environment variable" in printed) is (state is WARNING)


def test_a_variable_for_the_whole_map_of_read_only_is_no_fault(tmp_path: Path) -> None:
    for variable in ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "REGISTRY_STORAGE_MAINTENANCE"):
        assert checks_of({}, tmp_path, variables=[variable])[MAINTENANCE].state is GOOD
    assert checks_of(None, tmp_path, variables=[READONLY_LEAF])[MAINTENANCE].state is BAD


NONSENSE = {
    "not YAML": "http: [",
    "a list": "- http",
    "one word": "registry",
    "nothing": "",
    "two documents": "http: {}\n---\nstorage: {}",
    "nested deeply": "[" * 20_000,
    "no date": "http: 2020-99-99",
    "a number without digits": "http: !!int ''",
    "neither yes nor no": "http: !!bool perhaps",
    "no time": "http: !!timestamp soon",
    "a tag that starts a program": "http: !!python/object/apply:os.system ['true']",
    "bytes": "http: \x00\x01",
    "a key that is a list": "? [a]\n: b",
    "a bomb": "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
    "a key twice": "proxy: {remoteurl: 'http://x'}\nproxy: {}",
    "more than can be meant": "http: {}\n# " + "x" * LARGEST_BYTES,
}  # fmt: skip


@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_file_that_cannot_be_understood_is_unknown_with_a_sentence(text: str, tmp_path: Path) -> None:
    began = time.monotonic()
    found = checks_of(text, tmp_path)
    assert time.monotonic() - began < 3
    assert {found[name].state for name in (DOWNLOADS, UPLOADS, CACHE, PROXY)} == {UNKNOWN}
    assert found[CACHE].sentence.endswith(".")
    assert str(tmp_path / "config.yml") in found[CACHE].sentence
    assert needs_confirmation(found.values())


def test_a_file_that_is_missing_or_no_file_is_unknown_with_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)  # so that reading it would have to wait
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "pipe", tmp_path / "loop"):
        found = {check.name: check for check in config_checks(path, (), DRAIN_S, False)}
        assert {found[name].state for name in (DOWNLOADS, UPLOADS, CACHE, PROXY)} == {UNKNOWN}
        assert str(path) in found[CACHE].sentence
    os.close(writer)


def test_bytes_that_are_no_text_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_bytes(b"http: \xff\xfe\x80")
    assert read_registry_file(tmp_path / "config.yml").settings is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("-1s", -1),
        ("100ms", 0.1),
        ("250us", 0.00025),
        ("0", 0),
        (30_000_000_000, 30),
        ("30", None),
        ("s", None),
        ("", None),
        ("1s soon", None),
        (".s", None),
        (True, None),
        (None, None),
    ],
)
def test_durations_are_read_as_go_reads_them(value: object, seconds: float | None) -> None:
    assert go_seconds(value) == (None if seconds is None else pytest.approx(seconds))


def test_the_registry_of_these_tests_is_good_throughout(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, drain_timeout_s=1) as registry:
        assert {check.state for check in config_checks(registry.config, (), DRAIN_S, False)} == {GOOD}


def what_a_start_prints(config: Path, variables: Mapping[str, str]) -> str:
    """What the real registry prints until it panics, or says that it listens."""
    environment = {**os.environ, **variables}
    command = [BINARY, "serve", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    printed = ""
    for line in process.stderr:
        printed += line
        if "listening on" in line:
            break
    process.kill()
    process.communicate()
    return printed
