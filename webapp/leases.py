"""'Only one process does this': take, renew and release a named lease, with a fencing token.

A lease runs on the machine's time since its start (`CLOCK_BOOTTIME`), so a clock that is set, or a machine that
sleeps, neither ends nor prolongs one; after a restart of the machine every lease has ended.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, Integer, String, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.database import Base, Writing

log = logging.getLogger(__name__)

LENGTH_S = 30.0
KEEPER_LEASE = "run"
"""Whoever orders something of the keeper holds it: the keeper has one order at a time."""


class LeaseHeld(Exception):
    """Somebody else holds the lease; `owner` says who."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(f"{name} is held by {owner}")
        self.owner = owner


class LeaseLost(Exception):
    """Our lease ran out and may be somebody else's: nothing more may be changed under it."""


class LeaseRow(Base):
    """One row a name, kept for ever, so that its token only grows."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String, primary_key=True)
    owner: Mapped[str]
    token: Mapped[int] = mapped_column(Integer)
    boot_id: Mapped[str]
    ends_boottime_s: Mapped[float]


@dataclass(frozen=True, slots=True)
class Lease:
    """What its holder keeps: the token rises with every taking, so an older holder is known as such."""

    name: str
    owner: str
    token: int


def boottime() -> float:
    """Seconds since the machine started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@cache
def boot_id() -> str:
    """The kernel's name for this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def take(session: Session, name: str, owner: str, length_s: float = LENGTH_S) -> Lease:
    """Take the lease, or raise LeaseHeld where a live one is somebody else's."""
    row = session.get(LeaseRow, name)
    if row is None:
        row = LeaseRow(name=name, owner="", token=0, boot_id="", ends_boottime_s=0.0)
        session.add(row)
    elif _is_live(row):
        raise LeaseHeld(name, row.owner)
    row.owner, row.token = owner, row.token + 1
    row.boot_id, row.ends_boottime_s = boot_id(), boottime() + length_s
    return Lease(name, owner, row.token)


def is_held(session: Session, name: str) -> bool:
    """Whether a live holder of the lease exists."""
    row = session.get(LeaseRow, name)
    return row is not None and _is_live(row)


def renew(session: Session, lease: Lease, length_s: float = LENGTH_S) -> None:
    """Prolong our lease. Raises LeaseLost when it is not ours any more."""
    _change(session, lease, boottime() + length_s)


def release(session: Session, lease: Lease) -> None:
    """Give the lease back. Raises LeaseLost when it was not ours any more."""
    _change(session, lease, 0.0)


def still_ours(session: Session, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is ours and runs. To be asked in the transaction that relies on it."""
    row = session.get(LeaseRow, lease.name)
    if row is None or row.token != lease.token or not _is_live(row):
        raise LeaseLost(lease.name)


def _is_live(row: LeaseRow) -> bool:
    return row.boot_id == boot_id() and row.ends_boottime_s > boottime()


def _change(session: Session, lease: Lease, ends_boottime_s: float) -> None:
    done = session.execute(
        update(LeaseRow)
        .where(LeaseRow.name == lease.name, LeaseRow.token == lease.token)
        .where(LeaseRow.boot_id == boot_id(), LeaseRow.ends_boottime_s > boottime())
        .values(ends_boottime_s=ends_boottime_s)
    )
    if cast("CursorResult[Any]", done).rowcount != 1:
        raise LeaseLost(lease.name)


def this_process() -> str:
    """Who we are, for the rows."""
    return f"process {os.getpid()}"


def fenced(writing: Writing, lease: Lease) -> Writing:
    """The same `writing`, for the holder of a lease only: it raises LeaseLost once the lease is not ours any more."""

    @contextmanager
    def writing_as_holder() -> Iterator[Session]:
        with writing() as session:
            still_ours(session, lease)
            yield session

    return writing_as_holder


@contextmanager
def held(writing: Writing, name: str, length_s: float = LENGTH_S, owner: str | None = None) -> Iterator[Lease]:
    """Hold a lease for the length of a `with`, renewed by a thread of its own at a third of its length.

    Raises:
        LeaseHeld: somebody else holds it.
    """
    with writing() as session:
        lease = take(session, name, owner or this_process(), length_s)
    stop = threading.Event()
    renewing = threading.Thread(target=_renew_until, args=(writing, lease, length_s, stop.wait), daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        stop.set()
        renewing.join()
        _release_if_ours(writing, lease)


def _renew_until(writing: Writing, lease: Lease, length_s: float, stopped: Callable[[float], bool]) -> None:
    while not stopped(length_s / 3):
        try:
            with writing() as session:
                renew(session, lease, length_s)
        except LeaseLost:
            return
        except SQLAlchemyError:
            log.exception("the lease %s could not be renewed", lease.name)  # a third of its length is left to try again


def _release_if_ours(writing: Writing, lease: Lease) -> None:
    try:
        with writing() as session:
            release(session, lease)
    except LeaseLost:
        return
