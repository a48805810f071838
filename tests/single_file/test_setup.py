"""`holystone setup` on a disposable copy of this machine, before a registry that supervisord starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import image, layer
from demo.push import Pusher
from tests.dashboard_process import PASSWORD
from tests.deploy.checkout import answers
from tests.registry_process import BINARY
from tests.runtime.keeper_process import accepts_writes, reserved_port, wait_for
from tests.single_file.disposable import DisposableMachine, can_be_made

WAIT_S = 60.0


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """Of the registry and of the dashboard."""
    taken = [reserved_port() for _ in range(2)]
    yield [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()


@pytest.fixture
def machine(tmp_path: Path, ports: list[int], built: Path) -> Iterator[DisposableMachine]:
    """It has a registry with an image, the single file in /srv, and nothing of Holystone's."""
    if not can_be_made():
        pytest.skip("a process may not be given mounts of its own here")
    with DisposableMachine(tmp_path / "machine", f"127.0.0.1:{ports[0]}") as machine:
        wait_for(lambda: accepts_writes(machine.url), "the plain registry answers", WAIT_S)
        Pusher(machine.url).push("team/api", image([layer("kept")]), ["1.0"])
        machine.put(built / "holystone", "/srv/holystone")
        yield machine


def setup(machine: DisposableMachine, ports: list[int], *more: str, given: str = PASSWORD + "\n") -> str:
    """Set it up by options alone; what it printed."""
    words = ["/srv/holystone", "setup", "--yes", "--password-stdin", "--bind", f"127.0.0.1:{ports[1]}"]
    done = machine.run(*words, "--administrator", "alice", *more, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_setup_puts_the_keeper_before_the_registry_and_the_dashboard_beside_it(
    machine: DisposableMachine, ports: list[int]
) -> None:
    said = setup(machine, ports)
    assert f"{BINARY} serve /etc/docker/registry/config.yml, started by supervisor" in said
    wait_for(
        lambda: '"phase": "serving"' in machine.read("/var/lib/registry-keeper/state"), "the keeper serves", WAIT_S
    )
    wait_for(lambda: accepts_writes(machine.url), "the registry answers", WAIT_S)
    wait_for(lambda: answers(f"http://127.0.0.1:{ports[1]}/sign-in"), "the dashboard answers", WAIT_S)
    run = machine.run("holystone", "maintenance", "run", "--json")
    assert json.loads(run.stdout)["outcome"] == "succeeded", run.stdout + run.stderr
    users = json.loads(machine.run("holystone", "users", "list", "--json").stdout)["users"]
    assert [(each["name"], each["role"]) for each in users] == [("alice", "admin")]
    modes = machine.run(
        "stat", "-c", "%a %U:%G", "/etc/holystone/settings", "/var/lib/holystone", "/var/lib/registry-keeper"
    )
    assert modes.stdout.split("\n")[:3] == [
        "640 root:holystone",
        "700 holystone:holystone",
        "2770 docker-registry:docker-registry",
    ]
    owners = machine.run("sh", "-c", "stat -c %U /var/lib/holystone/*")
    assert set(owners.stdout.split()) == {"holystone"}, "commands that root typed are the records' owner's"
    assert 'environment = TRACES="off"' in machine.read("/etc/supervisor/conf.d/registry.conf"), (
        "what is not ours stays"
    )


def test_a_dry_run_of_setup_shows_all_and_writes_nothing(machine: DisposableMachine, ports: list[int]) -> None:
    done = machine.run("/srv/holystone", "setup", "--dry-run", "--yes", "--server-name", "holystone.example",
                       "--certificate", "/etc/ready", "--certificate-key", "/etc/ready")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for shown in (
        "/etc/holystone/settings",
        "SECRET_KEY=(a secret)",
        "+command = ",
        "server_name holystone.example",
        "useradd",
    ):
        assert shown in done.stdout, shown
    assert machine.listing() == ""
    assert accepts_writes(machine.url)


def test_setup_can_be_run_again_and_keeps_what_is_there(machine: DisposableMachine, ports: list[int]) -> None:
    setup(machine, ports)
    machine.run("sh", "-c", "echo HOLYSTONE_SYNC_INTERVAL=7m >> /etc/holystone/settings")
    before = machine.read("/etc/holystone/settings")
    keeper = machine.run("supervisorctl", "pid", "registry").stdout
    said = setup(machine, ports, "--public-name", "registry.example", given="")
    after = machine.read("/etc/holystone/settings")
    assert set(after.splitlines()) - set(before.splitlines()) == {"HOLYSTONE_REGISTRY_PUBLIC_NAME=registry.example"}
    assert set(before.splitlines()) <= set(after.splitlines())
    assert "/etc/supervisor/conf.d/holystone.conf: as it is." in said
    assert machine.run("supervisorctl", "pid", "registry").stdout == keeper, "the registry was not restarted again"


def test_an_answer_that_is_wrong_ends_setup_before_anything_is_written(
    machine: DisposableMachine, ports: list[int]
) -> None:
    for words, reason in (
        (["--registry-url", "http://127.0.0.1:1"], "Nothing answers at http://127.0.0.1:1."),
        (["--registry-url", "registry"], "write an address such as"),
        (["--server-name", "x.example"], "/etc/ssl/certs/holystone.pem cannot be read."),
    ):
        done = machine.run("/srv/holystone", "setup", "--yes", "--password-stdin", *words, given=PASSWORD)
        assert done.returncode == 1
        assert reason in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    weak = machine.run("/srv/holystone", "setup", "--yes", "--password-stdin", given="short\n")
    assert weak.returncode == 1
    assert machine.listing() == ""
