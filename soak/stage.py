"""What is soaked: the real parts, each started as on a server, by a supervisor that starts again whatever dies."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from deploy.local.supervisor_config import WITH_ITS_PARENT
from soak.disk import SmallDisk
from soak.network import Network
from tests.dashboard_process import ROOT, DashboardProcess
from tests.deploy import nginx_process
from tests.deploy.nginx_process import NginxProcess
from tests.records import Records, open_records
from tests.registry_process import BINARY
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, reserved_port, wait_for
from webapp.runtime.orders import KeeperError, Phase

DRAIN_TIMEOUT_S = 2
DRAIN_S = 4
STOP_WAIT_S = 8
START_S = 60.0
SLOWEST_COLLECTOR_S = 4

SUPERVISORD = """\
[supervisord]
nodaemon = true
logfile = {home}/supervisord.log
pidfile = {home}/supervisord.pid
childlogdir = {home}
"""
PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
autostart = true
autorestart = true
startsecs = 0
startretries = 1000000
stopwaitsecs = {stop_wait_s}
redirect_stderr = true
stdout_logfile = {log}
"""

# The real collector is done in some milliseconds on a small store: this one takes its time first, so that faults hit it.
SLOW_COLLECTOR = """#!/bin/sh
if [ "$1" = garbage-collect ]; then sleep $(($$ % {slowest})); fi
exec {binary} "$@"
"""


class Stage:
    """Everything started when entered, everything ended when left. `home` is emptied before, and stays as it was left."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.disk = SmallDisk(home / "data")
        self.disk.unmount()
        shutil.rmtree(home)
        home.mkdir(parents=True)
        self.disk = SmallDisk(home / "data")
        self.disk.mount()
        self.keeper = KeeperProcess(home / "registry", drain_timeout_s=DRAIN_TIMEOUT_S, drain_s=DRAIN_S)
        self.keeper.binary.write_text(SLOW_COLLECTOR.format(binary=BINARY, slowest=SLOWEST_COLLECTOR_S))
        self.nginx = NginxProcess(home / "nginx", self.keeper)
        self.networks = (Network(self.nginx.port), Network(self.keeper.reads_port))
        self._reservation = reserved_port()
        self.dashboard = self._dashboard()
        self.violations = home / "watcher.txt"
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._records: Records | None = None

    @property
    def records(self) -> Records:
        """The dashboard's own file, looked at from outside."""
        assert self._records is not None
        return self._records

    @property
    def url(self) -> str:
        """Where people push and pull: nginx."""
        return self.nginx.url

    def phase(self) -> Phase | None:
        """What the keeper says that it does; None where it does not say."""
        try:
            return self.keeper.state().phase
        except KeeperError:
            return None

    def is_back(self) -> bool:
        """Whether the registry takes writes and the keeper has nothing else to do."""
        return accepts_writes(self.keeper.url) and self.phase() is Phase.SERVING

    def pids(self, program: str) -> list[int]:
        """The processes of `keeper`, `dashboard` (its first process, then its worker), `writer` or `collector`."""
        if program in ("writer", "collector"):
            return [each.pid for each in self.keeper.processes(program)]
        assert self._supervisord is not None
        mark = b"keeper.py" if program == "keeper" else b"gunicorn"
        first = [pid for pid in children_of(self._supervisord.pid) if mark in command_of(pid)]
        workers = [worker for pid in first for worker in children_of(pid)] if program == "dashboard" else []
        return first + workers

    def saw(self) -> list[str]:
        """What the watcher of processes has to say; ends it."""
        if self._watcher is not None and self._watcher.poll() is None:
            self._watcher.terminate()
            self._watcher.wait(20)
        return self.violations.read_text().splitlines()

    def __enter__(self) -> Stage:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        self.dashboard.prepare("soak")
        self._records = open_records(self.disk.folder / "holystone.db")
        watch = [sys.executable, "-m", "tests.faults.watcher", str(self.keeper.config), str(self.violations)]
        self._watcher = subprocess.Popen(watch, cwd=ROOT, start_new_session=True)
        self.nginx.__enter__()
        self._supervisord = self._start_supervisord()
        wait_for(lambda: accepts_writes(self.url), "the registry answers behind nginx", START_S)
        wait_for(lambda: len(self.pids("dashboard")) == 2, "the dashboard has started", START_S)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.ExitStack() as last:  # each, whatever becomes of those before
            last.callback(self._put_away_records)
            last.callback(self.keeper.end)
            last.callback(self._reservation.close)
            for network in self.networks:
                last.callback(network.close)
            if self._supervisord is not None:
                last.callback(self.nginx.__exit__, None, None, None)
                last.callback(self._end_supervisord, self._supervisord)
            last.callback(self.saw)

    def _dashboard(self) -> DashboardProcess:
        registry, reads = self.networks
        dashboard = DashboardProcess(
            self.home,
            registry.url,
            DATA_DIR=self.disk.folder,
            BIND=f"127.0.0.1:{self._reservation.getsockname()[1]}",
            REGISTRY_PUBLIC_NAME=f"127.0.0.1:{self.nginx.port}",
            REGISTRY_READS_URL=reads.url,
            REGISTRY_STORE=self.keeper.store,
            REGISTRY_CONFIG=self.keeper.config,
            REGISTRY_READ_TIMEOUT="10s",
            KEEPER_FOLDER=self.keeper.folder,
            PROBE_REPOSITORY="holystone/probe",
            SYNC_INTERVAL="30s",
        )
        # The registry reads every REGISTRY_… variable as configuration.
        for name in [name for name in dashboard.environment if name.startswith("REGISTRY_")]:
            del dashboard.environment[name]
        return dashboard

    def _start_supervisord(self) -> subprocess.Popen[bytes]:
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
        programs = {"registry": self.keeper.command(), "dashboard": [*WITH_ITS_PARENT, *gunicorn]}
        text = SUPERVISORD.format(home=self.home)
        for name, command in programs.items():
            text += PROGRAM.format(
                name=name,
                command=" ".join(command),
                directory=ROOT,
                stop_wait_s=STOP_WAIT_S,
                log=self.home / f"{name}.log",
            )
        file = self.home / "supervisord.conf"
        file.write_text(text)
        command = [*WITH_ITS_PARENT, sys.executable, "-m", "supervisor.supervisord", "-c", str(file)]
        with (self.home / "supervisord.out").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.dashboard.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _end_supervisord(self, supervisord: subprocess.Popen[bytes]) -> None:
        for pid in (pid for program in ("keeper", "dashboard") for pid in self.pids(program)):
            send(pid, signal.SIGCONT)
        supervisord.terminate()
        try:
            supervisord.wait(3 * STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            supervisord.kill()
            supervisord.wait(STOP_WAIT_S)

    def _put_away_records(self) -> None:
        """The small disk goes; the records stay, for whoever wants to look into them."""
        if self._records is not None:
            self._records.engine.dispose()
        self.disk.free()
        if self.disk.folder.is_mount():
            kept = self.home / "records"
            shutil.copytree(self.disk.folder, kept)
            self.disk.unmount()


def children_of(pid: int) -> list[int]:
    """The processes that it started and that live; none where it does not live itself."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_of(pid: int) -> bytes:
    """Its command line; empty where it has none any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def send(pid: int, number: int) -> None:
    """Send a signal to a process, if it lives."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def missing_programs() -> list[str]:
    """What has to be installed before anything can be soaked."""
    wanted = {"docker-registry": shutil.which(BINARY), "nginx": nginx_process.BINARY}
    return [name for name, found in wanted.items() if not found]
