"""What is broken, one thing at a time, at random moments. Each fault is over when its function returns."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pysqlite3 import dbapi2

from soak.network import Cut
from soak.stage import Stage, send
from webapp.runtime.orders import Phase

BROKEN_S = (3.0, 45.0)  # a lease lasts 30
A_RUN_WITHIN_S = 65.0  # windows begin every minute
A_COLLECTOR_WITHIN_S = 150.0
MOST_OFTEN_S = 120.0
FEWEST = 7


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that happened. `stops_pulls`: the registry itself was hit, so that pulls may fail until it is back."""

    name: str
    began: datetime
    ended: datetime
    stops_pulls: bool


@dataclass
class Faults:
    """Chooses, breaks, mends.

    Attributes:
        over: once it is set, everything is mended at once.
        seconds: the length of the soak; in a short one faults are shorter and follow sooner.
        done: what happened.
    """

    stage: Stage
    choose: random.Random
    over: threading.Event
    seconds: float
    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bag: list[str] = []
        self.between_s = min(MOST_OFTEN_S, self.seconds / FEWEST)

    @property
    def skipped(self) -> dict[str, str]:
        """What cannot be done on this machine, and why."""
        missing = self.stage.disk.missing
        return {"fill the disk of the records": f"no tmpfs can be mounted here: {missing}"} if missing else {}

    def go_on_until(self, end_s: float) -> None:
        """Break one thing after the other until that second of the monotonic clock."""
        while not self._wait_until(min(end_s, time.monotonic() + self.choose.uniform(0.5, 1.5) * self.between_s)):
            if time.monotonic() >= end_s:
                return
            self.one(end_s)

    def one(self, end_s: float) -> None:
        """The next fault, mostly in the middle of a run; every kind once before any comes again."""
        self._bag = self._bag or self.choose.sample(sorted(FAULTS), len(FAULTS))
        name = self._bag.pop()
        if name in self.skipped:
            return
        if self.choose.random() < 0.7:
            patience_s = min(A_RUN_WITHIN_S, self.seconds / FEWEST)
            self._await(lambda: self.stage.phase() is not Phase.SERVING, min(end_s, time.monotonic() + patience_s))
        self.over.wait(self.choose.uniform(0, 2))  # somewhere in it
        if self.over.is_set():
            return
        began = datetime.now(UTC)
        happened = FAULTS[name](self, end_s)
        ended = datetime.now(UTC)
        print(f"{ended:%H:%M:%S}  {name}{'' if happened else ': there was none'}", flush=True)
        if happened:
            self.done.append(Done(name, began, ended, name in STOP_PULLS))

    def hit(self, program: str, *, number: int = signal.SIGKILL) -> bool:
        """Send a signal to one process of a program, or to all of them."""
        pids = self.stage.pids(program)
        chosen = pids if self.choose.random() < 0.5 else pids[:1] if self.choose.random() < 0.5 else pids[-1:]
        for pid in chosen:
            send(pid, number)
        return bool(chosen)

    def for_a_while(self) -> None:
        """As long as something stays broken."""
        self.over.wait(min(self.choose.uniform(*BROKEN_S), self.seconds / 4))

    def _await(self, condition: Callable[[], bool], until_s: float) -> bool:
        while time.monotonic() < until_s and not self.over.is_set():
            if condition():
                return True
            self.over.wait(0.02)
        return False

    def kill_collector(self, end_s: float) -> bool:
        """Kill a collector that collects, when there is one."""
        until_s = min(end_s, time.monotonic() + min(A_COLLECTOR_WITHIN_S, self.seconds / 3))
        return self._await(lambda: bool(self.stage.pids("collector")), until_s) and self.hit("collector")

    def _wait_until(self, at_s: float) -> bool:
        """Wait; whether all is over."""
        return self.over.wait(max(0.0, at_s - time.monotonic()))


def _stop_dashboard(faults: Faults, _end_s: float) -> bool:
    stopped = [pid for pid in faults.stage.pids("dashboard") if _stop(pid)]
    try:
        faults.for_a_while()
    finally:
        for pid in stopped:
            send(pid, signal.SIGCONT)
    return bool(stopped)


def _stop(pid: int) -> bool:
    send(pid, signal.SIGSTOP)
    return True


def _cut(how: Cut) -> Callable[[Faults, float], bool]:
    def cut(faults: Faults, _end_s: float) -> bool:
        try:
            for network in faults.stage.networks:
                network.cut(how)
            faults.for_a_while()
        finally:
            for network in faults.stage.networks:
                network.mend()
        return True

    return cut


def _fill_disk(faults: Faults, _end_s: float) -> bool:
    try:
        faults.stage.disk.fill()
        faults.for_a_while()
    finally:
        faults.stage.disk.free()
    return True


def _lock_records(faults: Faults, _end_s: float) -> bool:
    with locked(faults.stage):
        faults.for_a_while()
    return True


@contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Hold the lock for writing on the records, as a backup that hangs would."""
    connection = dbapi2.connect(str(stage.records.path), isolation_level=None, timeout=60)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()  # which takes it back


FAULTS: dict[str, Callable[[Faults, float], bool]] = {
    "kill -9 the dashboard": lambda faults, _end_s: faults.hit("dashboard"),
    "kill -9 the keeper": lambda faults, _end_s: faults.hit("keeper"),
    "kill -9 the registry": lambda faults, _end_s: faults.hit("writer"),
    "kill -9 the collector": Faults.kill_collector,
    "stop the dashboard, and let it go on": _stop_dashboard,
    "cut the network, refusing": _cut(Cut.REFUSED),
    "cut the network, silent": _cut(Cut.SILENT),
    "fill the disk of the records": _fill_disk,
    "lock the records": _lock_records,
}
STOP_PULLS = ("kill -9 the keeper", "kill -9 the registry")
