"""What each step of a run does. Each returns how we know that it is done, as a sentence, or raises StepFailed.

Only 'go' starts a collection, and 'go' needs the proof that writes are refused, and that no removal is open.
"""

from __future__ import annotations

from pathlib import Path

from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.sync import note_mode
from webapp.maintenance.models import RunKind
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted, prove_writes_refused, wait_until_accepted
from webapp.maintenance.running import Maintainer, NothingOrdered, OrderEnded, Running, StepFailed, writing_as_holder
from webapp.maintenance.waiting import KeeperLost, wait_for
from webapp.removal.journal import any_unfinished
from webapp.runtime import orders
from webapp.runtime.collector_output import collected, why_not_succeeded
from webapp.runtime.orders import Ended, KeeperError, Kind, Order, Phase, Reads, Result

GO_S = 30.0
PROOF_IS_GOOD_FOR_S = 5.0
READ_WRITE_WITHIN_S = 60.0


def preflight(maintainer: Maintainer, folder: Path) -> str:
    """Look whether a run may begin; changes nothing."""
    try:
        state = orders.read_state(folder)
        if state.phase != Phase.SERVING:
            raise StepFailed(f"The keeper is not ready: {state.sentence or state.phase}")
        prove_writes_accepted(maintainer.client)
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
    return "The keeper is serving, and the registry takes writes."


def send_order(running: Running) -> str:
    """Ask the keeper; for a collection, wait until the registry has let go of its store."""
    kind = Kind.COLLECT if running.kind == RunKind.COLLECT else Kind.DRY_RUN
    order = Order(running.token, kind, running.maintainer.longest_s, Reads.SAME, GO_S)
    try:
        orders.send_order(running.folder, order)
    except KeeperError as error:
        raise NothingOrdered(str(error)) from error
    if running.kind == RunKind.DRY_RUN:
        return "The keeper has the order. The registry stays as it is."
    _wait(running, Phase.HOLDING)
    with writing_as_holder(running) as session:
        note_mode(session, RegistryMode.READ_ONLY, "Space is being freed.", running.maintainer.now())
    return "The registry has let go of its store; a read-only one answers in its place."


def prove_and_go(running: Running) -> str:
    """Prove that writes are refused and that no removal is open, then let the collector start."""
    maintainer = running.maintainer
    began = orders.boottime_s()
    try:
        proof = prove_writes_refused([maintainer.client, *maintainer.others])
    except ProofFailed as error:
        raise StepFailed(error.sentence) from error
    with writing_as_holder(running) as session:
        if any_unfinished(session):
            raise StepFailed("A removal began meanwhile, or it is not known how one ended.")
    try:
        orders.send_go(running.folder, running.token, began + PROOF_IS_GOOD_FOR_S)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    return proof


def await_collector(running: Running) -> str:
    """Wait until the collector has ended, and look whether it says that it did its work."""
    result = _wait(running, None)
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
    """Prove that the registry takes writes again, and write down what it does."""
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
    return proof


def _wait(running: Running, phase: Phase | None) -> Result | None:
    """Wait until the keeper is that far, or, without a phase, until the order has ended."""
    try:
        result = wait_for(
            running.folder, running.token, running.maintainer.monotonic, lambda state: state.phase == phase
        )
    except KeeperLost as lost:
        raise StepFailed(lost.sentence) from lost
    if phase is not None and result is not None:
        raise OrderEnded(result.reason or f"The keeper ended the order: {result.ended}.")
    return result
