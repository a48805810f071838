"""A keeper before a real registry, a file of records, and what a run needs of both."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session, selectinload, undefer

import webapp.accounts.models
import webapp.removal.models  # noqa: F401 tables
from demo.build import Built, image, layer
from demo.push import Pusher
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.activities.models import Activity
from webapp.catalogue.models import RegistryState
from webapp.catalogue.sync import sync
from webapp.database import ENGINE_OPTIONS, Base, Reading, Writing, prepare, reading_from, writing_to
from webapp.maintenance.models import Question, Run, RunKind, RunStep, StepName, StepState, Strategy
from webapp.maintenance.run import Maintainer, run
from webapp.registry.client import RegistryClient, open_registry
from webapp.runtime import orders
from webapp.runtime.orders import Phase, Result

BLOBS = "docker/registry/v2/blobs"
LONGEST_S = 30.0


def open_records(path: Path) -> Engine:
    """An engine on the file of records."""
    return prepare(create_engine(f"sqlite:///{path}", **ENGINE_OPTIONS))


def utc_now() -> datetime:
    return datetime.now(UTC)


def a_client(url: str) -> RegistryClient:
    """A client that gives up soon."""
    return open_registry(url, connect_timeout_s=2, read_timeout_s=2)


@dataclass
class House:
    """What a test of runs stands in. `at` says what happens as soon as a step is written down as begun.

    `speed` makes waits of ours shorter: the clock that runs are handed goes that much faster; it is `ahead_s` ahead.
    """

    keeper: KeeperProcess
    records: Path
    engine: Engine
    speed: float = 1.0
    longest_s: float = LONGEST_S
    client_url: str = ""
    other_urls: tuple[str, ...] = ()
    reads_url: str = ""
    has_store: bool = True
    probe_repository: str = ""
    quiet_within_s: float = 10.0
    quiet_s: float = 0.05
    is_answered: Callable[[], bool] = lambda: True
    strategy: Strategy | None = None
    agreed: frozenset[Question] = frozenset()
    ahead_s: float = 0.0
    at: dict[StepName, Callable[[], object]] = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        return reading_from(self.engine)

    @property
    def maintainer(self) -> Maintainer:
        return Maintainer(
            client=a_client(self.client_url or self.keeper.url),
            reading=self.reading,
            writing=self._writing_and_then(writing_to(self.engine)),
            now=utc_now,
            monotonic=lambda: time.monotonic() * self.speed + self.ahead_s,
            folder=self.keeper.folder,
            store=self.keeper.store if self.has_store else None,
            others=tuple(a_client(url) for url in self.other_urls),
            longest_s=self.longest_s,
            reads=a_client(self.reads_url) if self.reads_url else None,
            config=self.keeper.config,
            probe_repository=self.probe_repository,
            is_answered=self.is_answered,
            quiet_within_s=self.quiet_within_s,
            quiet_s=self.quiet_s,
        )

    def run(self, kind: RunKind = RunKind.COLLECT) -> Run:
        """A run by alice, and its row afterwards."""
        maintainer, place = self.maintainer, "192.0.2.1"
        return self.row(run(maintainer, kind, "alice", place, strategy=self.strategy, agreed=self.agreed))

    def look(self) -> None:
        """A look at the whole registry, as the timer has one."""
        assert sync(self.maintainer.catalogue).is_complete

    def row(self, run_id: int) -> Run:
        with self.reading() as session:
            query = select(Run).options(selectinload(Run.steps), undefer(Run.output)).where(Run.id == run_id)
            return session.scalars(query).one()

    def the_run(self) -> Run:
        """The only one."""
        with self.reading() as session:
            (run_id,) = session.scalars(select(Run.id)).all()
        return self.row(run_id)

    def activity_of(self, row: Run) -> Activity:
        """The one activity that tells of a run."""
        with self.reading() as session:
            (found,) = session.scalars(select(Activity).where(Activity.run_id == row.id)).all()
            return found

    def registry_state(self) -> RegistryState:
        with self.reading() as session:
            return session.get_one(RegistryState, 1)

    def execute(self, statement: str) -> None:
        with writing_to(self.engine)() as session:
            session.execute(text(statement))

    def add(self, *rows: Base) -> None:
        with writing_to(self.engine)() as session:
            session.add_all(rows)

    def forget_lease(self) -> None:
        """As if thirty seconds had passed since its holder was killed."""
        self.execute("UPDATE leases SET ends_boottime_s = 0")

    def result(self, row: Run) -> Result | None:
        return orders.read_result(self.keeper.folder, row.token)

    def push(self, tag: str, layer_name: str | None = None, repository: str = "team/api") -> Built:
        return Pusher(self.keeper.url).push(repository, image([layer(layer_name or tag)]), [tag])

    def delete(self, built: Built, repository: str = "team/api") -> None:
        url = f"{self.keeper.url}/v2/{repository}/manifests/{built.digest}"
        requests.delete(url, timeout=5).raise_for_status()

    def has(self, built: Built) -> bool:
        """Whether the manifest's bytes are in the store."""
        algorithm, _, hexadecimal = built.digest.partition(":")
        return (self.keeper.store / BLOBS / algorithm / hexadecimal[:2] / hexadecimal / "data").exists()

    def stored_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.keeper.store / BLOBS).rglob("data"))

    def _writing_and_then(self, writing: Writing) -> Writing:
        @contextmanager
        def observed() -> Iterator[Session]:
            with writing() as session:
                yield session
            self._happen()

        return observed

    def _happen(self) -> None:
        if not self.at:
            return
        with self.reading() as session:
            begun = session.scalars(select(RunStep.name).where(RunStep.state == StepState.NOW)).all()
        for name in begun:
            self.at.pop(name, lambda: None)()


def assert_read_write(house: House) -> None:
    """The registry takes writes, no collector lives, and the keeper is ready for the next order."""
    wait_for(lambda: accepts_writes(house.keeper.url), "the registry is read-write")
    wait_for(lambda: not house.keeper.processes("collector"), "no collector lives")
    wait_for(lambda: house.keeper.state().phase is Phase.SERVING, "the keeper serves")


def assert_nothing_was_collected(house: House, row: Run) -> None:
    """The keeper never came to collecting, and no collector was started that deletes."""
    result = house.result(row)
    assert result is None or Phase.COLLECTING not in result.began
    assert house.keeper.started("collect") == 0
    assert row.bytes_freed in (0, None)


def failed_step(row: Run) -> StepName | None:
    """The step that a run failed at."""
    return next((step.name for step in row.steps if step.state == StepState.FAILED), None)


def proof_of(row: Run, name: StepName) -> str:
    """What a run says of a step that is done."""
    (proof,) = (step.proof for step in row.steps if step.name == name and step.state == StepState.DONE)
    return proof


def in_background(act: Callable[[], object]) -> threading.Thread:
    """Do it in a thread."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def pull(house: House, reference: str, to: Path) -> None:
    """Pull as a user would; fails the test where it does not work."""
    source = f"docker://127.0.0.1:{house.keeper.port}/{reference}"
    command = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--all", source, f"dir:{to}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def fingerprint_of(folder: Path) -> dict[str, Any]:
    """Every path below with what it holds, when it was changed and who may use it."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }
