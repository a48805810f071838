"""A run: an order to the keeper, proofs over HTTP, a record of each step.

The keeper holds what safety stands on: whatever becomes of this process, it brings the registry back read-write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from webapp.catalogue.revisions import LOOKING
from webapp.leases import KEEPER_LEASE, Lease, LeaseHeld, held, still_ours
from webapp.maintenance.models import Run, RunKind, RunOutcome, StepName
from webapp.maintenance.outcome import CutShort, Ending, ending_of
from webapp.maintenance.printed import NOTHING_PRINTED, Printed, read_printed
from webapp.maintenance.records import begin_run, end_run, unfinished_runs
from webapp.maintenance.running import (
    Maintainer,
    NothingOrdered,
    OrderEnded,
    Running,
    StepFailed,
    step,
    writing_as_holder,
)
from webapp.maintenance.steps import await_collector, preflight, prove_and_go, prove_read_write, send_order
from webapp.maintenance.store_files import blob_sizes, freed_bytes
from webapp.maintenance.waiting import KeeperLost, cancel, cancel_before_go, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Phase, Result

__all__ = ["Maintainer", "NoKeeper", "RunUnderWay", "Running", "cancel", "finish", "preflight", "run"]

LOOK_S = 150.0
LOOK_POLL_S = 0.05


class RunUnderWay(Exception):
    """There is one run at a time, and a new one waits until it is known how the last one ended."""

    sentence = "Another run is under way. Its page shows how far it is."


class NoKeeper(Exception):
    """Nothing stands in front of the registry that could restart it."""

    sentence = "Holystone cannot restart this registry: no keeper is set (HOLYSTONE_KEEPER_FOLDER)."


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
        RunUnderWay: there is another one, or one whose end has not been looked up yet.
        NoKeeper: nothing can restart the registry.
        LeaseLost: this process was away for so long that another one may have ended the run.
    """
    if maintainer.folder is None:
        raise NoKeeper
    try:
        with _keeper_held(maintainer) as lease:
            token = orders.new_token()
            with maintainer.writing() as session:
                still_ours(session, lease)
                if unfinished_runs(session):
                    raise RunUnderWay
                run_id = begin_run(session, kind, token, actor, place, lease, maintainer.now())
            started(run_id)
            _carry_out(Running(maintainer, maintainer.folder, lease, run_id, token, kind))
            return run_id
    except LeaseHeld:
        raise RunUnderWay from None


@contextmanager
def _keeper_held(maintainer: Maintainer) -> Iterator[Lease]:
    """Hold the lease of runs. A look at the untagged manifests holds it for the moment of a dry run: wait for that."""
    until = maintainer.monotonic() + LOOK_S
    while True:
        with ExitStack() as stack:
            try:
                lease = stack.enter_context(held(maintainer.writing, KEEPER_LEASE))
            except LeaseHeld as other:
                if other.owner != LOOKING or maintainer.monotonic() > until:
                    raise
                time.sleep(LOOK_POLL_S)
                continue
            yield lease
            return


def _carry_out(running: Running) -> None:
    maintainer = running.maintainer
    try:
        step(running, StepName.PREFLIGHT, lambda: preflight(maintainer, running.folder))
    except StepFailed as failure:
        _end(running, Ending(RunOutcome.SKIPPED, failure.sentence))
        return
    before = blob_sizes(maintainer.store)
    try:
        _order_and_collect(running)
    except NothingOrdered as failure:
        _end(running, Ending(RunOutcome.FAILED, failure.sentence))
    except OrderEnded:
        finish(running, before)
    except StepFailed as failure:
        cancel(running.folder, running.token)
        finish(running, before, CutShort(RunOutcome.FAILED, failure.sentence))
    else:
        finish(running, before)


def _order_and_collect(running: Running) -> None:
    try:
        step(running, StepName.ORDER, lambda: send_order(running))
        if running.kind == RunKind.COLLECT:
            step(running, StepName.PROVE_READ_ONLY, lambda: prove_and_go(running))
        step(running, StepName.COLLECT, lambda: await_collector(running))
    except StepFailed:
        raise
    except BaseException:  # the lease is lost, the records cannot be written, or somebody pressed Ctrl-C
        cancel_before_go(running.folder, running.token)
        raise


def finish(running: Running, before: dict[str, int] | None, cut: CutShort | None = None) -> None:
    """Learn how the order ended, prove that the registry takes writes again, and write it all down.

    Args:
        before: sizes of the blobs before the run, where they could be read.
        cut: why our side did not see the order through; None where it did.
    """
    maintainer = running.maintainer
    result: Result | None = None
    try:
        result = wait_for(running.folder, running.token, maintainer.monotonic)
    except KeeperLost as lost:
        cut = cut or CutShort(RunOutcome.INTERRUPTED, lost.sentence)
    not_back = ""
    if running.kind == RunKind.COLLECT:
        try:
            step(running, StepName.PROVE_READ_WRITE, lambda: prove_read_write(running))
        except StepFailed as failure:
            not_back = failure.sentence
    printed = read_printed(running.folder, before) if _has_printed(running, result) else NOTHING_PRINTED
    ending = ending_of(running.kind, result, printed, cut)
    if running.kind == RunKind.COLLECT:
        ending = replace(ending, bytes_freed=freed_bytes(before, blob_sizes(maintainer.store)))
    if not_back:
        ending = replace(ending, outcome=RunOutcome.FAILED, reason=f"{ending.reason} {not_back}".strip())
    _end(running, ending, printed)


def _has_printed(running: Running, result: Result | None) -> bool:
    """Whether what the last collector printed belongs to this run."""
    if result is None:
        return False
    return Phase.COLLECTING in result.began or (running.kind == RunKind.DRY_RUN and result.exit_code is not None)


def _end(running: Running, ending: Ending, printed: Printed = NOTHING_PRINTED) -> None:
    with writing_as_holder(running) as session:
        row = session.get_one(Run, running.run_id)
        row.bytes_freed, row.bytes_predicted = ending.bytes_freed, ending.bytes_predicted
        row.blobs, row.manifests = ending.blobs, ending.manifests
        row.seconds_without_push = ending.seconds_without_push
        row.output = printed.packed
        end_run(session, row, ending.outcome, ending.reason, running.maintainer.now())
