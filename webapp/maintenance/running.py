"""What a run works with, and how it takes a step: written down before, completed after (law 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.database import Reading, Writing
from webapp.leases import Lease, still_ours
from webapp.maintenance.models import RunKind, StepName, StepState
from webapp.maintenance.records import begin_step, end_step
from webapp.registry.client import RegistryClient


@dataclass(frozen=True, slots=True)
class Maintainer:
    """What runs work with.

    Attributes:
        folder: the keeper's; None where there is no keeper.
        store: the root of the registry's storage where it can be read.
        others: further registries on the same storage.
        longest_s: a collection that takes longer is ended.
    """

    client: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    folder: Path | None
    store: Path | None
    others: Sequence[RegistryClient]
    longest_s: float


@dataclass(frozen=True, slots=True)
class Running:
    """A run in hand: its row, its lease, and the token of its order."""

    maintainer: Maintainer
    folder: Path
    lease: Lease
    run_id: int
    token: str
    kind: RunKind


class StepFailed(Exception):
    """A step of a run did not do what it is for; `sentence` says what happened instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NothingOrdered(StepFailed):
    """The keeper did not get the order, so there is nothing to be cancelled or waited for."""


class OrderEnded(StepFailed):
    """The keeper has ended the order, and its result says how."""


@contextmanager
def writing_as_holder(running: Running) -> Iterator[Session]:
    """A transaction that is ours to make: a run that has lost its lease writes nothing more. Raises LeaseLost."""
    with running.maintainer.writing() as session:
        still_ours(session, running.lease)
        yield session


def step(running: Running, name: StepName, act: Callable[[], str]) -> None:
    """Write the step down, take it, write down the proof that it returns.

    Raises:
        StepFailed: as `act` did.
        LeaseLost: somebody else may be acting by now.
    """
    now = running.maintainer.now
    with writing_as_holder(running) as session:
        begin_step(session, running.run_id, name, now())
    try:
        proof = act()
    except StepFailed as failure:
        with writing_as_holder(running) as session:
            end_step(session, running.run_id, name, StepState.FAILED, failure.sentence, now())
        raise
    with writing_as_holder(running) as session:
        end_step(session, running.run_id, name, StepState.DONE, proof, now())
