"""A registry behind a keeper under supervisord, with a dashboard's side that keeps driving runs, to be attacked."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

import requests

from demo.build import OCI_MANIFEST, Built, image, layer
from demo.push import Pusher
from tests.faults.storm_records import StormRecords
from tests.registry_process import BINARY
from tests.runtime.keeper_process import KEEPER, KeeperProcess, accepts_writes, wait_for
from webapp.runtime.orders import KeeperError

ROOT = Path(__file__).parent.parent.parent
BACK_S = 40.0  # more than an order's deadline, however slow the machine is
ORDER_WITHIN_S = 3.0
TARGETS = {"dashboard": 2, "keeper": 3, "writer": 2, "reader": 4, "collector": 8, "supervisord": 1}  # how often
FAULTS = ("kill", "kill", "stop", "restart")

SUPERVISORD = """
[supervisord]
logfile={home}/supervisord.log
pidfile={home}/supervisord.pid
childlogdir={home}
nodaemon=true

[program:registry]
command={keeper}
stopwaitsecs=8
stdout_logfile={home}/keeper.log
redirect_stderr=true
autostart=true
autorestart=true
startsecs=0
startretries=1000000

[program:dashboard]
command={python} -m tests.faults.storm_dashboard {home} {seed}
directory={root}
stdout_logfile={home}/dashboard.log
redirect_stderr=true
autostart=true
autorestart=true
startsecs=0
startretries=1000000
"""

# The real collector is done in 12 ms on a small store: this one takes its time first, so that faults can hit it.
SLOW_COLLECTOR = """#!/bin/sh
if [ "$1" = garbage-collect ]; then sleep 0.$(($$ % 4)); fi
exec {binary} "$@"
"""


class Storm:
    """Everything started when entered, everything ended when left."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.keeper = KeeperProcess(home, drain_timeout_s=2, drain_s=4)
        self.keeper.binary.write_text(SLOW_COLLECTOR.format(binary=BINARY))
        self.config = home / "supervisord.conf"
        self.report = home / "watcher.txt"
        self.choose = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.pushes = Pushes(self.keeper.url)
        command = " ".join(self.keeper.command())
        self.config.write_text(
            SUPERVISORD.format(home=home, keeper=command, python=sys.executable, root=ROOT, seed=seed)
        )
        (home / "addresses").write_text(f"{self.keeper.url} {self.keeper.reads_url}")
        self.records = StormRecords(home)
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def round(self) -> None:
        """Some faults at random moments; then everything that was stopped goes on, and the registry must be back."""
        stopped: list[int] = []
        self._await_order()
        for _ in range(self.choose.randint(1, 3)):
            time.sleep(self.choose.uniform(0, 0.4))  # the moment is what the storm tries
            self._fault(self.choose.choice(FAULTS), stopped)
        time.sleep(self.choose.uniform(0, 0.3))
        for pid in stopped:
            send(pid, signal.SIGCONT)
        self._keep_supervisord()
        wait_for(lambda: accepts_writes(self.keeper.url), "the registry is read-write again", BACK_S)

    def rest(self) -> None:
        """No more runs and orders; returns when the one in hand has ended."""
        (self.home / "rest").touch()
        self.keeper.process = self._supervisord  # only asked whether it lives
        wait_for(lambda: accepts_writes(self.keeper.url) and self._is_idle(), "no order is in hand", BACK_S)

    def go_on(self) -> None:
        (self.home / "rest").unlink()

    def assert_pulls(self, most: int | None = None) -> None:
        """Of what was pushed, all (or `most`) must pull. An order that was sent while we went to rest may delay it."""
        pushed = sorted(self.pushes.acknowledged().items())
        chosen = self.choose.sample(pushed, min(most or len(pushed), len(pushed)))
        wait_for(lambda: all(self._pulls(tag, built) for tag, built in chosen), "every tag pulls", BACK_S)

    def _pulls(self, tag: str, built: Built) -> bool:
        here = f"{self.keeper.url}/v2/{self.pushes.repository}"
        try:
            manifest = requests.get(f"{here}/manifests/{tag}", headers={"Accept": OCI_MANIFEST}, timeout=10)
            blobs = [requests.head(f"{here}/blobs/{blob.digest}", timeout=10) for blob in built.blobs]
        except requests.ConnectionError:
            return False
        return manifest.content == built.raw and all(blob.status_code == 200 for blob in blobs)

    def watched(self) -> list[str]:
        """What the watcher has to say; ends it."""
        assert self._watcher is not None
        self._watcher.terminate()
        self._watcher.wait(20)
        return self.report.read_text().splitlines()

    def _await_order(self) -> None:
        """Wait a little until there is something to break: mostly a collection, else whatever comes first."""
        until, is_patient = time.monotonic() + ORDER_WITHIN_S, self.choose.random() < 0.7
        while time.monotonic() < until:
            with contextlib.suppress(KeeperError):
                state = self.keeper.state()
                if state.phase != "serving" if is_patient else state.token is not None:
                    return
            time.sleep(0.01)

    def _is_idle(self) -> bool:
        with contextlib.suppress(KeeperError):
            state = self.keeper.state()
            return state.phase == "serving" and state.token is None and not (self.keeper.folder / "order").exists()
        return False

    def _fault(self, fault: str, stopped: list[int]) -> None:
        living = {target: pids for target in TARGETS if (pids := self._pids(target))}
        (target,) = self.choose.choices(list(living), [TARGETS[each] for each in living])
        pid = self.choose.choice(living[target])
        self.faults[f"{fault} {target}"] += 1
        if fault == "kill":
            send(pid, signal.SIGKILL)
        elif fault == "restart":
            send(pid, signal.SIGTERM)  # supervisord starts it again
        else:
            send(pid, signal.SIGSTOP)
            stopped.append(pid)
        if target == "supervisord" and fault != "stop":
            assert self._supervisord is not None
            send(pid, signal.SIGCONT)
            self._supervisord.wait(BACK_S)
            self._keep_supervisord()

    def _pids(self, target: str) -> list[int]:
        if target == "supervisord":
            return [self._supervisord.pid] if self._supervisord is not None else []
        if target == "keeper":
            return pids_with(os.fsencode(KEEPER), os.fsencode(self.keeper.config))
        if target == "dashboard":
            return pids_with(b"tests.faults.storm_dashboard", os.fsencode(self.home))
        return [each.pid for each in self.keeper.processes(target)]

    def _keep_supervisord(self) -> None:
        """What a machine's own init does."""
        if self._supervisord is None or self._supervisord.poll() is not None:
            command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
            with (self.home / "init.log").open("ab") as log:
                self._supervisord = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def __enter__(self) -> Storm:
        watch = [sys.executable, "-m", "tests.faults.watcher", str(self.keeper.config), str(self.report)]
        self._watcher = subprocess.Popen(watch, cwd=ROOT)
        self._keep_supervisord()
        wait_for(lambda: accepts_writes(self.keeper.url), "the registry serves", BACK_S)
        self.pushes.start()
        wait_for(lambda: bool(self.pushes.acknowledged()), "something is stored", BACK_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pushes.stop()
        for process in (self._supervisord, self._watcher):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(20)
        for target in ("keeper", "dashboard"):
            for pid in self._pids(target):
                send(pid, signal.SIGKILL)
        self.keeper.process = None
        self.keeper.end()
        self.records.close()


class Pushes:
    """Pushes without a pause, and deletes every second image again, so that there is something to collect."""

    repository = "team/storm"

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: dict[str, Built] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def acknowledged(self) -> dict[str, Built]:
        """The tags whose push was answered with 201, and which nobody deleted."""
        return dict(self._kept)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _run(self) -> None:
        number = 0
        while not self._is_over.wait(0.4):
            number += 1
            with contextlib.suppress(requests.RequestException):
                built = image([layer("shared by all"), layer(f"layer {number}")], labels={"number": str(number)})
                Pusher(self._url).push(self.repository, built, [f"v{number}"])
                if number % 2:
                    self._kept[f"v{number}"] = built
                else:
                    where = f"{self._url}/v2/{self.repository}/manifests/{built.digest}"
                    requests.delete(where, timeout=10).raise_for_status()


def pids_with(*arguments: bytes) -> list[int]:
    """The processes that have all these among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and set(arguments) <= set((entry / "cmdline").read_bytes().split(b"\0")):
                found.append(int(entry.name))
    return found


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
