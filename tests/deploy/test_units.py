"""The files for systemd and containers: what they say is read by the programs it is for, as far as they are here."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings
from demo.build import digest_of, image, layer
from demo.push import Pusher
from tests.deploy.administrator import DEPLOY, changed, for_keeper
from tests.runtime.keeper_process import KEEPER, KeeperProcess, accepts_writes
from tests.runtime.slow_clients import SlowDownload
from webapp.runtime.keeper import options_from
from webapp.runtime.orders import Ended, Phase, Reads

DRAIN_TIMEOUT_S = 60.0  # what the files tell an administrator to give the registry
LARGE_BYTES = 10_000_000  # more than the kernel buffers on a loopback connection
DEBIANS_UNIT = """\
[Unit]
Description=the Docker toolset to pack, ship, store, and deliver content
After=network.target

[Service]
User=docker-registry
ExecStart={registry} serve /etc/docker/registry/config.yml

[Install]
WantedBy=multi-user.target
"""


def from_supervisor() -> tuple[list[str], float]:
    parser = configparser.RawConfigParser()
    parser.read(DEPLOY / "supervisor" / "registry.conf")
    program = parser["program:registry"]
    return shlex.split(program["command"]), float(program["stopwaitsecs"])


def from_systemd() -> tuple[list[str], float]:
    unit = (DEPLOY / "systemd" / "registry.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    return shlex.split(command), float(stop_s)


def from_container() -> tuple[list[str], float]:
    return entry_point(), float(the_service()["stop_grace_period"].removesuffix("s"))


def entry_point() -> list[str]:
    """The Dockerfile's, which is JSON."""
    (found,) = re.findall(r"^ENTRYPOINT (.+)$", (DEPLOY / "container" / "Dockerfile").read_text(), re.MULTILINE)
    return [str(each) for each in json.loads(found)]


def the_service() -> dict[str, Any]:
    document = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    service: dict[str, Any] = document["services"]["registry"]
    return service


@pytest.mark.parametrize("read", [from_supervisor, from_systemd, from_container])
def test_the_keeper_takes_the_command_and_has_the_time_to_drain(read: Any, keeper: KeeperProcess) -> None:
    command, stop_s = read()
    *options, _binary, config = command[2:]
    taken = options_from([*options, str(keeper.binary), config])
    assert taken.reads_address is not None
    assert taken.config.endswith("/config.yml")
    assert DRAIN_TIMEOUT_S < taken.drain < stop_s


def test_the_container_s_command_and_environment_serve_and_free_space(keeper: KeeperProcess) -> None:
    service = the_service()
    changes = {
        "/usr/local/lib/keeper.py": str(KEEPER),
        "/var/lib/registry-keeper": str(keeper.folder),
        "/var/lib/registry": str(keeper.store),
        ":5000": f"127.0.0.1:{keeper.port}",
        ":5001": f"127.0.0.1:{keeper.reads_port}",
        "/bin/registry": str(keeper.binary),
        "/etc/docker/registry/config.yml": str(keeper.config),
    }
    assert set(changes) <= set(entry_point())
    keeper.command = lambda: [changes.get(part, part) for part in entry_point()]  # type: ignore[method-assign]
    keeper.environment = {**service["environment"], "REGISTRY_HTTP_SECRET": "for tests"}
    keeper.start()
    Pusher(keeper.url).push("team/api", image([layer("kept")]), ["kept"])
    assert keeper.collect(Reads.OWN).ended is Ended.DONE
    assert accepts_writes(keeper.url)


def test_the_host_and_the_container_name_the_same_folders_and_ports() -> None:
    options = options_from([*entry_point()[2:-2], "/bin/sh", "config"])
    targets = {volume.partition(":")[2] for volume in the_service()["volumes"]}
    assert {str(options.folder), str(options.store)} == targets
    published = {port.rpartition(":")[2] for port in the_service()["ports"]}
    assert {options.address.strip(":"), options.reads_address.strip(":")} == published
    assert the_service()["restart"] == "always"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
@pytest.mark.parametrize("form", ["unit", "drop-in"])
def test_systemd_accepts_the_file_as_a_unit_and_as_a_drop_in(tmp_path: Path, keeper: KeeperProcess, form: str) -> None:
    text = changed("systemd/registry.service", for_keeper(keeper))
    name, file = "registry.service", tmp_path / "registry.service"
    if form == "drop-in":
        name = "docker-registry.service"
        (tmp_path / name).write_text(DEBIANS_UNIT.format(registry=keeper.binary))
        file = tmp_path / f"{name}.d" / "keeper.conf"
        file.parent.mkdir()
    file.write_text(text)
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    command = ["systemd-analyze", "verify", "--man=no", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_accepts_the_unit_of_the_dashboard(tmp_path: Path) -> None:
    here = {"=/usr/local/bin/holystone": f"={sys.executable}"}
    (tmp_path / "holystone.service").write_text(changed("systemd/holystone.service", here))
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    command = ["systemd-analyze", "verify", "--man=no", "holystone.service"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_finds_the_dashboard_well_shut_in() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", DEPLOY / "systemd/holystone.service"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_the_ways_of_starting_the_dashboard_give_it_the_same_time_to_end() -> None:
    unit = (DEPLOY / "systemd" / "holystone.service").read_text()
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    for name in ("holystone.conf", "holystone-file.conf"):
        assert f"stopwaitsecs = {stop_s}\n" in (DEPLOY / "supervisor" / name).read_text()


def test_as_the_first_process_of_its_container_it_collects_and_a_stop_lets_a_download_arrive(
    keeper: KeeperProcess,
) -> None:
    """In a namespace of processes of its own, as a container is one; TERM is what `docker stop` sends."""
    namespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    command = [*namespace, *keeper.command()]
    keeper.command = lambda: command  # type: ignore[method-assign]
    keeper.start()
    large = layer("large", LARGE_BYTES)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    assert keeper.collect(Reads.OWN).ended is Ended.DONE
    writer = keeper.pid_of("writer")
    (first,) = (each.parent_pid for each in keeper.processes() if each.pid == writer)
    with SlowDownload(keeper, "team/large", large.digest) as download:
        os.kill(first, signal.SIGTERM)
        keeper.wait_for_phase(Phase.DRAINING)
        assert digest_of(download.rest()) == large.digest
    assert keeper.wait() == 0


def test_a_term_to_the_keeper_and_its_registry_at_once_lets_a_slow_download_arrive_whole(keeper: KeeperProcess) -> None:
    """As systemd ends a control group: its first process, and at once all others."""
    keeper.start()
    large = layer("large", LARGE_BYTES)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    with SlowDownload(keeper, "team/large", large.digest) as download:
        everybody = [keeper.pid, *(each.pid for each in keeper.processes())]
        for pid in everybody:
            os.kill(pid, signal.SIGTERM)
        keeper.wait_for_phase(Phase.DRAINING)
        assert digest_of(download.rest()) == large.digest
    assert keeper.wait() == 0


def test_the_guide_names_files_and_settings_that_there_are_and_says_the_sentence_of_nginx() -> None:
    guide = (DEPLOY.parent / "docs" / "deploying.md").read_text()
    links = re.findall(r"\]\(\.\./(deploy/[^)]+)\)", guide)
    assert len(links) == 6
    assert [link for link in links if not (DEPLOY.parent / link).is_file()] == []
    settings = set(re.findall(r"HOLYSTONE_([A-Z_]+)", guide))
    assert settings <= {each.name for each in fields(Settings)}
    (sentence,) = re.findall(r'"message":"([^"]+)"', (DEPLOY / "nginx" / "registry.conf").read_text())
    assert f"denied: {sentence}" in guide
