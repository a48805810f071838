"""`maintenance run|stop|status|read-write`: the same run as the page's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.activities.record import COMMAND
from webapp.checks import Check
from webapp.cli.answers import ExitCode, fail, parts, print_check, print_json, typed_by
from webapp.leases import LeaseLost
from webapp.maintenance.confirmations import SENTENCE, confirm
from webapp.maintenance.emergency import StillNotReadWrite, make_read_write
from webapp.maintenance.hold_records import ask_to_end, open_holds
from webapp.maintenance.holds import why_refused
from webapp.maintenance.models import Question, Run, RunKind, RunOutcome, Strategy
from webapp.maintenance.preflight import whole_preflight
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.records import ask_to_stop, unfinished_runs
from webapp.maintenance.run import Maintainer, NoKeeper, RunUnderWay, cancel, strategy_of
from webapp.maintenance.run import run as carry_out
from webapp.maintenance.waiting import RESTART, hangs, hangs_words
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError

_CODES = {RunOutcome.SUCCEEDED: ExitCode.DONE, RunOutcome.SKIPPED: ExitCode.FAILED}


@click.group("maintenance")
def maintenance() -> None:
    """Free space: collect what no manifest needs any more."""


@maintenance.command("run")
@click.option(
    "--strategy",
    type=click.Choice(["auto", *(each.value for each in Strategy)]),
    default="auto",
    help="What becomes of pulls.",
)
@click.option(
    "--agree", type=click.Choice([each.value for each in Question]), multiple=True, help="Go on all the same."
)
@click.option("--dry-run", is_flag=True, help="Check, and say what a collection would free; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def run(strategy: str, agree: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Free space: the registry refuses pushes meanwhile. With --dry-run it stays as it is."""
    kind = RunKind.DRY_RUN if dry_run else RunKind.COLLECT
    chosen = None if strategy == "auto" else Strategy(strategy)
    agreed = frozenset(Question(each) for each in agree)
    maintainer = parts().maintainer
    checks = _checks(maintainer, chosen) if dry_run else []
    try:
        end_interrupted_runs(maintainer)
        run_id = carry_out(maintainer, kind, typed_by(), COMMAND, strategy=chosen, agreed=agreed)
    except (RunUnderWay, NoKeeper) as error:
        fail(why_refused(maintainer, error), as_json)
    except LeaseLost:
        fail("This process was away for too long; another one finds out how the run ended.", as_json)
    with parts().reading() as session:
        row = session.get_one(Run, run_id)
        document = _document(row, checks)
        steps = [(step.name, step.state, step.proof) for step in row.steps]
    if as_json:
        print_json(document)
    else:
        for check in checks:
            print_check(check)
        for name, state, proof in steps:
            click.echo(f"{state:<7} {name:<17} {proof}")
        click.echo(_sentence(document, dry_run))
    sys.exit(_CODES.get(document["outcome"], ExitCode.FAILED))


def _checks(maintainer: Maintainer, strategy: Strategy | None) -> list[Check]:
    if maintainer.folder is None:
        return []
    return whole_preflight(maintainer, maintainer.folder, strategy or strategy_of(maintainer))


@maintenance.command("checked")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def checked(as_json: bool) -> None:
    """Record that you have checked: neither a descriptor cache in redis is used, nor a pull-through cache."""
    here = parts()
    with here.writing() as session:
        confirm(session, typed_by(), COMMAND, here.now())
    if as_json:
        print_json({"outcome": "recorded"})
    else:
        click.echo(f"Recorded: {SENTENCE}")


@maintenance.command("read-write")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def read_write(as_json: bool) -> None:
    """Make the registry read-write, whatever the records say: they are not read."""
    here = parts()
    try:
        proof = make_read_write(here.registry, here.settings.KEEPER_FOLDER, here.monotonic)
    except StillNotReadWrite as failure:
        fail(failure.sentence, as_json)
    if as_json:
        print_json({"outcome": "read-write", "proof": proof})
    else:
        click.echo(proof)


@maintenance.command("stop")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def stop(as_json: bool) -> None:
    """Stop the run, or end the hold, that is under way. What is gone is gone; the registry comes back read-write."""
    actor = typed_by()
    with parts().writing() as session:
        tokens = [row.token for row in unfinished_runs(session) if ask_to_stop(session, row.id, actor)]
        tokens += [row.token for row in open_holds(session) if ask_to_end(session, row.id, actor)]
    folder = parts().settings.KEEPER_FOLDER
    if not tokens or folder is None:
        fail("No run is under way, and the registry is not held.", as_json)
    for token in tokens:
        cancel(folder, token)
    if as_json:
        print_json({"outcome": "asked"})
    else:
        click.echo("The keeper was asked to end it. `maintenance status` says how far it is.")


@maintenance.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def status(as_json: bool) -> None:
    """Say what the keeper is doing."""
    folder = parts().settings.KEEPER_FOLDER
    if folder is None:
        fail(NoKeeper.sentence, as_json)
    try:
        state = orders.read_state(folder)
    except KeeperError as error:
        fail(str(error), as_json)
    sentence = f"{hangs_words(state)} {RESTART}" if hangs(folder, state) else state.sentence
    if as_json:
        print_json({"phase": state.phase, "sentence": sentence, "registry_version": state.registry_version})
    else:
        click.echo(f"{state.phase}. {sentence}".strip())


def _document(row: Run, checks: Sequence[Check]) -> dict[str, Any]:
    seconds = (row.finished_at - row.started_at).total_seconds() if row.finished_at else None
    return {
        "outcome": row.outcome,
        "reason": row.reason,
        "strategy": row.strategy,
        "bytes_predicted": row.bytes_predicted,
        "bytes_freed": row.bytes_freed,
        "blobs": row.blobs,
        "manifests": row.manifests,
        "seconds": seconds,
        "seconds_without_push": row.seconds_without_push,
        "seconds_without_pull": row.seconds_without_pull,
        "seconds_without_push_foretold": row.estimated_s,
        "bytes_are_exact": not row.blobs_of_unknown_size,
        "asks": row.asks,
        "checks": [{"name": each.name, "state": each.state, "sentence": each.sentence} for each in checks],
    }


def _sentence(document: dict[str, Any], dry_run: bool) -> str:
    if document["outcome"] != RunOutcome.SUCCEEDED:
        return f"{document['outcome'].capitalize()}: {document['reason']}"
    size = document["bytes_predicted" if dry_run else "bytes_freed"]
    least = "" if document["bytes_are_exact"] else "at least "
    freed = "an unknown number of" if size is None else f"{least}{size:,}"
    return f"{'A collection would free' if dry_run else 'Freed'} {freed} bytes in {document['blobs']} blobs."
