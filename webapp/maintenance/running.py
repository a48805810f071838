"""What a run works with, and how it takes a step: written down before, completed after (law 2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import revisions_in
from webapp.database import Reading, Writing
from webapp.leases import Lease, still_ours
from webapp.maintenance.models import Obstacle, Question, Run, RunKind, StepName, StepState, Strategy
from webapp.maintenance.records import begin_step, end_step
from webapp.maintenance.uploads import QUIET_S
from webapp.registry.client import RegistryClient
from webapp.runtime.collector_output import Summary


@dataclass(frozen=True, slots=True)
class Maintainer:
    """What runs work with.

    Attributes:
        folder: the keeper's; None where there is no keeper.
        store: the root of the registry's storage where it can be read.
        others: further registries on the same storage.
        longest_s: a collection that takes longer is ended.
        reads: the keeper's address for reads; None where it has none.
        config: the registry's configuration file where it can be read.
        probe_repository: where a small push proves that the registry is back; '' for no such proof.
        is_answered: whether somebody who pulls at this moment is answered.
        quiet_within_s: how long to wait for a moment in which no upload moves.
        quiet_s: the length of such a moment.
        clear: carries out before a window's collection what was put off until then; returns what it did, as a sentence.
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
    reads: RegistryClient | None = None
    config: Path | None = None
    probe_repository: str = ""
    is_answered: Callable[[], bool] = lambda: True
    quiet_within_s: float = 600.0
    quiet_s: float = QUIET_S
    clear: Callable[[], str] = lambda: "There is nothing to carry out."

    @property
    def catalogue(self) -> Catalogue:
        """What a sync works with. Without a store it learns nothing of untagged manifests here: the keeper is ours."""
        revisions = revisions_in(self.store, None, self.writing)
        return Catalogue(self.client, self.reading, self.writing, self.now, self.store, revisions)


def sum_of_known(digests: Collection[str], sizes: Mapping[str, int]) -> int | None:
    """The bytes of some blobs, at least; None where no size is known."""
    return None if digests and not sizes else sum(sizes.values())


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run found: what a collection would delete, and what it found to be in use.

    Attributes:
        began_at: what was pushed since is not in it.
        ended_s: when it ended, in seconds of the maintainer's clock.
        sizes: of the blobs that it would delete, in bytes, as far as they are known.
        marked: repository and digest of each manifest that is in use.
    """

    began_at: datetime
    seconds: float
    ended_s: float
    summary: Summary
    deletes: frozenset[str]
    sizes: Mapping[str, int]
    marked: frozenset[tuple[str, str]]

    @property
    def of_unknown_size(self) -> int:
        """How many of the blobs that it would delete have a size that nobody knows."""
        return len(self.deletes) - len(self.sizes)

    @property
    def bytes_known(self) -> int | None:
        """The bytes that a collection would free, at least; None where no size is known."""
        return sum_of_known(self.deletes, self.sizes)


@dataclass(slots=True)
class Findings:
    """What a run has found so far, for its later steps."""

    dry_run: DryRun | None = None
    dry_runs: int = 0
    sizes_before: dict[str, int] | None = None
    pulls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Within:
    """What a window allows its run.

    Attributes:
        ends_by: when the window ends, and the run with it.
        least_bytes: it begins only where at least so much would come back.
        claim: called in the transaction that writes the run down; raises where it is not wanted any more.
    """

    ends_by: datetime
    least_bytes: int = 0
    claim: Callable[[Session, int], None] = lambda _session, _run_id: None


@dataclass(frozen=True, slots=True)
class Running:
    """A run in hand: its row, its lease, and the token of its order."""

    maintainer: Maintainer
    folder: Path
    lease: Lease
    run_id: int
    token: str
    kind: RunKind
    strategy: Strategy = Strategy.READ_ONLY
    agreed: frozenset[Question] = frozenset()
    found: Findings = field(default_factory=Findings)
    within: Within | None = None

    @property
    def dry_run_token(self) -> str:
        """Names the order of its latest dry run."""
        return f"{self.token}-dry-{self.found.dry_runs}"


class StepFailed(Exception):
    """A step of a run did not do what it is for; `sentence` says what happened instead.

    `question` is what a person may answer so that the next run goes on all the same.
    """

    def __init__(self, sentence: str, question: Question | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.question = question


class Skipped(StepFailed):
    """Nothing is wrong, but the window of this run is not for it."""

    def __init__(self, sentence: str, obstacle: Obstacle) -> None:
        super().__init__(sentence)
        self.obstacle = obstacle


class StopAsked(StepFailed):
    """Somebody pressed Stop before anything was changed."""


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


def still_holding(running: Running) -> None:
    """To be asked before an act that needs no row. Raises LeaseLost where somebody else may be acting by now."""
    with running.maintainer.reading() as session:
        still_ours(session, running.lease)


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


def stop_if_asked(running: Running) -> None:
    """End here where somebody asked for it. Raises StopAsked."""
    with running.maintainer.reading() as session:
        stopped_by = session.get_one(Run, running.run_id).stopped_by
    if stopped_by:
        raise StopAsked(f"{stopped_by} stopped it before anything was changed.")
