"""A process that removes something and kills itself with SIGKILL at a moment that is given by number.

Moments are: before and after each request that changes something, before and after each transaction.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.records import open_records
from tests.removal.stage import Stage, agreed_to
from webapp.leases import LeaseRow
from webapp.registry.client import RegistryClient, open_registry
from webapp.removal import batches
from webapp.removal.execute import preview, remove
from webapp.removal.naming import Naming, give_name
from webapp.removal.recovery import recover
from webapp.removal.remover import Remover
from webapp.removal.restore import restore
from webapp.removal.wanted import Wanted

PATIENCE_S = 60


@dataclass(frozen=True)
class Ways:
    """From how many tags on these are taken away first, and how many of them with one stand-in."""

    untag_first_from: int = batches.UNTAG_FIRST_FROM
    tags_on_one: int = batches.TAGS_ON_ONE


class Moments:
    """Counts moments; the last one kills the process."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._lock = threading.Lock()

    def pass_one(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self) -> Iterator[None]:
        self.pass_one()
        yield
        self.pass_one()


class Mortal(RegistryClient):
    """A client that lets moments pass before and after what changes something."""

    def __init__(self, client: RegistryClient, moments: Moments) -> None:
        super().__init__(client._transport)
        self._moments = moments

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        with self._moments.around():
            return super().put_manifest(repository, reference, media_type, raw)

    def delete_manifest(self, repository: str, digest: str) -> None:
        with self._moments.around():
            super().delete_manifest(repository, digest)


def remove_and_die(
    url: str, database: Path, wanted: Wanted, moment: int, ways: Ways, retention: timedelta = timedelta(0)
) -> None:
    """Remove something, and be killed at the given moment."""
    batches.UNTAG_FIRST_FROM, batches.TAGS_ON_ONE = ways.untag_first_from, ways.tags_on_one
    remover = replace(mortal_remover(url, database, moment), retention=retention)
    remove(remover, wanted, agreed_to(preview(remover, wanted)))


def restore_and_die(url: str, database: Path, ids: list[int], moment: int) -> None:
    """Restore something, and be killed at the given moment."""
    restore(mortal_remover(url, database, moment), ids, "alice", "192.0.2.1")


def name_and_die(url: str, database: Path, naming: Naming, moment: int) -> None:
    """Give a manifest a name, and be killed at the given moment."""
    give_name(mortal_remover(url, database, moment), naming)


def mortal_remover(url: str, database: Path, moment: int) -> Remover:
    """What removals work with, until the moment comes."""
    records, moments = open_records(database), Moments(moment)

    @contextmanager
    def writing() -> Iterator[Session]:
        with moments.around(), records.writing() as session:
            yield session

    mortal = Mortal(open_registry(url), moments)
    return Remover(mortal, records.reading, writing, lambda: datetime.now(UTC))


def removed_by_one_that_dies(
    stage: Stage, wanted: Wanted, moment: int, ways: Ways = Ways(), retention: timedelta = timedelta(0)
) -> bool:
    """Let a process remove something and die at a moment; returns whether it lived to the end."""
    return lives(remove_and_die, stage.registry.url, stage.records.path, wanted, moment, ways, retention)


def restored_by_one_that_dies(stage: Stage, ids: list[int], moment: int) -> bool:
    """Let a process restore something and die at a moment; returns whether it lived to the end."""
    return lives(restore_and_die, stage.registry.url, stage.records.path, ids, moment)


def named_by_one_that_dies(stage: Stage, naming: Naming, moment: int) -> bool:
    """Let a process give a name and die at a moment; returns whether it lived to the end."""
    return lives(name_and_die, stage.registry.url, stage.records.path, naming, moment)


def lives(act: Callable[..., None], *arguments: object) -> bool:
    """Do something in a process of its own; returns whether that lived to the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([remove_and_die.__module__])
    process = context.Process(target=act, args=arguments)
    process.start()
    process.join(PATIENCE_S)
    assert process.exitcode in (0, -signal.SIGKILL), "it neither ended nor was killed"
    return process.exitcode == 0


def let_the_lease_run_out(stage: Stage) -> None:
    """Half a minute later."""
    with stage.records.writing() as session:
        session.execute(update(LeaseRow).values(ends_boottime_s=0.0))


def look_up(stage: Stage) -> None:
    """A minute later: the leases of who is dead have run out, and what they left is looked up."""
    let_the_lease_run_out(stage)
    recover(stage.remover)
