"""The script by hand, run by bash before a real registry: what it frees, and what it leaves when something fails."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.maintenance.by_sha512 import LAYER, push_by_sha512, sha512_of
from tests.maintenance.hand_registry import HandRegistry
from tests.registry_process import RegistryProcess, _free_port
from tests.runtime.keeper_process import wait_for
from webapp.maintenance.by_hand import BY_HAND, HandSettings, Redis, hand_settings, script
from webapp.maintenance.models import Strategy

ODD_NAME = """it's a "store" $(touch pwned) `touch pwned`; touch pwned #"""
BOTH = pytest.mark.parametrize("strategy", BY_HAND)
Making = Callable[..., HandRegistry]


@pytest.fixture
def making(tmp_path: Path) -> Iterator[Making]:
    """Makes a registry that holds team/api:kept, and the bytes of an image that was deleted."""
    made: list[HandRegistry] = []

    def make(**given: object) -> HandRegistry:
        registry = HandRegistry(tmp_path / ODD_NAME, _free_port(), **given)  # type: ignore[arg-type]
        made.append(registry)
        registry.start()
        registry.push("kept")
        registry.delete(registry.push("gone"))
        return registry

    yield make
    for registry in made:
        registry.end()


@pytest.fixture
def registry(making: Making) -> HandRegistry:
    return making()


def assert_nothing_happened(registry: HandRegistry, pid: str) -> None:
    """The registry was not even restarted."""
    assert registry.pid == pid
    assert registry.is_read_write()
    assert not registry.has_collected()


@BOTH
def test_it_frees_the_space_with_proofs_and_the_registry_takes_writes_again(
    strategy: Strategy, registry: HandRegistry, tmp_path: Path
) -> None:
    before = registry.stored_bytes()
    code, printed = registry.run(strategy)
    assert code == 0, printed
    assert before - registry.stored_bytes() > 300_000
    first = {Strategy.STOP: "nobody answers at", Strategy.READ_ONLY: "refuses PUT and DELETE as read-only"}[strategy]
    assert printed.index("A dry run") < printed.index(first) < printed.index("The collector says: ")
    assert printed.index("The collector says: ") < printed.index("accepts writes again")
    assert int(printed.partition(" KiB are free again")[0].rpartition("\n")[2]) >= 300
    assert registry.is_read_write()
    assert registry.answer_to_get("kept") == 200
    registry.push("new")
    assert not list(tmp_path.rglob("pwned"))
    assert not Path("pwned").exists()


@BOTH
@pytest.mark.parametrize("fault", ["fail", "nothing"])
def test_a_collector_that_fails_or_does_nothing_leaves_a_registry_that_takes_writes(
    fault: str, strategy: Strategy, registry: HandRegistry
) -> None:
    before = registry.stored_bytes()
    registry.tell(fault)
    code, printed = registry.run(strategy)
    assert code == 1
    assert {"fail": "failed as told", "nothing": "without its summary"}[fault] in printed
    assert registry.has_collected()
    assert registry.stored_bytes() == before
    assert registry.is_read_write()


@BOTH
def test_a_collector_whose_exit_code_is_not_zero_has_failed_whatever_it_printed(
    strategy: Strategy, registry: HandRegistry
) -> None:
    registry.tell("fail late")
    code, printed = registry.run(strategy)
    assert (code, "The collector ended with code 3" in printed) == (1, True)
    assert registry.is_read_write()


@BOTH
def test_a_dry_run_that_fails_stops_nothing(strategy: Strategy, registry: HandRegistry) -> None:
    pid = registry.pid
    registry.tell("fail dry-run")
    assert registry.run(strategy)[0] == 1
    assert_nothing_happened(registry, pid)


def test_a_blob_that_an_image_names_by_sha512_stops_nothing(registry: HandRegistry) -> None:
    built, pid = push_by_sha512(registry.url, "team/api", "odd", tag="odd"), registry.pid
    code, printed = registry.run(Strategy.STOP)
    said = (
        f"team/api names {sha512_of(built.blobs[LAYER].raw)}: a collection would delete its bytes. Nothing was changed."
    )
    assert (code, said in printed) == (1, True)
    assert_nothing_happened(registry, pid)


@pytest.mark.parametrize("answer", ["no", "", "Yes"])
def test_any_answer_but_yes_stops_nothing(answer: str, registry: HandRegistry) -> None:
    pid = registry.pid
    code, printed = registry.run(Strategy.STOP, answer)
    assert (code, "Nothing was changed." in printed) == (1, True)
    assert_nothing_happened(registry, pid)


def test_a_registry_that_was_not_stopped_is_not_collected(registry: HandRegistry) -> None:
    registry.replaced[r"stop_registry\(\) .*"] = "stop_registry() { :; }"
    registry.replaced[r"start_registry\(\) .*"] = "start_registry() { :; }"
    pid = registry.pid
    code, printed = registry.run(Strategy.STOP)
    assert (code, "still answers" in printed) == (1, True)
    assert_nothing_happened(registry, pid)


@pytest.mark.parametrize(
    "variables",
    [
        'REGISTRY_STORAGE_MAINTENANCE={"uploadpurging":{"enabled":false}}',  # starts, and takes writes
        "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true",  # panics
    ],
)
def test_a_registry_that_does_not_refuse_writes_is_not_collected(variables: str, registry: HandRegistry) -> None:
    line = r"    REGISTRY_STORAGE_MAINTENANCE_READONLY=.*"
    registry.replaced[line] = f"    env {variables!r} \\"
    code, printed = registry.run(Strategy.READ_ONLY)
    assert (code, "does not refuse writes" in printed) == (1, True)
    assert not registry.has_collected()
    assert registry.is_read_write()


@BOTH
def test_told_to_end_in_mid_collection_it_ends_the_collector_first(strategy: Strategy, registry: HandRegistry) -> None:
    registry.tell("hang")
    process = registry.begin(strategy)
    wait_for(registry.has_collected, "the collector lives")
    assert not registry.is_read_write()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert registry.is_read_write()
    assert (registry.control / "started").exists()
    assert not (registry.control / "beside").exists()


def test_told_to_end_while_it_is_stopping_the_registry_it_brings_it_back(registry: HandRegistry) -> None:
    registry.replaced[r"stop_registry\(\) .*"] = registry.filled(
        'stop_registry() {{ kill "$(cat {pid})"; touch {control}/stopping; sleep 1; }}'
    )
    process = registry.begin(Strategy.STOP)
    wait_for((registry.control / "stopping").exists, "it stops the registry")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert registry.is_read_write()
    assert not registry.has_collected()


@BOTH
def test_where_somebody_else_has_locked_the_store_nothing_is_collected(
    strategy: Strategy, registry: HandRegistry
) -> None:
    locking = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), 1); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", locking, str(registry.store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as somebody:
        assert somebody.stdout is not None
        somebody.stdout.readline()
        code, printed = registry.run(strategy)
        somebody.kill()
    assert (code, "Somebody else has locked" in printed) == (1, True)
    assert not registry.has_collected()
    assert registry.is_read_write()


@BOTH
def test_another_registry_on_the_store_that_takes_writes_prevents_it(
    strategy: Strategy, making: Making, tmp_path: Path
) -> None:
    with RegistryProcess(tmp_path / "other") as other:
        registry = making(others=(other.url,))
        code, printed = registry.run(strategy)
        assert (code, f"{other.url} does not refuse writes" in printed) == (1, True)
        assert not registry.has_collected()
        assert registry.is_read_write()
        other.restart(read_only=True)
        assert registry.run(strategy)[0] == 0


def test_a_collection_that_would_delete_everything_is_not_begun(registry: HandRegistry) -> None:
    pid = registry.pid
    repository = registry.store / "docker/registry/v2/repositories/team/api"
    (repository / "_layers").rename(repository / "away")
    code, printed = registry.run(Strategy.STOP)
    assert (code, "It would delete everything" in printed) == (1, True)
    assert_nothing_happened(registry, pid)


def test_a_collector_of_another_generation_is_not_started(registry: HandRegistry) -> None:
    pid = registry.pid
    registry.replaced["GENERATION=.*"] = "GENERATION=3"
    code, printed = registry.run(Strategy.STOP)
    assert (code, "of generation 3" in printed) == (1, True)
    assert_nothing_happened(registry, pid)


def test_a_registry_that_is_not_started_again_is_said_loudly(registry: HandRegistry) -> None:
    registry.replaced[r"start_registry\(\) .*"] = "start_registry() { :; }"
    code, printed = registry.run(Strategy.STOP)
    assert (code, "THE REGISTRY DOES NOT TAKE WRITES" in printed) == (1, True)


@BOTH
def test_a_registry_with_a_password_is_asked_with_it(strategy: Strategy, making: Making) -> None:
    code, printed = making(has_password=True).run(strategy)
    assert code == 0, printed


# Redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    """A real redis, where there is one; its port."""
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        pytest.skip("there is no redis here")
    port = _free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: b"PONG" in redis_cli(port, "PING"), "redis answers")
        yield port
        process.kill()


def redis_cli(port: int, *words: str) -> bytes:
    command = ["redis-cli", "-p", str(port), "-n", "3", *words]
    return subprocess.run(command, capture_output=True, check=False).stdout


@BOTH
def test_with_the_cache_in_redis_what_is_pushed_again_afterwards_is_stored(
    strategy: Strategy, making: Making, redis: int
) -> None:
    registry = making(cache="redis", redis_port=redis)
    redis_cli(redis, "SET", "of-somebody-else", "1")
    assert b"blobs::" in redis_cli(redis, "KEYS", "*")
    code, printed = registry.run(strategy)
    assert code == 0, printed
    assert redis_cli(redis, "KEYS", "*").split() == [b"of-somebody-else"]
    gone = registry.push("gone")
    assert registry.answer_to_get(gone.digest) == 200


@BOTH
def test_without_the_flush_that_push_would_be_lost(strategy: Strategy, making: Making, redis: int) -> None:
    registry = making(cache="redis", redis_port=redis)
    registry.replaced["REDIS=.*"] = "REDIS=()"
    assert registry.run(strategy)[0] == 0
    gone = registry.push("gone")  # 201
    assert registry.answer_to_get(gone.digest) == 404


FAKE_REDIS_CLI = """#!/bin/bash
cd {home} || exit 1
case "$*" in
    *PING) echo PONG ;;
    *"--scan --pattern blobs::*") grep '^blobs::' keys || true ;;
    *"--scan --pattern repository::*") grep '^repository::' keys || true ;;
    *DEL*)
        [ ! -e refuse ] || exit 1
        curl --silent --max-time 2 {url}/v2/ > /dev/null && touch flushed-beside-a-registry
        [ -e control/collected ] || touch flushed-before-the-collection
        for key; do grep -vxF -e "$key" keys > keys.new; mv keys.new keys; done ;;
    *) exit 1 ;;
esac
"""


@pytest.fixture
def with_fake_redis(registry: HandRegistry) -> HandRegistry:
    """A registry whose script flushes a file of keys instead of redis."""
    fake = registry.home / "redis-cli"
    home = "'" + str(registry.home).replace("'", "'\\''") + "'"
    fake.write_text(FAKE_REDIS_CLI.format(home=home, url=registry.url))
    fake.chmod(0o755)
    (registry.home / "keys").write_text("blobs::sha256:1\nrepository::team/api::blobs\nother\n")
    registry.replaced["REDIS=.*"] = f"REDIS=({home}/redis-cli)"
    return registry


@BOTH
@pytest.mark.parametrize("fault", ["", "fail"])
def test_redis_is_flushed_after_the_collector_and_before_any_registry_is_started(
    fault: str, strategy: Strategy, with_fake_redis: HandRegistry
) -> None:
    if fault:
        with_fake_redis.tell(fault)
    code, printed = with_fake_redis.run(strategy)
    assert code == (1 if fault else 0), printed
    home = with_fake_redis.home
    assert (home / "keys").read_text() == "other\n"
    assert not (home / "flushed-beside-a-registry").exists()
    assert not (home / "flushed-before-the-collection").exists()
    assert with_fake_redis.is_read_write()


def test_a_redis_that_cannot_be_flushed_is_said_loudly_and_the_registry_comes_back(
    with_fake_redis: HandRegistry,
) -> None:
    (with_fake_redis.home / "refuse").touch()
    code, printed = with_fake_redis.run(Strategy.STOP)
    assert (code, "REDIS WAS NOT FLUSHED" in printed) == (1, True)
    assert with_fake_redis.is_read_write()


def test_a_redis_that_does_not_answer_stops_nothing(registry: HandRegistry) -> None:
    pid = registry.pid
    registry.replaced["REDIS=.*"] = "REDIS=(false)"
    assert registry.run(Strategy.STOP)[0] == 1
    assert_nothing_happened(registry, pid)


# Its text


def test_where_the_file_names_redis_its_address_is_in_the_script(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text("storage: {cache: {blobdescriptor: redis}}\nredis: {addr: 'cache.example:6380', db: 2}\n")
    assert hand_settings("http://x", file, None, "2").redis == Redis("cache.example", 6380, 2)
    file.write_text("storage: {cache: {blobdescriptor: redis}}\nredis: {addrs: ['[::1]:6379']}\n")
    found = hand_settings("http://x", file, None, "3")
    assert found.redis == Redis("::1", 6379, 0)
    assert "REDIS=(redis-cli -h ::1 -p 6379 -n 0)" in script(Strategy.STOP, found)
    file.write_text("storage: {filesystem: {rootdirectory: /srv/registry}}")
    found = hand_settings("http://x", file, None, "2")
    assert (found.redis, found.may_use_redis, found.store) == (None, False, Path("/srv/registry"))


def test_where_redis_is_not_known_of_the_script_asks(tmp_path: Path) -> None:
    found = hand_settings("http://x", None, None, "3")
    assert found.may_use_redis
    text = script(Strategy.READ_ONLY, found)
    assert "# Where `storage.cache.blobdescriptor` of the registry is redis" in text
    assert "CONFIG=/etc/distribution/config.yml" in text


@BOTH
def test_it_is_whole_for_bash_whatever_the_settings_are(strategy: Strategy) -> None:
    odd = ODD_NAME + "\n'"
    settings = HandSettings(odd, odd, Path(odd), odd, odd, Path(odd), (odd, odd), Redis(odd, 1, 2))
    text = script(strategy, settings)
    head = text.partition("# 3. The rest")[0] + '\nprintf "%s" "$URL$CONFIG$STORE${OTHERS[1]}${REDIS[2]}${CURL[6]}"'
    done = subprocess.run(["bash", "-c", head], capture_output=True, text=True, check=True)
    assert done.stdout == odd * 6
    assert not Path("pwned").exists()
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_what_it_says_in_the_form_for_read_only_is_the_one_that_works() -> None:
    text = script(Strategy.READ_ONLY, HandSettings("http://x"))
    assert """REGISTRY_STORAGE_MAINTENANCE_READONLY='{"enabled":true}'""" in text
    assert "READONLY_ENABLED=" not in text
