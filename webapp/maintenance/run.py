"""A run: the walk through the table of states (`states.py`), each step written down before it is taken.

The keeper holds what safety stands on: whatever becomes of this process, it brings the registry back read-write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from webapp.catalogue.revisions import LOOKING
from webapp.leases import KEEPER_LEASE, Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.maintenance.comparison import compare
from webapp.maintenance.freed import freed
from webapp.maintenance.models import Question, Run, RunKind, RunOutcome, StepName, Strategy
from webapp.maintenance.outcome import CutShort, Ending, ending_of
from webapp.maintenance.preflight import look_before
from webapp.maintenance.printed import NOTHING_PRINTED, Printed, read_printed
from webapp.maintenance.pull_watch import watching
from webapp.maintenance.quiet import wait_for_uploads
from webapp.maintenance.records import begin_run, end_run, is_anything_under_way
from webapp.maintenance.rehearsal import rehearse
from webapp.maintenance.running import (
    Maintainer,
    NothingOrdered,
    OrderEnded,
    Running,
    Skipped,
    StepFailed,
    StopAsked,
    Within,
    step,
    writing_as_holder,
)
from webapp.maintenance.states import Step, before_order, step_named
from webapp.maintenance.steps import await_collector, prove_and_go, prove_read_write, send_order
from webapp.maintenance.store_files import blob_sizes
from webapp.maintenance.waiting import KeeperLost, cancel, cancel_before_go, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Phase, Result

__all__ = ["Maintainer", "NoKeeper", "RunUnderWay", "Running", "cancel", "finish", "run", "strategy_of"]

LOOK_S = 150.0
LOOK_POLL_S = 0.05

Act = Callable[[Running], str]
ACTS: dict[StepName, Act] = {
    StepName.PREFLIGHT: look_before,
    StepName.CLEAR: lambda running: running.maintainer.clear(),
    StepName.DRY_RUN: rehearse,
    StepName.COMPARE: compare,
    StepName.QUIET: wait_for_uploads,
    StepName.PROVE_READ_WRITE: prove_read_write,
}

ORDERED: tuple[tuple[StepName, Act], ...] = (
    (StepName.ORDER, send_order),
    (StepName.PROVE_READ_ONLY, prove_and_go),
    (StepName.COLLECT, await_collector),
)
"""What is done while the keeper has the order."""


class RunUnderWay(Exception):
    """There is one run at a time, and a new one waits until it is known how the last one ended."""

    sentence = "Another run is under way, or the registry is held read-only. Maintenance shows which."


class NoKeeper(Exception):
    """Nothing stands in front of the registry that could restart it."""

    sentence = "Holystone cannot restart this registry: no keeper is set (HOLYSTONE_KEEPER_FOLDER)."


def run(
    maintainer: Maintainer,
    kind: RunKind,
    actor: str,
    place: str,
    started: Callable[[int], None] = lambda _run_id: None,
    *,
    strategy: Strategy | None = None,
    agreed: frozenset[Question] = frozenset(),
    within: Within | None = None,
) -> int:
    """Carry out one run and return its id; how it ended is in its row.

    Args:
        started: called with the id as soon as the run is written down.
        strategy: None for the best that this registry allows.
        agreed: questions that a person has answered with 'go on all the same'.
        within: what its window allows; None for a run outside one.

    Raises:
        RunUnderWay: there is another one, or one whose end has not been looked up yet.
        NoKeeper: nothing can restart the registry.
        LeaseLost: this process was away for so long that another one may have ended the run.
    """
    if maintainer.folder is None:
        raise NoKeeper
    chosen = strategy or strategy_of(maintainer)
    try:
        with keeper_held(maintainer) as lease:
            token = orders.new_token()
            with maintainer.writing() as session:
                still_ours(session, lease)
                if is_anything_under_way(session):
                    raise RunUnderWay
                run_id = begin_run(session, kind, token, actor, place, lease, maintainer.now())
                row = session.get_one(Run, run_id)
                row.strategy, row.agreed = chosen, ",".join(sorted(agreed))
                if within is not None:
                    row.ends_by = within.ends_by
                    within.claim(session, run_id)
            started(run_id)
            folder = maintainer.folder
            _carry_out(Running(maintainer, folder, lease, run_id, token, kind, chosen, agreed, within=within))
            return run_id
    except LeaseHeld:
        raise RunUnderWay from None


def strategy_of(maintainer: Maintainer) -> Strategy:
    """The best strategy where none is chosen: read-only costs nothing over stop, and with a reader pulls never stop."""
    return Strategy.OVERLAPPED if maintainer.reads is not None else Strategy.READ_ONLY


@contextmanager
def keeper_held(maintainer: Maintainer) -> Iterator[Lease]:
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
    for each in before_order(running.kind, running.within is not None):
        try:
            _take(running, each)
        except StepFailed as failure:
            _end(running, _not_begun(each, failure))
            return
    if running.kind == RunKind.DRY_RUN:
        _end(running, Ending(RunOutcome.SUCCEEDED, ""))
        return
    running.found.sizes_before = blob_sizes(running.maintainer.store)
    with watching(running.maintainer.is_answered, running.maintainer.monotonic) as pauses:
        see_through(running, ORDERED, pauses)


def _take(running: Running, each: Step) -> None:
    step(running, each.name, lambda: ACTS[each.name](running))


def _not_begun(failed: Step, failure: StepFailed) -> Ending:
    """How a run ends that has not changed anything."""
    if isinstance(failure, Skipped):
        return Ending(RunOutcome.SKIPPED, failure.sentence, obstacle=failure.obstacle)
    outcome = RunOutcome.SKIPPED if failure.question else failed.outcome
    if isinstance(failure, StopAsked):
        outcome = RunOutcome.STOPPED
    return Ending(outcome, failure.sentence, asks=failure.question or "")


def see_through(
    running: Running,
    steps: Iterable[tuple[StepName, Act]],
    pauses: Callable[[], float | None] = lambda: None,
    cut: CutShort | None = None,
) -> None:
    """Take the steps for which the keeper has the order, and finish the run, whatever becomes of them.

    Args:
        pauses: for how many seconds pulls were not answered.
        cut: why our side saw only a part of the order; None where it saw it from the beginning.
    """
    try:
        _take_in_order(running, steps)
    except NothingOrdered as failure:
        _end(running, Ending(RunOutcome.FAILED, failure.sentence))
    except OrderEnded:
        finish(running, cut, pauses)
    except StepFailed as failure:
        cancel(running.folder, running.token)
        outcome = RunOutcome.STOPPED if isinstance(failure, StopAsked) else RunOutcome.FAILED
        finish(running, CutShort(outcome, failure.sentence), pauses)
    else:
        finish(running, pauses=pauses)


def _take_in_order(running: Running, steps: Iterable[tuple[StepName, Act]]) -> None:
    try:
        for name, act in steps:
            step(running, name, partial(act, running))
    except (StepFailed, LeaseLost):  # who has the lease by now goes on with the order; without one it expires
        raise
    except BaseException:  # the records cannot be written, or somebody pressed Ctrl-C
        cancel_before_go(running.folder, running.token)
        raise


def finish(running: Running, cut: CutShort | None = None, pauses: Callable[[], float | None] = lambda: None) -> None:
    """Learn how the order ended, prove that the registry takes writes again, and write it all down.

    Args:
        cut: why our side did not see the order through; None where it did.
        pauses: for how many seconds pulls were not answered.
    """
    maintainer = running.maintainer
    result: Result | None = None
    try:
        result = wait_for(running.folder, running.token, maintainer.monotonic)
    except KeeperLost as lost:
        cut = cut or CutShort(RunOutcome.INTERRUPTED, lost.sentence)
    cut = _stopped(running, result) or cut
    not_back = ""
    try:
        _take(running, step_named(StepName.PROVE_READ_WRITE))
    except StepFailed as failure:
        not_back = failure.sentence
    has_printed = result is not None and Phase.COLLECTING in result.began
    printed = read_printed(running.folder) if has_printed else NOTHING_PRINTED
    ending = replace(ending_of(result, printed, cut), seconds_without_pull=pauses())
    if has_printed or maintainer.store is not None:  # a store tells also where nobody saw the collector's end
        ending = replace(ending, freed=freed(running))
    if not_back:
        ending = replace(ending, outcome=RunOutcome.FAILED, reason=f"{ending.reason} {not_back}".strip())
    _end(running, ending, printed)


def _stopped(running: Running, result: Result | None) -> CutShort | None:
    """Who stopped the run; None where nobody did. The order's end does not say who, and it cuts our own proofs off."""
    with running.maintainer.reading() as session:
        stopped_by = session.get_one(Run, running.run_id).stopped_by
    if not stopped_by or result is None or result.ended != Ended.CANCELLED:
        return None
    has_begun = Phase.COLLECTING in result.began
    when = ". What is gone is gone." if has_begun else " before anything was deleted."
    return CutShort(RunOutcome.STOPPED, f"{stopped_by} stopped it{when}")


def _end(running: Running, ending: Ending, printed: Printed = NOTHING_PRINTED) -> None:
    with writing_as_holder(running) as session:
        row = session.get_one(Run, running.run_id)
        if ending.freed is not None:
            row.bytes_freed, row.blobs_of_unknown_size = ending.freed.bytes_known, ending.freed.blobs_of_unknown_size
        if ending.blobs is not None:
            row.blobs, row.manifests, row.blobs_marked = ending.blobs, ending.manifests, ending.blobs_marked
            row.blobs_deleted = ending.blobs_deleted
        row.seconds_without_push, row.seconds_without_pull = ending.seconds_without_push, ending.seconds_without_pull
        row.asks, row.obstacle = ending.asks, ending.obstacle
        row.output = printed.packed or row.output
        end_run(session, row, ending.outcome, ending.reason, running.maintainer.now())
