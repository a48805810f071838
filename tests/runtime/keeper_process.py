"""A keeper in front of a real registry, for a test: its own store, folder and ports; everything ended with the test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import requests

from tests.registry_process import BINARY
from webapp.runtime import keeper, orders
from webapp.runtime.orders import KeeperError, KeeperState, Kind, Order, Phase, Reads, Result

KEEPER = Path(keeper.__file__)
PYTHON = os.environ.get("KEEPER_PYTHON") or sys.executable
WAIT_S = 20.0

# Stands in front of the registry's binary: what a test asks for by a file happens to the command, or the role, of that
# name. It notes each role that it starts.
WRAPPER = """#!/bin/sh
control="{control}" role="$1"
if [ "$1" = serve ]; then role=writer; [ -n "$REGISTRY_STORAGE_MAINTENANCE_READONLY" ] && role=reader; fi
if [ "$1" = garbage-collect ]; then role=collect; [ "$2" = --dry-run ] && role=dry-run; fi
told() {{ for each in "$role" "$command"; do [ -e "$control/$1 $each" ] && file="$control/$1 $each" && return; done; }}
command="$1"
echo "$role" >> "$control/started"
while told hold; do sleep 0.02; done
if told once; then rm "$file"; echo "failed once" >&2; exit 3; fi
if told fail; then echo "failed as told" >&2; exit 3; fi
if told nothing; then exit 0; fi
if told writable; then unset REGISTRY_STORAGE_MAINTENANCE_READONLY; fi
if told edit; then {binary} "$@" | sed -f "$file"; exit 0; fi
if told spoil; then {binary} "$@"; echo "failed to remove blob: as told" >&2; exit 1; fi
if told linger; then {binary} "$@"; while told linger; do sleep 0.02; done; exit 0; fi
if told choke; then {binary} "$@" | (while told choke; do sleep 0.02; done; cat); exit 0; fi
exec {binary} "$@"
"""


class KeeperProcess:
    """Starts when entered, ends when left; may be stopped, killed and started again in between.

    Args:
        home: for store, folder, configuration and log.
        has_reads_address: whether it gets `--reads-address`.
        drain_s: its `--drain`.
        drain_timeout_s: the registry's `http.draintimeout`.
    """

    def __init__(
        self, home: Path, *, has_reads_address: bool = True, drain_s: float = 15.0, drain_timeout_s: int = 10
    ) -> None:
        self.home = home
        self.store = home / "store"
        self.folder = home / "keeper"
        self.config = home / "registry.json"  # JSON is YAML
        self.log = home / "keeper.log"
        self.control = home / "control"
        self.environment: dict[str, str] = {}
        self.has_reads_address = has_reads_address
        self.has_store = True
        self.drain_s = drain_s
        for folder in (self.store, self.folder, self.control):
            folder.mkdir(parents=True, exist_ok=True)
        self._reservations = [reserved_port(), reserved_port()]
        self.port, self.reads_port = (taken.getsockname()[1] for taken in self._reservations)
        self.binary = self._write_wrapper()
        self.drain_timeout_s = drain_timeout_s
        self.configure()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def reads_url(self) -> str:
        return f"http://127.0.0.1:{self.reads_port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the keeper is not running"
        return self.process.pid

    def command(self) -> list[str]:
        """The command line that a process manager would be given."""
        reads = ["--reads-address", f"127.0.0.1:{self.reads_port}"] if self.has_reads_address else []
        return [
            *(PYTHON, str(KEEPER), "--folder", str(self.folder)),
            *(["--store", str(self.store)] if self.has_store else []),
            *("--address", f"127.0.0.1:{self.port}", *reads, "--drain", str(self.drain_s)),
            *(str(self.binary), str(self.config)),
        ]

    def configure(self, *, maintenance: Mapping[str, object] | None = None, debug_address: str | None = None) -> None:
        """Write the registry's configuration; what is given goes into `storage.maintenance` and `http.debug.addr`."""
        storage: dict[str, object] = {
            "filesystem": {"rootdirectory": str(self.home / "store")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        }
        http: dict[str, object] = {
            "addr": "127.0.0.1:1",  # the keeper's --address comes before it
            "secret": "for tests",
            "draintimeout": f"{self.drain_timeout_s}s",
        }
        if maintenance is not None:
            storage["maintenance"] = maintenance
        if debug_address is not None:
            http["debug"] = {"addr": debug_address}
        log = {"level": "error", "accesslog": {"disabled": True}}
        self.config.write_text(json.dumps({"version": "0.1", "log": log, "storage": storage, "http": http}))

    def start(self, *, until: Phase | None = Phase.SERVING) -> None:
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment)
        if until is not None:
            self.wait_for_phase(until)

    def stop(self) -> int:
        """TERM, and its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.wait()

    def kill(self) -> None:
        """kill -9; returns when all its children have gone, too."""
        assert self.process is not None
        self.process.kill()
        self.wait()
        wait_for(lambda: not self.processes(), "the children end with the keeper")

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(WAIT_S)

    def state(self) -> KeeperState:
        return orders.read_state(self.folder)

    def wait_for_phase(self, phase: Phase, sentence: str = "") -> KeeperState:
        def is_there() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"the keeper has ended:\n{self.log.read_text()[-2000:]}"
            try:
                state = self.state()
            except KeeperError:
                return False
            return state.phase is phase and sentence in state.sentence

        wait_for(is_there, f"the keeper is {phase}")
        return self.state()

    def order(
        self,
        kind: Kind = Kind.COLLECT,
        reads: Reads = Reads.SAME,
        *,
        go_s: float = 30.0,
        deadline_s: float = 60.0,
    ) -> str:
        """Send an order; its token."""
        token = orders.new_token()
        orders.send_order(self.folder, Order(token, kind, deadline_s, reads, go_s))
        return token

    def go(self, token: str, for_s: float = 5.0) -> None:
        orders.send_go(self.folder, token, orders.boottime_s() + for_s)

    def result(self, token: str) -> Result:
        """How the order ended, when it has."""
        wait_for(lambda: orders.read_result(self.folder, token) is not None, "the order has a result")
        result = orders.read_result(self.folder, token)
        assert result is not None
        return result

    def collect(self, reads: Reads = Reads.SAME) -> Result:
        """A whole collection, as the dashboard would order it."""
        token = self.order(reads=reads)
        self.wait_for_phase(Phase.HOLDING)
        self.go(token)
        return self.result(token)

    def put(self, name: str, value: object) -> None:
        """Write a file of the folder as it is, valid or not."""
        text = value if isinstance(value, str) else json.dumps(value)
        (self.folder / f"{name}.test").write_text(text)
        (self.folder / f"{name}.test").rename(self.folder / name)

    def tell(self, what: str, name: str, lines: str = "") -> Path:
        """Something to happen to a command or a role until the file returned is removed.

        Args:
            what: `hold` it before it begins, `once` fail, `fail`, (do) `nothing`, `linger` when it is done, `spoil` it
                (do the work, then fail), `edit` what it prints by the sed commands in `lines`, `choke` (nobody takes
                what it prints, so that it stops in the middle), `writable` (without its variable for read-only).
            name: the commands `serve` and `garbage-collect`, or the roles `writer`, `reader`, `collect` and `dry-run`.
        """
        file = self.control / f"{what} {name}"
        file.write_text(lines)
        return file

    def started(self, role: str) -> int:
        """How often that role was started."""
        return (self.control / "started").read_text().split().count(role)

    def processes(self, role: str | None = None) -> list[RegistryProcess]:
        return [found for found in registry_processes(self.config) if role in (None, found.role)]

    def pid_of(self, role: str) -> int:
        """Its only process; what the script in front of the registry has just forked does not count."""
        found = self.processes(role)
        pids = {each.pid for each in found}
        (pid,) = (each.pid for each in found if each.parent_pid not in pids)
        return pid

    def end(self) -> None:
        """End the keeper and whatever of its registry is left, by their pids."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(WAIT_S)
        for found in self.processes():
            _signal(found.pid, signal.SIGKILL)
        wait_for(lambda: not self.processes(), "nothing is left")
        for taken in self._reservations:
            taken.close()

    def __enter__(self) -> KeeperProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def _write_wrapper(self) -> Path:
        path = self.home / "registry"
        path.write_text(WRAPPER.format(control=self.control, binary=BINARY))
        path.chmod(0o755)
        return path


@dataclass(frozen=True)
class RegistryProcess:
    """One process of a registry. `role` is writer, reader, collector or dry-run; each that is started has a session."""

    pid: int
    role: str
    parent_pid: int
    session: int


def registry_processes(config: Path) -> list[RegistryProcess]:
    """Every process that serves or collects with this configuration, as /proc has it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            is_registry = b"serve" in arguments or b"garbage-collect" in arguments
            if not is_registry or os.fsencode(config) not in arguments:
                continue
            environment = (entry / "environ").read_bytes()
            _, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        found.append(RegistryProcess(int(entry.name), _role(arguments, environment), int(parent), int(session)))
    return found


def _role(arguments: list[bytes], environment: bytes) -> str:
    if b"garbage-collect" in arguments:
        return "dry-run" if b"--dry-run" in arguments else "collector"
    return "reader" if b"REGISTRY_STORAGE_MAINTENANCE_READONLY=" in environment else "writer"


def accepts_writes(url: str) -> bool:
    """Whether the registry there is read-write; False where it is read-only or does not answer."""
    try:
        answer = requests.options(f"{url}/v2/x/manifests/x", timeout=2)
    except requests.RequestException:
        return False
    return "PUT" in answer.headers.get("Allow", "")


def is_read_only(url: str) -> bool:
    """Whether the registry there answers and refuses writes."""
    try:
        answer = requests.options(f"{url}/v2/x/manifests/x", timeout=2)
    except requests.RequestException:
        return False
    return answer.headers.get("Allow", "") == "GET, HEAD"


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    """Return when the condition holds; fail the test when it does not in time."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, f"waited {timeout_s:g} s in vain until {what}"
        time.sleep(0.01)


def reserved_port() -> socket.socket:
    """A port that nobody is given as long as this socket is open; a listener that sets SO_REUSEADDR can use it."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", 0))
    return taken


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
