#!/usr/bin/env python3
"""The keeper stands in front of a registry, keeps it read-write, and collects its garbage when a file asks for it.

    python3 keeper.py --folder DIR --store DIR --address HOST:PORT [--reads-address HOST:PORT] [--drain S] BINARY CONFIG

It is the parent of every registry process: the writer (`serve`), the reader (`serve`, read-only by its environment)
and the collector (`garbage-collect`). A collection: an order is read, the writer ends and drains, the store is locked,
a `go` is read, the collector runs, the writer returns. A hold is the same without a collector, until a stated time.
Whatever fails, expires, is cancelled or killed, the writer returns.
It never does anything but the fixed kinds of order below, takes no program, path or option from a file, and starts
no writer and no collector before the kernel's lock says that nobody else has the store.

The folder's files are JSON; times are seconds of CLOCK_BOOTTIME. The dashboard writes `order`, `go` {token, until} and
`cancel` {token}; the keeper `state` (what is), `result` (how the last order ended), `output` (what the last collector
printed) and `store-seen` (which directory held a registry). It holds `keeper.lock` while it lives.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

TICK_S = 0.02  # how often files, ports and locks are looked at while an order is carried out
IDLE_S = 0.1  # how often an order is looked for
PATIENCE_S = 3.0  # how long a port or a lock may take to become free after its holder was killed
START_S = 30.0  # how long a registry may take to answer
LINGER_S = 1.0  # how long reads are answered on their own address after the writer is back
COLLECTOR_GRACE_S = 1.0  # between asking a collector to end and killing it
LAYOUT = "docker/registry/v2"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
READ_ONLY = {
    "REGISTRY_STORAGE_MAINTENANCE_READONLY": '{"enabled":true}',
    "REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING": '{"enabled":false}',
    "REGISTRY_HTTP_DEBUG_ADDR": "",  # the writer's may still be in use
}
ORDER_KEYS = {
    "collect": {"token", "kind", "boot_id", "deadline_s", "reads", "go_s"},
    "dry-run": {"token", "kind", "boot_id", "deadline_s"},
    "hold": {"token", "kind", "boot_id", "deadline_s", "reads", "until"},
}


class Ended(Exception):
    """The order in hand is over: how ('failed', 'expired', ...), and a sentence."""


class Stopping(Exception):
    """The keeper was told to end."""


class RegistryDied(Exception):
    """The writer ended by itself: the keeper ends with its exit code, as if it were the registry."""


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def log(sentence: str) -> None:
    with contextlib.suppress(OSError):  # a full disk under the log does not stop the registry
        os.write(2, f"keeper: {sentence}\n".encode("ascii", "backslashreplace"))


def locked(path: Path, flags: int, kind: int = fcntl.LOCK_EX) -> int:
    """A descriptor with the lock on what the path names. Raises BlockingIOError where somebody has it."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise BlockingIOError(errno.EAGAIN, "replaced meanwhile")  # a lock on a deleted file keeps nobody out
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def identity(folder: Path) -> dict[str, int]:
    """What store-seen says of a directory; empty where there is none, or its disk does not answer."""
    with contextlib.suppress(OSError):
        found = folder.stat()
        if stat.S_ISDIR(found.st_mode):
            return {"device": found.st_dev, "inode": found.st_ino}
    return {}


def split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def is_free(address: str) -> bool:
    """Whether nobody listens there. By bind alone: a probe that listened would take clients and drop them."""
    host, port = split(address)
    family, _, _, _, where = socket.getaddrinfo(host or None, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def answers(address: str) -> bool:
    """Whether HTTP is spoken there (a registry with TLS answers this, too: with a 400)."""
    host, port = split(address)
    try:
        with socket.create_connection((host or "localhost", port), timeout=1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def is_number(value: Any, most: float = 1e12) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= most


def is_soon(value: Any) -> bool:
    now = boottime()
    return is_number(value, now + 7 * 86400) and bool(value > now)


def fault_of(order: dict[str, Any], boot_id: str, has_reads_address: bool) -> str:
    """Why the order is refused; empty where it may be carried out."""
    token, kind, reads = order.get("token"), order.get("kind"), order.get("reads", "none")
    if not isinstance(kind, str) or set(order) != ORDER_KEYS.get(kind):
        return "It cannot be read, its kind is unknown, or its keys are not those of its kind."
    rules = {
        "token is not a string of 1 to 100 characters": isinstance(token, str) and 0 < len(token) <= 100,
        "it was written on another machine, or before this one was started": order["boot_id"] == boot_id,
        "deadline_s is not a number up to a week": is_number(order["deadline_s"], 7 * 86400),
        "go_s is not a number up to 600": is_number(order.get("go_s", 1), 600),
        "reads is none of none, same, own": isinstance(reads, str) and reads in ("none", "same", "own"),
        "reads is own, but there is no --reads-address": reads != "own" or has_reads_address,
        "until is not a time within a week from now": kind != "hold" or is_soon(order["until"]),
    }
    return "; ".join(sentence for sentence, is_kept in rules.items() if not is_kept)


class Folder:
    """The files between dashboard and keeper. Whatever is wrong with them, the registry serves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock: int | None = None
        self.trouble = ""

    def is_ours(self) -> bool:
        """Whether keeper.lock is held by us, and still there."""
        if self.lock is None:
            return False
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self.lock), (self.path / "keeper.lock").stat()):
                return True
        os.close(self.lock)
        self.lock = None
        return False

    def take(self) -> None:
        self.lock = locked(self.path / "keeper.lock", os.O_RDWR | os.O_CREAT)

    def create(self, name: str) -> int:
        """A new file, whatever stood there: we never write through a link that somebody else laid."""
        self.remove(name)
        return os.open(self.path / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)

    def write(self, name: str, value: dict[str, Any]) -> bool:
        if not self.is_ours():
            return False
        try:
            with os.fdopen(self.create(f"{name}.new"), "w") as new:
                json.dump(value, new)
                new.flush()
                os.fsync(new.fileno())  # a full disk is an error here, at the latest
            (self.path / f"{name}.new").rename(self.path / name)
        except OSError as error:
            self.complain(error)
            return False
        self.trouble = ""
        return True

    def complain(self, error: OSError) -> None:
        sentence = f"The folder {self.path} cannot be used ({error.strerror}): the registry serves, but takes no order."
        if sentence != self.trouble:
            log(sentence)
        self.trouble = sentence

    def read(self, name: str) -> dict[str, Any] | None:
        """What the file says; None where there is none that can be opened, empty where it is nonsense."""
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            value = json.loads(os.read(descriptor, 4096)) if stat.S_ISREG(os.fstat(descriptor).st_mode) else {}
        except (OSError, ValueError, RecursionError):
            return {}
        finally:
            os.close(descriptor)
        return value if isinstance(value, dict) else {}

    def take_order(self) -> dict[str, Any] | None:
        """The order, if there is one; put aside, so that none is carried out twice."""
        if not self.is_ours():
            return None
        try:
            (self.path / "order").rename(self.path / "order.taken")
        except FileNotFoundError:
            return None
        except OSError as error:
            self.complain(error)
            return None
        return self.read("order.taken") or {}

    def remove(self, *names: str) -> None:
        for name in names:
            with contextlib.suppress(OSError):
                (self.path / name).unlink()


class Keeper:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = Folder(options.folder)
        self.signals, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self.children: dict[str, subprocess.Popen[bytes]] = {}  # writer, reader, collector: those that are to live
        self.leaving: list[tuple[subprocess.Popen[bytes], float]] = []  # those told to end, and when they are killed
        self.lock: int | None = None  # the store, exclusively, while no child of ours has it
        self.order: dict[str, Any] = {}  # in hand
        self.is_returning = False
        self.deadline = 0.0
        self.times: dict[str, float] = {}  # when each phase of the order began
        self.said, self.is_written = ("waiting", ""), False  # the phase and the sentence of `state`
        version = subprocess.run([options.binary, "--version"], stdout=subprocess.PIPE, timeout=10, check=False).stdout
        self.facts = {
            "version": "1",
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            "registry_version": version.decode("ascii", "replace").strip()[:200],
            "variables": sorted(name for name in os.environ if name.startswith("REGISTRY_")),
            "address": options.address,
            "reads_address": options.reads_address,
            "store": str(options.store or ""),
            "config": options.config,
            "binary": options.binary,
            "drain_s": options.drain,
        }

    # Serving

    def run(self) -> NoReturn:
        if not self.wait_for(self.take_folder, PATIENCE_S):
            raise Ended("failed", f"Another keeper has the folder {self.folder.path}.")
        self.say("waiting", "The registry is being started.")
        self.lock_store()
        self.start_writer()
        self.answer_old_order()
        while True:
            self.say("serving")
            order = self.folder.take_order()
            if order is not None:
                self.carry_out(order)
            self.remember_store()
            self.pause(IDLE_S)
            self.take_folder()

    def pause(self, seconds: float = TICK_S) -> None:
        """Wait for a signal, look after the children and, with an order in hand, for what ends it."""
        got = self.signals_within(seconds)
        self.look_after_leaving()
        if signal.SIGTERM in got or signal.SIGINT in got:
            raise Stopping
        if "writer" in self.children and self.children["writer"].poll() is not None:
            raise RegistryDied(self.children["writer"].returncode)
        if not self.order or self.is_returning:
            return
        if "reader" in self.children and self.children["reader"].poll() is not None:
            raise Ended("failed", f"The read-only registry ended with code {self.children['reader'].returncode}.")
        if boottime() >= self.deadline:
            raise Ended("deadline", f"{self.order['deadline_s']:g} seconds were over.")
        if self.folder.read("cancel") == {"token": self.order["token"]}:
            raise Ended("cancelled", "The order was cancelled.")

    def signals_within(self, seconds: float) -> bytes:
        """Their numbers. (Not by sigtimedwait: after SIGCONT Python reports signals that never came.)"""
        return os.read(self.signals, 4096) if select.select([self.signals], [], [], seconds)[0] else b""

    def wait_for(self, condition: Callable[[], bool], seconds: float = float("inf")) -> bool:
        give_up = boottime() + seconds
        while not condition():
            if boottime() >= give_up:
                return False
            self.pause()
        return True

    def say(self, phase: str, sentence: str = "") -> bool:
        """Write `state`, where it says anything else; whether it could be written."""
        if self.is_written and (phase, sentence) == self.said:
            return True
        if sentence and sentence != self.said[1]:
            log(sentence)
        now, token, kind = boottime(), self.order.get("token"), self.order.get("kind")
        if self.order:
            self.times.setdefault(phase, now)
        self.said = (phase, sentence)
        state = dict(self.facts, phase=phase, token=token, kind=kind, since=now, sentence=sentence)
        self.is_written = self.folder.write("state", state)
        return self.is_written

    def take_folder(self) -> bool:
        """Take the folder where it is not ours yet, or again; False where another keeper has it."""
        if self.folder.is_ours():
            return True
        try:
            self.folder.take()
        except OSError as error:
            self.folder.complain(error)
            return not isinstance(error, BlockingIOError)
        self.is_written = False
        self.answer_old_order()
        return True

    def answer_old_order(self) -> None:
        """An order from before we served is never carried out: nobody knows what has happened since."""
        result = self.folder.read("result") or {}
        for name in ("order", "order.taken"):
            order = self.folder.read(name)
            if order is not None and (not order or order.get("token") != result.get("token")):
                self.answer(order, "interrupted", "It was written before the keeper, or the registry, was started.")
            self.folder.remove(name)

    # The registry's processes

    def start(self, role: str, arguments: list[str], environment: dict[str, str], output: int | None = None) -> None:
        """Start the registry's program so that it ends when we do, whatever ends us. It inherits the lock we have."""
        keeper = os.getpid()

        def before_exec() -> None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != keeper:  # we died before the child could ask
                os._exit(1)

        self.children[role] = subprocess.Popen(
            [self.options.binary, *arguments],
            env=dict(os.environ, **environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=() if self.lock is None else (self.lock,),
            start_new_session=True,
            preexec_fn=before_exec,  # noqa: PLW1509 the keeper has no threads
        )

    def serve(self, role: str, address: str, environment: dict[str, str]) -> bool:
        """Start a writer or a reader there; whether it answers in time."""
        self.wait_for(lambda: is_free(address), PATIENCE_S)
        self.start(role, ["serve", self.options.config], dict(environment, REGISTRY_HTTP_ADDR=address))
        return self.wait_for(lambda: answers(address), START_S)

    def start_reader(self, address: str) -> None:
        if not self.serve("reader", address, READ_ONLY):
            raise Ended("failed", f"The read-only registry does not answer on {address}.")

    def start_writer(self) -> None:
        if self.lock is not None:
            fcntl.flock(self.lock, fcntl.LOCK_SH)
        if not self.serve("writer", self.options.address, {}):
            log(f"The registry does not answer on {self.options.address}.")
        self.drop_lock()  # the writer has it

    def send_away(self, role: str, grace_s: float) -> None:
        child = self.children.pop(role, None)
        if child is not None and child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            self.leaving.append((child, boottime() + grace_s))

    def look_after_leaving(self) -> None:
        self.leaving = [(child, kill_at) for child, kill_at in self.leaving if child.poll() is None]
        for child, kill_at in self.leaving:
            if boottime() >= kill_at:
                os.killpg(child.pid, signal.SIGKILL)

    def end(self) -> None:
        """End every child, the writer drained."""
        self.send_away("collector", COLLECTOR_GRACE_S)
        self.send_away("reader", self.options.drain)
        self.send_away("writer", self.options.drain)
        self.say("draining", "The keeper is ending.")
        while self.leaving:
            self.signals_within(TICK_S)
            self.look_after_leaving()

    # The store

    def lock_store(self, to_serve: bool = False) -> None:
        """Lock the store: no writer, no collector, no child of theirs and no other keeper has it.

        It waits for a store that is not mounted for as long as that takes, for a busy one for a moment. To serve again
        after an order it then shares the lock: that excludes every collector, too, and nobody else's lock on the store
        may keep the registry away.
        """
        give_up = boottime() + PATIENCE_S
        while True:
            problem = self.missing_store()
            if not problem:
                is_late = boottime() >= give_up
                problem = self.try_to_lock(fcntl.LOCK_SH if to_serve and is_late else fcntl.LOCK_EX)
                if not problem:
                    return
                if is_late and not to_serve:
                    raise Ended("failed", problem)
            self.say(self.said[0], problem)
            self.pause()

    def try_to_lock(self, kind: int) -> str:
        path: Path = self.options.store or self.folder.path / "store.lock"
        try:
            self.lock = locked(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, kind)
        except BlockingIOError:
            return f"Store busy: another keeper, or a registry or collector of one, has {path}."
        except OSError as error:
            # without a folder there is no lock for S3, but a registry that serves
            return f"{path} cannot be opened: {error.strerror}." if self.options.store else ""
        return ""

    def drop_lock(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
        self.lock = None

    def root(self) -> Path | None:
        """The store's directory; None where there is none to look into (S3 and the like)."""
        store: Path | None = self.options.store
        return store.parent if store is not None and identity(store.parent) and store.is_file() else store

    def missing_store(self) -> str:
        root, seen = self.root(), self.folder.read("store-seen")
        if root is None or identity(root / LAYOUT):
            return ""
        here = identity(root)
        if not here:
            return f"The store {root} is not there: is it mounted?"
        if seen is None:
            return ""
        why = "was emptied." if seen == here else "is another directory now: is it mounted?"
        return f"The store {root} held a registry, and {why} To begin anew, remove {self.folder.path}/store-seen."

    def remember_store(self) -> None:
        root = self.root()
        if root is not None and identity(root / LAYOUT) and self.folder.read("store-seen") != identity(root):
            self.folder.write("store-seen", identity(root))

    def check_store(self) -> None:
        """Refuse where the collector, which sweeps what it has not marked, would sweep what is in use."""
        root = self.root()
        if root is None:
            return
        top = root / LAYOUT / "repositories"
        if not top.is_dir() or not any(top.iterdir()):
            raise Ended("refused", f"{top} is absent or empty: every blob would be deleted.")
        folders = [top]
        while folders:
            folder = folders.pop()
            self.pause(0)
            tags = folder / "_manifests" / "tags"
            if tags.is_dir() and any(tags.iterdir()) and not (folder / "_layers").is_dir():
                # for registry 2.8 this is no repository: it would mark none of its manifests
                raise Ended("refused", f"The repository {folder.relative_to(top)} has tags but no _layers.")
            for inner in folder.iterdir():
                if inner.name.startswith("_") and not inner.is_dir():
                    # registry 2.8 ends its walk of the folder here, and sweeps the repositories that come after it
                    raise Ended("refused", f"{inner} is a file where only directories belong: move it away.")
                if inner.is_dir() and not inner.name.startswith("_"):
                    folders.append(inner)

    # An order

    def carry_out(self, order: dict[str, Any]) -> None:
        """Do what the order says; whatever becomes of it, the next step is the writer again."""
        self.times = {}
        fault = fault_of(order, self.facts["boot_id"], self.options.reads_address is not None)
        if fault:
            self.answer(order, "refused", fault)
            return
        self.order, self.deadline, self.is_written = order, boottime() + order["deadline_s"], False
        outcome: tuple[str, str, int | None] = (
            "interrupted",
            "The keeper was told to stop, or the registry ended.",
            None,
        )
        try:
            outcome = self.outcome()
            self.come_back()
            self.say("serving")
        finally:
            self.answer(order, *outcome)

    def outcome(self) -> tuple[str, str, int | None]:
        act = {"collect": self.collect, "dry-run": self.dry_run, "hold": self.hold}[self.order["kind"]]
        try:
            code = act()
        except Ended as end:
            ended, reason = end.args
            return ended, reason, None
        except OSError as error:
            return "failed", str(error), None
        return ("done", "", 0) if code == 0 else ("failed", f"The collector ended with code {code}.", code)

    def dry_run(self) -> int:
        self.announce("serving")
        self.check_store()
        return self.run_collector("--dry-run")

    def collect(self) -> int:
        self.announce("preparing")
        self.check_store()
        self.step_aside()
        self.folder.remove("go")  # one that is older than *holding* proves nothing
        self.announce("holding")
        until = self.wait_for_go(boottime() + self.order["go_s"])
        self.announce("collecting")
        if boottime() >= until:
            raise Ended("expired", "The go ran out before the collector was started.")
        return self.run_collector()

    def hold(self) -> int:
        """Nobody writes to the store until then: it is ours, and no child of ours has it but a reader."""
        self.announce("preparing")
        self.step_aside()
        self.announce("holding")
        self.wait_for(lambda: bool(boottime() >= self.order["until"]))
        return 0

    def step_aside(self) -> None:
        """End the writer and lock the store; reads are answered as the order says."""
        if self.order["reads"] == "own":
            self.start_reader(self.options.reads_address)
        self.announce("draining")
        writer = self.children["writer"]
        self.send_away("writer", self.options.drain)
        if self.order["reads"] == "same":
            self.start_reader(self.options.address)  # the port is free at once, the drain may take long
        self.wait_for(lambda: writer.poll() is not None)
        self.lock_store()

    def wait_for_go(self, limit: float) -> float:
        """Until when the collector may be started."""
        while True:
            go = self.folder.read("go") or {}
            now = boottime()  # after the reading: we may have been stopped in between
            if now >= limit:
                raise Ended("expired", f"No valid go came within {self.order['go_s']:g} seconds.")
            is_meant = set(go) == {"token", "until"} and go["token"] == self.order["token"] and is_number(go["until"])
            if is_meant and now < go["until"]:
                return min(float(go["until"]), limit)
            self.pause()

    def run_collector(self, *option: str) -> int:
        output = self.folder.create("output")
        try:
            self.start("collector", ["garbage-collect", *option, self.options.config], {}, output)
        finally:
            os.close(output)
        self.drop_lock()  # the collector has it
        collector = self.children["collector"]
        self.wait_for(lambda: collector.poll() is not None)
        return collector.returncode

    def come_back(self) -> None:
        self.is_returning = True
        self.send_away("collector", COLLECTOR_GRACE_S)
        if "writer" not in self.children:
            self.say("returning")
            self.drop_lock()  # to take it anew is to know that the collector and all its children are gone
            self.lock_store(to_serve=True)
            if self.order["reads"] == "same":
                self.send_away("reader", self.options.drain)
            self.start_writer()
        self.times["serving"] = boottime()
        if "reader" in self.children:  # with `own`: whom the writer refused a moment ago asks there next
            self.wait_for(lambda: False, LINGER_S)
        self.send_away("reader", self.options.drain)
        self.order, self.is_returning, self.is_written = {}, False, False

    def announce(self, phase: str) -> None:
        if not self.say(phase):
            raise Ended("failed", self.folder.trouble or "The folder was taken away.")

    def answer(self, order: dict[str, Any], ended: str, reason: str, exit_code: int | None = None) -> None:
        token, kind = (value if isinstance(value, str) else None for value in (order.get("token"), order.get("kind")))
        log(f"Order {token} ({kind}): {ended}. {reason}")
        result = {"token": token, "kind": kind, "ended": ended, "exit_code": exit_code, "reason": reason}
        self.folder.write("result", dict(result, times=self.times))
        self.folder.remove("order.taken", "go", "cancel")


def options_from(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Keeps a registry read-write, and collects its garbage by order.")
    parser.add_argument("--folder", required=True, type=Path, help="shared with the dashboard; local to this machine")
    parser.add_argument("--store", type=Path, help="the registry's root directory (on NFS: a file in it); none for S3")
    parser.add_argument("--address", required=True, metavar="HOST:PORT", help="where the registry answers")
    parser.add_argument("--reads-address", metavar="HOST:PORT", help="where reads are answered meanwhile")
    parser.add_argument("--drain", type=float, default=60.0, help="seconds; more than the registry's http.draintimeout")
    parser.add_argument("binary", help="the registry's program")
    parser.add_argument("config", help="its configuration file")
    options = parser.parse_args(arguments)
    program = shutil.which(options.binary) or parser.error(f"{options.binary} cannot be started.")
    special = Path(program).stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
    if special or "security.capability" in os.listxattr(program):
        parser.error(f"{program} is setuid or has file capabilities, so it would not end with the keeper.")
    options.binary = program
    return options


def end_with_parent() -> None:
    """Ask the kernel to end us when our parent ends; a container's first process has none."""
    if os.getpid() == 1:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    stdout = select.poll()
    stdout.register(1, 0)
    if any(event & select.POLLERR for _, event in stdout.poll(0)):
        sys.exit("keeper: nobody reads our output: our parent died before we could ask to end with it.")


def main() -> int:
    options = options_from(sys.argv[1:])
    end_with_parent()
    keeper = Keeper(options)
    try:
        keeper.run()
    except Stopping:
        return 0
    except Ended as end:
        log(end.args[1])
        return os.EX_TEMPFAIL
    except RegistryDied as died:
        code: int = died.args[0]
        log(f"The registry ended with code {code}.")
        return code if code >= 0 else 128 - code
    finally:
        keeper.end()


if __name__ == "__main__":
    sys.exit(main())
