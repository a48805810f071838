"""A real supervisord with deploy/supervisor/registry.conf: whatever is killed, the registry comes back read-write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import digest_of, image, layer
from demo.push import Pusher
from deploy.local.supervisor_config import WITH_ITS_PARENT
from tests.deploy.administrator import changed, for_keeper
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from tests.runtime.slow_clients import SlowDownload
from webapp.runtime.orders import Ended, KeeperError, Phase, Reads

TRIES_BY_DEFAULT = 4  # supervisor's own startretries is 3
WAIT_S = 20.0
AROUND = """\
[supervisord]
nodaemon = true
logfile = {home}/supervisord.log
pidfile = {home}/supervisord.pid
childlogdir = {home}

[unix_http_server]
file = {home}/socket

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{home}/socket

[include]
files = {home}/registry.conf
"""


class Supervisor:
    """A supervisord that starts the keeper, which nobody else does."""

    def __init__(self, home: Path, keeper: KeeperProcess) -> None:
        self.keeper = keeper
        self.file = home / "supervisord.conf"
        self.file.write_text(AROUND.format(home=home))
        changes = {**for_keeper(keeper), "user = docker-registry\n": "", "--drain 70": "--drain 15"}
        program = changed("supervisor/registry.conf", changes) + f"stdout_logfile = {keeper.log}\n"
        (home / "registry.conf").write_text(program)
        command = [*WITH_ITS_PARENT, sys.executable, "-m", "supervisor.supervisord", "-c", str(self.file)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """`start`, `stop` or `restart` the registry, as one does with supervisorctl."""
        control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.file)]
        return subprocess.Popen([*control, command, "registry"], stdout=subprocess.DEVNULL)

    def tell(self, command: str) -> None:
        assert self.begin(command).wait(WAIT_S) == 0

    def keeper_pid(self) -> int:
        writer = self.keeper.pid_of("writer")
        return next(each.parent_pid for each in self.keeper.processes() if each.pid == writer)

    def wait_for_phase(self, phase: Phase) -> None:
        def is_there() -> bool:
            try:
                return self.keeper.state().phase is phase
            except KeeperError:
                return False

        wait_for(is_there, f"the keeper is {phase}")

    def wait_until_read_write(self) -> None:
        wait_for(lambda: accepts_writes(self.keeper.url), "the registry takes writes")
        self.wait_for_phase(Phase.SERVING)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WAIT_S)


@pytest.fixture
def supervisor(tmp_path: Path, keeper: KeeperProcess) -> Iterator[Supervisor]:
    """supervisord, and a registry that answers and holds an image."""
    supervisor = Supervisor(tmp_path, keeper)
    try:
        supervisor.wait_until_read_write()
        Pusher(keeper.url).push("team/api", image([layer("kept")]), ["kept"])
        yield supervisor
    finally:
        supervisor.end()


def test_space_is_freed_under_supervisor(supervisor: Supervisor, keeper: KeeperProcess) -> None:
    token = keeper.order(reads=Reads.OWN)
    supervisor.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE
    supervisor.wait_until_read_write()


@pytest.mark.parametrize("who", ["keeper", "writer"])
def test_whoever_is_killed_the_registry_comes_back(supervisor: Supervisor, keeper: KeeperProcess, who: str) -> None:
    writer = keeper.pid_of("writer")
    os.kill(supervisor.keeper_pid() if who == "keeper" else writer, signal.SIGKILL)
    wait_for(lambda: writer not in {each.pid for each in keeper.processes()}, "the writer is gone")
    supervisor.wait_until_read_write()


def test_a_restart_in_the_middle_of_a_collection_ends_read_write(supervisor: Supervisor, keeper: KeeperProcess) -> None:
    holding = keeper.tell("hold", "garbage-collect")
    token = keeper.order(reads=Reads.SAME)
    supervisor.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    supervisor.wait_for_phase(Phase.COLLECTING)
    supervisor.tell("restart")
    holding.unlink()
    assert keeper.result(token).ended is Ended.INTERRUPTED
    supervisor.wait_until_read_write()
    assert {each.role for each in keeper.processes()} == {"writer"}


def test_a_registry_that_ends_at_once_again_and_again_is_not_given_up(
    supervisor: Supervisor, keeper: KeeperProcess
) -> None:
    failing = keeper.tell("fail", "serve")
    os.kill(keeper.pid_of("writer"), signal.SIGKILL)
    wait_for(lambda: keeper.log.read_text().count("failed as told") > TRIES_BY_DEFAULT, "it was tried again and again")
    failing.unlink()
    supervisor.wait_until_read_write()


def test_a_stop_lets_a_slow_download_arrive_whole(supervisor: Supervisor, keeper: KeeperProcess) -> None:
    large = layer("large", 10_000_000)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    with SlowDownload(keeper, "team/large", large.digest) as download:
        stop = supervisor.begin("stop")
        supervisor.wait_for_phase(Phase.DRAINING)
        assert digest_of(download.rest()) == large.digest
        assert stop.wait(WAIT_S) == 0
    assert keeper.processes() == []
    supervisor.tell("start")
    supervisor.wait_until_read_write()


def test_nothing_outlives_a_supervisor_that_is_killed(supervisor: Supervisor, keeper: KeeperProcess) -> None:
    supervisor.process.kill()
    supervisor.process.wait(WAIT_S)
    wait_for(lambda: keeper.processes() == [], "the keeper and its registry are gone")
