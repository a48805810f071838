"""What the steps do for which the registry steps aside. Each returns how we know that it is done, or raises StepFailed.

Only 'go' starts a collection, and 'go' needs the proof that writes are refused, and that no removal is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from webapp.catalogue.mode import note_mode
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.limits import longest_s
from webapp.maintenance.models import Run, Strategy
from webapp.maintenance.other_digests import REMEDY, WHY, first_in_store
from webapp.maintenance.proofs import ProofFailed, prove_push, prove_writes_refused, wait_until_accepted
from webapp.maintenance.pull_proof import prove_pull
from webapp.maintenance.running import (
    Maintainer,
    NothingOrdered,
    OrderEnded,
    Running,
    StepFailed,
    StopAsked,
    writing_as_holder,
)
from webapp.maintenance.store_tree import shown
from webapp.maintenance.waiting import KeeperLost, wait_for
from webapp.registry.client import RegistryClient
from webapp.removal.journal import any_unfinished
from webapp.runtime import orders
from webapp.runtime.collector_output import collected, why_not_succeeded
from webapp.runtime.orders import Ended, KeeperError, KeeperState, Kind, Order, Phase, Reads, Result
from webapp.runtime.progress import Progress, read_on

GO_S = 60.0
"""So long the keeper holds without a 'go': time enough for another process to get the lease of one that was killed."""

READ_WRITE_WITHIN_S = 60.0
SOON_S = 0.02
NOTED_EVERY_S = 1.0
READS = {Strategy.STOP: Reads.NONE, Strategy.READ_ONLY: Reads.SAME, Strategy.OVERLAPPED: Reads.OWN}
STEPPED_ASIDE = {
    Strategy.STOP: "The registry has let go of its store; nobody answers in its place.",
    Strategy.READ_ONLY: "The registry has let go of its store; a read-only one answers in its place.",
    Strategy.OVERLAPPED: "The registry has let go of its store; a read-only one answers at the address for reads.",
}


def send_order(running: Running) -> str:
    """Ask the keeper, and wait until the registry has let go of its store."""
    maintainer = running.maintainer
    with writing_as_holder(running) as session:
        session.get_one(Run, running.run_id).ordered_at = maintainer.now()
    order = Order(running.token, Kind.COLLECT, longest_s(running), READS[running.strategy], GO_S)
    try:
        orders.send_order(running.folder, order)
    except KeeperError as error:
        raise NothingOrdered(str(error)) from error
    return await_aside(running)


def await_aside(running: Running) -> str:
    """Wait until the registry has let go of its store, and write down that it is read-only."""
    maintainer = running.maintainer
    ended = _wait(running, lambda state: state.phase in (Phase.HOLDING, Phase.COLLECTING))
    if ended is not None:
        raise OrderEnded(ended.reason or f"The keeper ended the order: {ended.ended}.")
    with writing_as_holder(running) as session:
        foretold_s = session.get_one(Run, running.run_id).estimated_most_s
        until = maintainer.now() + timedelta(seconds=foretold_s) if foretold_s else None
        note_mode(session, RegistryMode.READ_ONLY, "Space is being freed.", maintainer.now(), until)
    return STEPPED_ASIDE[running.strategy]


def prove_and_go(running: Running) -> str:
    """Prove that writes are refused, that pulls work, and that no removal is open; then let the collector start."""
    began = orders.boottime_s()
    try:
        proofs = prove_aside(running.maintainer, running.strategy, running.found.pulls)
    except ProofFailed as error:
        raise StepFailed(error.sentence) from error
    _look_for_other_digests(running)
    with writing_as_holder(running) as session:
        if any_unfinished(session):
            raise StepFailed("A removal began meanwhile, or it is not known how one ended.")
        if session.get_one(Run, running.run_id).stopped_by:
            raise StopAsked("It was stopped before anything was deleted.")
    try:
        orders.send_go(running.folder, running.token, began + GO_S / 2)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    return " ".join(proofs)


def await_collector(running: Running) -> str:
    """Wait until the collector has ended, and look whether it says that it did its work."""
    progress, note = Progress(), _every(NOTED_EVERY_S, running.maintainer.monotonic, lambda: _note(running, progress))

    def look(_state: KeeperState) -> bool:
        read_on(running.folder, progress)
        note()
        return False

    result = _wait(running, look)
    if result is None or result.ended != Ended.DONE:
        raise OrderEnded(result.reason if result else "The keeper did not say how it ended.")
    try:
        found = collected(orders.output_lines(running.folder))
    except KeeperError as error:
        raise OrderEnded(str(error)) from error
    problem = why_not_succeeded(result.exit_code, found)
    if problem or found.summary is None:
        raise OrderEnded(problem)
    return (
        f"The collector ended with exit code 0 and listed all {found.summary.blobs_eligible} blobs that it announced."
    )


def prove_read_write(running: Running) -> str:
    """Prove that the registry takes writes again and that pulls work, and write down what it does."""
    maintainer = running.maintainer
    try:
        proof = wait_until_accepted(maintainer.client, maintainer.monotonic, READ_WRITE_WITHIN_S)
    except ProofFailed as error:
        mode = RegistryMode.UNREACHABLE if error.is_unreachable else RegistryMode.READ_ONLY
        with writing_as_holder(running) as session:
            note_mode(session, mode, error.sentence, maintainer.now())
        raise StepFailed(f"The registry has not come back read-write: {error.sentence}") from error
    with writing_as_holder(running) as session:
        note_mode(session, RegistryMode.READ_WRITE, "", maintainer.now())
    try:
        proofs = [proof, prove_pull(maintainer.client, running.found.pulls)]
        if maintainer.probe_repository:
            proofs.append(prove_push(maintainer.client, maintainer.probe_repository))
    except ProofFailed as error:
        raise StepFailed(
            f"The registry takes writes again, but {error.sentence[0].lower()}{error.sentence[1:]}"
        ) from error
    return " ".join(proofs)


def prove_aside(maintainer: Maintainer, strategy: Strategy, pulls: Sequence[tuple[str, str]]) -> list[str]:
    """Prove that nobody takes writes, and, where the strategy promises it, that one of these tags still pulls.

    Raises:
        ProofFailed: one of them is not so.
    """
    reader = reader_of(maintainer, strategy)
    may_be_away = [] if strategy == Strategy.READ_ONLY else [maintainer.client]
    proof = prove_writes_refused([*([reader] if reader else []), *maintainer.others], may_be_away)
    return [proof, prove_pull(reader, pulls)] if reader else [proof]


def reader_of(maintainer: Maintainer, strategy: Strategy) -> RegistryClient | None:
    """Whom pulls are promised from while the registry is aside; None where from nobody."""
    by_strategy = {Strategy.READ_ONLY: maintainer.client, Strategy.OVERLAPPED: maintainer.reads}
    return by_strategy.get(strategy)


def _look_for_other_digests(running: Running) -> None:
    """In the store, which does not change any more: what was pushed since the comparison is not in the catalogue."""
    store = running.maintainer.store
    try:
        found = first_in_store(store) if store is not None else None
    except OSError:  # the checks before the run have said that the store cannot be read
        return
    if found:
        repository, digest, blob = found
        raise StepFailed(f"{shown(repository)}@{digest} names {blob}. {WHY} {REMEDY}")


def _note(running: Running, progress: Progress) -> None:
    with writing_as_holder(running) as session:
        row = session.get_one(Run, running.run_id)
        row.manifests_marked, row.blobs_deleted = progress.manifests_marked, progress.blobs_deleted
        row.blobs = row.blobs if progress.blobs_eligible is None else progress.blobs_eligible


def _every(seconds: float, monotonic: Callable[[], float], act: Callable[[], None]) -> Callable[[], None]:
    last = monotonic()

    def now_and_then() -> None:
        nonlocal last
        if monotonic() - last >= seconds:
            last = monotonic()
            act()

    return now_and_then


def _wait(running: Running, is_that_far: Callable[[KeeperState], bool]) -> Result | None:
    """Wait until the keeper is that far (None), or the order has ended."""
    try:
        return wait_for(running.folder, running.token, running.maintainer.monotonic, is_that_far, SOON_S)
    except KeeperLost as lost:
        raise StepFailed(lost.sentence) from lost
