"""`maintenance run|stop|status`: the same run as the page's."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.cli.answers import ExitCode, fail, parts, print_json
from webapp.leases import LeaseLost
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.records import unfinished_runs
from webapp.maintenance.run import NoKeeper, RunUnderWay, cancel
from webapp.maintenance.run import run as carry_out
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError

_CODES = {RunOutcome.SUCCEEDED: ExitCode.DONE, RunOutcome.SKIPPED: ExitCode.FAILED}


@click.group("maintenance")
def maintenance() -> None:
    """Free space: collect what no manifest needs any more."""


@maintenance.command("run")
@click.option("--dry-run", is_flag=True, help="Say what a collection would free; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def run(dry_run: bool, as_json: bool) -> None:
    """Free space: the registry is read-only meanwhile. With --dry-run it stays as it is."""
    kind = RunKind.DRY_RUN if dry_run else RunKind.COLLECT
    try:
        end_interrupted_runs(parts().maintainer)
        run_id = carry_out(parts().maintainer, kind, getpass.getuser(), "command")
    except (RunUnderWay, NoKeeper) as error:
        fail(error.sentence, as_json)
    except LeaseLost:
        fail("This process was away for too long; another one finds out how the run ended.", as_json)
    with parts().reading() as session:
        row = session.get_one(Run, run_id)
        document = _document(row)
        steps = [(step.name, step.state, step.proof) for step in row.steps]
    if as_json:
        print_json(document)
    else:
        for name, state, proof in steps:
            click.echo(f"{state:<7} {name:<17} {proof}")
        click.echo(_sentence(document, dry_run))
    sys.exit(_CODES.get(document["outcome"], ExitCode.FAILED))


@maintenance.command("stop")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def stop(as_json: bool) -> None:
    """Stop the run that is under way. What is gone is gone; the registry comes back read-write."""
    with parts().reading() as session:
        tokens = [row.token for row in unfinished_runs(session)]
    folder = parts().settings.KEEPER_FOLDER
    if not tokens or folder is None:
        fail("No run is under way.", as_json)
    for token in tokens:
        cancel(folder, token)
    if as_json:
        print_json({"outcome": "asked"})
    else:
        click.echo("The keeper was asked to end the run. `maintenance status` says how far it is.")


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
    if as_json:
        print_json({"phase": state.phase, "sentence": state.sentence, "registry_version": state.registry_version})
    else:
        click.echo(f"{state.phase}. {state.sentence}".strip())


def _document(row: Run) -> dict[str, Any]:
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
        "seconds_without_pull": None,
    }


def _sentence(document: dict[str, Any], dry_run: bool) -> str:
    if document["outcome"] != RunOutcome.SUCCEEDED:
        return f"{document['outcome'].capitalize()}: {document['reason']}"
    size = document["bytes_predicted" if dry_run else "bytes_freed"]
    freed = "an unknown number of" if size is None else f"{size:,}"
    return f"{'A collection would free' if dry_run else 'Freed'} {freed} bytes in {document['blobs']} blobs."
