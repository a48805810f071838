"""The dashboard's side of the keeper: what state it is in, what it is asked, and how that ended.

The keeper (`keeper.py`) and the dashboard share a folder on one machine. All times are seconds of CLOCK_BOOTTIME.
Reading is bounded: what stands in the folder is checked before it is believed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from webapp.runtime.folder import KeeperError, KeeperUnreadable, open_file, read_file, write_file

__all__ = ["KeeperError", "KeeperUnreadable"]

LINE_LIMIT_BYTES = 4096
TAIL_LIMIT_BYTES = 262144
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class KeeperAbsent(KeeperError):
    """No keeper lives in this folder."""


class KeeperOtherBoot(KeeperError):
    """The keeper runs under another kernel than we do: its times mean nothing here."""


class KeeperBusy(KeeperError):
    """The keeper has an order in hand, or is not serving yet."""


class Phase(StrEnum):
    """What the keeper is doing: `waiting` for its store or its registry, `serving` read-write, or the steps of a run."""

    WAITING = "waiting"
    SERVING = "serving"
    PREPARING = "preparing"
    DRAINING = "draining"
    HOLDING = "holding"
    COLLECTING = "collecting"
    RETURNING = "returning"


class Kind(StrEnum):
    """What can be ordered. A dry run goes beside the registry, which stays read-write; a hold only keeps it read-only."""

    COLLECT = "collect"
    DRY_RUN = "dry-run"
    HOLD = "hold"


class Reads(StrEnum):
    """What becomes of reads meanwhile: no answer, an answer on the registry's address, or on one of their own."""

    NONE = "none"
    SAME = "same"
    OWN = "own"


class Ended(StrEnum):
    """How an order ended. Only `done` means that the collector ran to its end, with exit code 0, or the hold to its time."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DEADLINE = "deadline"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class KeeperState:
    """What the keeper says about itself. `variables` are the names of the REGISTRY_* variables it was started with."""

    version: str
    boot_id: str
    phase: Phase
    since_boottime_s: float
    token: str | None
    kind: Kind | None
    sentence: str
    registry_version: str
    variables: tuple[str, ...]
    address: str
    reads_address: str | None
    store: str
    config: str
    binary: str
    drain_s: float


@dataclass(frozen=True, slots=True)
class Order:
    """What the keeper is asked to do. `deadline_s` counts from when it takes the order, `go_s` from *holding* on.

    `until_boottime_s` is when a hold ends.
    """

    token: str
    kind: Kind
    deadline_s: float
    reads: Reads = Reads.SAME
    go_s: float = 30.0
    until_boottime_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """How an order ended; `began` says when each phase of it began (`serving`: when the registry was read-write again)."""

    token: str
    kind: Kind | None
    ended: Ended
    exit_code: int | None
    reason: str
    began: dict[Phase, float]


def boottime_s() -> float:
    """The clock of the keeper's files: seconds since the machine was started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_token() -> str:
    """A name for an order, never used before."""
    return secrets.token_hex(16)


def read_state(folder: Path) -> KeeperState:
    """What the keeper is doing. Raises KeeperAbsent, KeeperOtherBoot or KeeperUnreadable, each with a sentence."""
    if not _is_alive(folder):
        raise KeeperAbsent(f"No keeper is running in {folder}, so Holystone cannot restart this registry.")
    found = read_file(folder, "state")
    if found is None:
        raise KeeperUnreadable(
            f"The keeper in {folder} has not written its state: it is starting, or cannot write there."
        )
    try:
        state = _state_from(found)
    except (KeyError, TypeError, ValueError) as error:
        raise KeeperUnreadable(f"The keeper's state in {folder} cannot be understood: {error!r}.") from error
    if state.boot_id != this_boot_id():
        raise KeeperOtherBoot(f"The keeper in {folder} runs under another kernel, or has not written its state yet.")
    return state


def send_order(folder: Path, order: Order) -> None:
    """Ask the keeper for this. Raises KeeperBusy where it has another order, and what read_state raises."""
    state = read_state(folder)
    if state.phase is not Phase.SERVING:
        raise KeeperBusy(f"The keeper is {state.phase}. {state.sentence}".strip())
    if state.token is not None or (folder / "order").exists():
        raise KeeperBusy("The keeper has an order in hand.")
    asked: dict[str, Any] = {
        "token": order.token,
        "kind": order.kind,
        "boot_id": state.boot_id,
        "deadline_s": order.deadline_s,
    }
    if order.kind is Kind.COLLECT:
        asked.update(reads=order.reads, go_s=order.go_s)
    if order.kind is Kind.HOLD:
        asked.update(reads=order.reads, until=order.until_boottime_s)
    write_file(folder, "order", asked)


def read_order(folder: Path, token: str) -> Order | None:
    """The order of that name that the keeper has, or is about to take; None where none lies there that can be read."""
    for name in ("order.taken", "order"):
        try:
            found = read_file(folder, name)
            if found is not None and found["token"] == token:
                return Order(
                    token=token,
                    kind=Kind(found["kind"]),
                    deadline_s=float(found["deadline_s"]),
                    go_s=float(found.get("go_s", 0.0)),
                    until_boottime_s=float(found.get("until", 0.0)),
                )
        except (KeeperUnreadable, KeyError, TypeError, ValueError):
            continue
    return None


def is_cancelled(folder: Path, token: str) -> bool:
    """Whether the keeper is asked to end this order."""
    try:
        found = read_file(folder, "cancel")
    except KeeperUnreadable:
        return False
    return found is not None and found.get("token") == token


def send_go(folder: Path, token: str, until_boottime_s: float) -> None:
    """Let the collector start, if the keeper reads this before `until`. Only to be sent after *holding* and the proof."""
    write_file(folder, "go", {"token": token, "until": until_boottime_s})


def send_cancel(folder: Path, token: str) -> None:
    """End the order wherever it is; the registry returns."""
    write_file(folder, "cancel", {"token": token})


def read_result(folder: Path, token: str) -> Result | None:
    """How this order ended; None where it has not ended, or a later one has taken its place."""
    found = read_file(folder, "result")
    if found is None or found.get("token") != token:
        return None
    try:
        return Result(
            token=token,
            kind=Kind(found["kind"]) if found["kind"] in tuple(Kind) else None,
            ended=Ended(found["ended"]),
            exit_code=None if found["exit_code"] is None else int(found["exit_code"]),
            reason=str(found["reason"]),
            began={Phase(phase): float(at) for phase, at in found["times"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise KeeperUnreadable(f"The keeper's result in {folder} cannot be understood: {error!r}.") from error


def output_lines(folder: Path) -> Iterator[str]:
    """What the last collector printed, line by line; a line that is too long comes in pieces."""
    try:
        with open_file(folder / "output") as file:
            while line := file.readline(LINE_LIMIT_BYTES):
                yield line.decode("utf-8", "replace").rstrip("\r\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise KeeperUnreadable(f"The collector's output in {folder} cannot be read: {error.strerror}.") from error


def tail_output(folder: Path, lines: int) -> list[str]:
    """The last lines of what the last collector printed; none where nothing was."""
    try:
        with open_file(folder / "output") as file:
            start = max(0, file.seek(0, os.SEEK_END) - TAIL_LIMIT_BYTES)
            file.seek(start)
            text = file.read(TAIL_LIMIT_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeeperUnreadable(f"The collector's output in {folder} cannot be read: {error.strerror}.") from error
    found: list[str] = text.splitlines()
    return (found[1:] if start else found)[-lines:]


def this_boot_id() -> str:
    """The kernel's name for this start of the machine."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def _is_alive(folder: Path) -> bool:
    """Whether a keeper holds its lock: the kernel lets go of it whatever ends the keeper."""
    try:
        descriptor = os.open(folder / "keeper.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise KeeperUnreadable(f"The keeper's folder {folder} cannot be read: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _state_from(found: dict[str, Any]) -> KeeperState:
    return KeeperState(
        version=str(found["version"]),
        boot_id=str(found["boot_id"]),
        phase=Phase(found["phase"]),
        since_boottime_s=float(found["since"]),
        token=None if found["token"] is None else str(found["token"]),
        kind=None if found["kind"] is None else Kind(found["kind"]),
        sentence=str(found["sentence"]),
        registry_version=str(found["registry_version"]),
        variables=tuple(str(name) for name in found["variables"]),
        address=str(found["address"]),
        reads_address=None if found["reads_address"] is None else str(found["reads_address"]),
        store=str(found["store"]),
        config=str(found["config"]),
        binary=str(found["binary"]),
        drain_s=float(found["drain_s"]),
    )
