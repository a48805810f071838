"""Carry on with a run whose process is gone, at the step that the keeper is at. Its order is adopted, its proof is not."""

from __future__ import annotations

from collections.abc import Iterator

from webapp.maintenance.models import Run, RunOutcome, StepName, StepState
from webapp.maintenance.outcome import CutShort
from webapp.maintenance.pull_proof import newest_tags, pulling_now
from webapp.maintenance.run import Act, finish, see_through
from webapp.maintenance.running import Running
from webapp.maintenance.steps import await_aside, await_collector, prove_and_go, reader_of
from webapp.maintenance.store_files import blob_sizes
from webapp.maintenance.waiting import has_order
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, Phase

INTERRUPTED = "Holystone was interrupted."


def take_up(running: Running) -> None:
    """See an order through that another process gave, and bring its run to its true end.

    Before the collection has begun this process makes the proof of its own that 'go' needs. If it comes too late for
    that, the keeper has returned by itself, and the run is interrupted.
    """
    cut = CutShort(RunOutcome.INTERRUPTED, INTERRUPTED)
    if not _is_in_hand(running):
        finish(running, cut)
        return
    see_through(running, _what_is_left(running), cut=cut)


def _what_is_left(running: Running) -> Iterator[tuple[StepName, Act]]:
    """The steps that are still to be taken; each is chosen when the one before it is done."""
    if not _has_begun_to_collect(running):
        running.found.sizes_before = blob_sizes(running.maintainer.store)
        if not _is_done(running, StepName.ORDER):
            yield StepName.ORDER, await_aside
        running.found.pulls = _pulls(running)
        yield StepName.PROVE_READ_ONLY, prove_and_go
    yield StepName.COLLECT, await_collector


def _is_in_hand(running: Running) -> bool:
    """Whether the keeper has the order, or is about to take it."""
    try:
        token = orders.read_state(running.folder).token
    except KeeperError:
        return False
    return token == running.token or (token is None and has_order(running.folder))


def _has_begun_to_collect(running: Running) -> bool:
    try:
        phase = orders.read_state(running.folder).phase
    except KeeperError:
        return False
    return phase in (Phase.COLLECTING, Phase.RETURNING)


def _is_done(running: Running, name: StepName) -> bool:
    with running.maintainer.reading() as session:
        steps = session.get_one(Run, running.run_id).steps
        return any(each.name == name and each.state == StepState.DONE for each in steps)


def _pulls(running: Running) -> tuple[tuple[str, str], ...]:
    """Tags that pull from whom pulls are promised; where none does, the newest, which the proof then fails with."""
    reader = reader_of(running.maintainer, running.strategy)
    if reader is None:
        return ()
    with running.maintainer.reading() as session:
        tags = tuple((repository, tag) for repository, tag, _digest in newest_tags(session))
    return pulling_now(reader, tags) or tags[:1]
