"""A run: an order to the keeper, proofs over HTTP, a record of each step.

The keeper holds what safety stands on: whatever becomes of this process, it brings the registry back read-write.
Here is decided whether a collection may start at all: only 'go' starts it, and 'go' needs the proof that writes are
refused, and that no removal is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.sync import note_mode
from webapp.database import Reading, Writing
from webapp.leases import Lease, LeaseHeld, held, still_ours
from webapp.maintenance.models import Run, RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.outcome import Ending, ending_of
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted, prove_writes_refused, wait_until_accepted
from webapp.maintenance.records import begin_run, begin_step, end_run, end_step, keep_output
from webapp.maintenance.store_files import blob_sizes
from webapp.maintenance.waiting import KeeperLost, wait_for
from webapp.registry.client import RegistryClient
from webapp.removal.journal import any_unfinished
from webapp.runtime import orders
from webapp.runtime.orders import Ended, KeeperError, Kind, Order, Phase, Reads, Result

LEASE = "run"
GO_S = 30.0
PROOF_IS_GOOD_FOR_S = 5.0
READ_WRITE_WITHIN_S = 60.0


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


class RunUnderWay(Exception):
    """There is one run at a time."""

    sentence = "Another run is under way. Its page shows how far it is."


class NoKeeper(Exception):
    """Nothing stands in front of the registry that could restart it."""

    sentence = "Holystone cannot restart this registry: no keeper is set (HOLYSTONE_KEEPER_FOLDER)."


class StepFailed(Exception):
    """A step of a run did not do what it is for; `sentence` says what happened instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Running:
    """A run in hand: its row, its lease, and the token of its order."""

    maintainer: Maintainer
    folder: Path
    lease: Lease
    run_id: int
    token: str
    kind: RunKind


def run(
    maintainer: Maintainer,
    kind: RunKind,
    actor: str,
    place: str,
    started: Callable[[int], None] = lambda _run_id: None,
) -> int:
    """Carry out one run and return its id; how it ended is in its row.

    Args:
        started: called with the id as soon as the run is written down.

    Raises:
        RunUnderWay: there is another one.
        NoKeeper: nothing can restart the registry.
    """
    if maintainer.folder is None:
        raise NoKeeper
    try:
        with held(maintainer.writing, LEASE) as lease:
            token = orders.new_token()
            with maintainer.writing() as session:
                still_ours(session, lease)
                run_id = begin_run(session, kind, token, actor, place, lease, maintainer.now())
            started(run_id)
            _carry_out(Running(maintainer, maintainer.folder, lease, run_id, token, kind))
            return run_id
    except LeaseHeld:
        raise RunUnderWay from None


def _carry_out(running: Running) -> None:
    maintainer = running.maintainer
    try:
        _step(running, StepName.PREFLIGHT, lambda: preflight(maintainer, running.folder))
        before = blob_sizes(maintainer.store)
    except StepFailed as failure:
        _end(running, Ending(RunOutcome.SKIPPED, failure.sentence))
        return
    try:
        _step(running, StepName.ORDER, lambda: _send_order(running))
        if running.kind == RunKind.COLLECT:
            _step(running, StepName.PROVE_READ_ONLY, lambda: _prove_and_go(running))
        _step(running, StepName.COLLECT, lambda: _await_collector(running))
    except StepFailed as failure:
        cancel(running.folder, running.token)
        finish(running, before, failure.sentence)
    else:
        finish(running, before)


def preflight(maintainer: Maintainer, folder: Path) -> str:
    """Look whether a run may begin; returns what was found as a sentence.

    Raises:
        StepFailed: it may not.
    """
    try:
        state = orders.read_state(folder)
        if state.phase != Phase.SERVING:
            raise StepFailed(f"The keeper is not ready: {state.sentence or state.phase}")
        accepted = prove_writes_accepted(maintainer.client)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    except ProofFailed as error:
        raise StepFailed(error.sentence) from error
    with maintainer.reading() as session:
        row = session.get(RegistryState, 1)
        doubt = row.doubt if row else ""
        removing = any_unfinished(session)
    if doubt:
        raise StepFailed(f"{doubt} A collection would delete it all. Status says what to do.")
    if removing:
        raise StepFailed("A removal is under way, or it is not known how one ended.")
    return f"The keeper is serving. The registry takes writes: {accepted}"


def finish(running: Running, before: dict[str, int] | None, failed: str = "") -> None:
    """Learn how the order ended, prove that the registry takes writes again, and write it all down.

    Args:
        before: sizes of the blobs before the run, where they could be read.
        failed: what went wrong on our side; '' where nothing did.
    """
    maintainer = running.maintainer
    try:
        result = wait_for(running.folder, running.token, maintainer.monotonic)
        problem = failed
    except KeeperLost as lost:
        result, problem = None, failed or lost.sentence
    if running.kind == RunKind.COLLECT:
        try:
            _step(running, StepName.PROVE_READ_WRITE, lambda: _prove_read_write(maintainer))
        except StepFailed as failure:
            problem = f"{problem} {failure.sentence}".strip()
    collected = (result is not None and Phase.COLLECTING in result.began) or running.kind == RunKind.DRY_RUN
    lines = list(orders.output_lines(running.folder)) if result and collected else []
    after = blob_sizes(maintainer.store) if running.kind == RunKind.COLLECT else None
    _end(running, ending_of(running.kind, result, lines, before, after, problem), lines)


def cancel(folder: Path, token: str) -> None:
    """Ask the keeper to end an order. What the collector has deleted by then is gone; nothing else is."""
    try:
        orders.send_cancel(folder, token)
    except KeeperError:
        return  # without 'go' it returns by itself, and after 'go' at the deadline


def _send_order(running: Running) -> str:
    kind = Kind.COLLECT if running.kind == RunKind.COLLECT else Kind.DRY_RUN
    order = Order(running.token, kind, running.maintainer.longest_s, Reads.SAME, GO_S)
    try:
        orders.send_order(running.folder, order)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    if running.kind == RunKind.DRY_RUN:
        return "The keeper has the order. The registry stays as it is."
    _wait(running, Phase.HOLDING)
    with running.maintainer.writing() as session:
        note_mode(session, RegistryMode.READ_ONLY, "Space is being freed.", running.maintainer.now())
    return "The registry has let go of its store; a read-only one answers in its place."


def _prove_and_go(running: Running) -> str:
    maintainer = running.maintainer
    began = orders.boottime_s()
    try:
        proof = prove_writes_refused([maintainer.client, *maintainer.others])
    except ProofFailed as error:
        raise StepFailed(error.sentence) from error
    with maintainer.writing() as session:
        still_ours(session, running.lease)
        if any_unfinished(session):
            raise StepFailed("A removal began meanwhile, or it is not known how one ended.")
    try:
        orders.send_go(running.folder, running.token, began + PROOF_IS_GOOD_FOR_S)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    return proof


def _await_collector(running: Running) -> str:
    result = _wait(running, None)
    if result is None or result.ended != Ended.DONE:
        raise StepFailed(result.reason if result else "The keeper did not say how it ended.")
    return f"The collector ended with exit code {result.exit_code}."


def _wait(running: Running, phase: Phase | None) -> Result | None:
    """Wait until the keeper is that far, or, without a phase, until the order has ended."""
    try:
        result = wait_for(
            running.folder, running.token, running.maintainer.monotonic, lambda state: state.phase == phase
        )
    except KeeperLost as lost:
        raise StepFailed(lost.sentence) from lost
    if phase is not None and result is not None:
        raise StepFailed(result.reason or f"The keeper ended the order: {result.ended}.")
    return result


def _prove_read_write(maintainer: Maintainer) -> str:
    try:
        proof = wait_until_accepted(maintainer.client, maintainer.monotonic, READ_WRITE_WITHIN_S)
    except ProofFailed as error:
        with maintainer.writing() as session:
            note_mode(session, RegistryMode.READ_ONLY, error.sentence, maintainer.now())
        raise StepFailed(f"The registry has not come back read-write: {error.sentence}") from error
    with maintainer.writing() as session:
        note_mode(session, RegistryMode.READ_WRITE, "", maintainer.now())
    return proof


def _step(running: Running, name: StepName, act: Callable[[], str]) -> None:
    """Write the step down, take it, write down its proof."""
    maintainer = running.maintainer
    with maintainer.writing() as session:
        still_ours(session, running.lease)
        begin_step(session, running.run_id, name, maintainer.now())
    try:
        proof = act()
    except StepFailed as failure:
        with maintainer.writing() as session:
            end_step(session, running.run_id, name, StepState.FAILED, failure.sentence, maintainer.now())
        raise
    with maintainer.writing() as session:
        still_ours(session, running.lease)
        end_step(session, running.run_id, name, StepState.DONE, proof, maintainer.now())


def _end(running: Running, ending: Ending, lines: Sequence[str] = ()) -> None:
    with running.maintainer.writing() as session:
        still_ours(session, running.lease)
        row = session.get_one(Run, running.run_id)
        row.bytes_freed, row.bytes_predicted = ending.bytes_freed, ending.bytes_predicted
        row.blobs, row.manifests = ending.blobs, ending.manifests
        row.seconds_without_push = ending.seconds_without_push
        keep_output(row, lines)
        end_run(session, row, ending.outcome, ending.reason, running.maintainer.now())
