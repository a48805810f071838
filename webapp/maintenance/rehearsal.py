"""The dry run before a collection: what it would delete, while the registry goes on as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime

from webapp.catalogue.sizes import known_sizes
from webapp.maintenance.estimate import EstimateFacts, estimate
from webapp.maintenance.limits import longest_s, look_at_limits, refuse_where_over
from webapp.maintenance.models import Run
from webapp.maintenance.printed import read_printed
from webapp.maintenance.records import past_runs
from webapp.maintenance.running import (
    DryRun,
    Maintainer,
    Running,
    StepFailed,
    StopAsked,
    still_holding,
    stop_if_asked,
    writing_as_holder,
)
from webapp.maintenance.store_files import data_sizes
from webapp.maintenance.waiting import KeeperLost, cancel, wait_for
from webapp.runtime import orders
from webapp.runtime.collector_output import Summary, deleted_blobs, marking_manifest, why_not_succeeded
from webapp.runtime.orders import KeeperError, Kind, Order, Result

TRIES = 3
"""A push or a removal may make the collector fail that looks at the same moment."""


def rehearse(running: Running) -> str:
    """Let the collector say what it would delete; returns that as a sentence, and keeps it in the run's row.

    Raises:
        StepFailed: it cannot be made, or failed three times.
        Skipped: the run is not worth its window, or does not fit into what is left of it.
    """
    problem = ""
    for _try in range(TRIES):
        stop_if_asked(running)
        still_holding(running)
        began_at, began_s = running.maintainer.now(), running.maintainer.monotonic()
        result = _ordered(running)
        if result.exit_code is None:
            refuse_where_over(running)
            raise StepFailed(result.reason or f"The keeper ended the dry run: {result.ended}.")
        found, problem = _summary(running, result)
        if found is not None:
            dry_run = _read(running, found, began_at, began_s)
            running.found.dry_run = dry_run
            told = _note(running, dry_run)
            return f"{told} {look_at_limits(running)}".rstrip()
    raise StepFailed(f"{problem} It was tried {TRIES} times.")


def _ordered(running: Running) -> Result:
    """Have a dry run made, and wait for its end."""
    running.found.dry_runs += 1
    order = Order(running.dry_run_token, Kind.DRY_RUN, longest_s(running))

    def go_on(_state: object) -> bool:
        stop_if_asked(running)
        return False

    try:
        orders.send_order(running.folder, order)
        result = wait_for(running.folder, order.token, running.maintainer.monotonic, go_on)
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    except KeeperLost as lost:
        cancel(running.folder, order.token)
        raise StepFailed(lost.sentence) from lost
    except StopAsked:
        _call_off(running, order.token)
        raise
    except BaseException:
        cancel(running.folder, order.token)
        raise
    if result is None:
        raise StepFailed("The keeper did not say how the dry run ended.")
    return result


def _call_off(running: Running, token: str) -> None:
    """Cancel a dry run and wait for its end. Whoever pressed Stop may write over that, since he cancels the run's order."""

    def once_more(_state: object) -> bool:
        if not orders.is_cancelled(running.folder, token):
            cancel(running.folder, token)
        return False

    with suppress(KeeperLost):
        wait_for(running.folder, token, running.maintainer.monotonic, once_more)


def _summary(running: Running, result: Result) -> tuple[Summary | None, str]:
    """What the collector sums up; or why that cannot be relied on. What it printed is kept in the run's row."""
    printed = read_printed(running.folder)
    with writing_as_holder(running) as session:
        session.get_one(Run, running.run_id).output = printed.packed
    problem = why_not_succeeded(result.exit_code, printed.found)
    return (None, problem) if problem else (printed.found.summary, "")


def _read(running: Running, summary: Summary, began_at: datetime, began_s: float) -> DryRun:
    maintainer = running.maintainer
    ended_s = maintainer.monotonic()
    try:
        deletes = frozenset(deleted_blobs(orders.output_lines(running.folder)))
        marked = frozenset(
            (each.repository, each.digest) for each in marking_manifest(orders.output_lines(running.folder))
        )
    except KeeperError as error:
        raise StepFailed(str(error)) from error
    return DryRun(
        began_at=began_at,
        seconds=ended_s - began_s,
        ended_s=ended_s,
        summary=summary,
        deletes=deletes,
        sizes=sizes_of(maintainer, deletes),
        marked=marked,
    )


def sizes_of(maintainer: Maintainer, digests: Collection[str]) -> Mapping[str, int]:
    """The sizes of blobs in bytes: of their files where the store can be read, else as manifests state them."""
    if maintainer.store is not None:
        return data_sizes(maintainer.store, digests)
    with maintainer.reading() as session:
        return known_sizes(session, digests)


def _note(running: Running, dry_run: DryRun) -> str:
    """Keep what was found in the run's row, with an estimate that past runs have taught."""
    summary = dry_run.summary
    facts = EstimateFacts(dry_run.seconds, summary.manifests_eligible, summary.blobs_marked, summary.blobs_eligible)
    with writing_as_holder(running) as session:
        foretold = estimate(facts, past_runs(session))
        row = session.get_one(Run, running.run_id)
        row.dry_run_s = dry_run.seconds
        row.bytes_predicted, row.blobs_of_unknown_size = dry_run.bytes_known, dry_run.of_unknown_size
        row.blobs, row.manifests = summary.blobs_eligible, summary.manifests_eligible
        row.blobs_marked, row.manifests_marked = summary.blobs_marked, len(dry_run.marked)
        row.estimated_s = foretold.seconds
        row.estimated_least_s, row.estimated_most_s = foretold.seconds_least, foretold.seconds_most
    return (
        f"A collection would delete {summary.blobs_eligible} blobs{_bytes_words(dry_run)}, "
        f"and stop pushes for about {foretold.seconds:.1f} s."
    )


def _bytes_words(dry_run: DryRun) -> str:
    if dry_run.bytes_known is None:
        return " of unknown size"
    return f", {'at least ' if dry_run.of_unknown_size else ''}{dry_run.bytes_known:,} bytes"
