"""`maintenance windows list`: the windows, what comes next, and what became of the last time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.cli.answers import parts, print_json
from webapp.windows.calendar import UnknownZone
from webapp.windows.listing import last_occurrence
from webapp.windows.models import Window
from webapp.windows.upcoming import live_windows, times_of, upcoming
from webapp.windows.words import STATES, occurrence_words, plan_words


@click.group("windows", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
@with_appcontext
def windows(context: click.Context, as_json: bool) -> None:
    """List the windows, or make, change, pause, skip and remove one."""
    if context.invoked_subcommand is None:
        _list(as_json)


@windows.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def list_windows(as_json: bool) -> None:
    """List the windows, with the next three times of each."""
    _list(as_json)


def _list(as_json: bool) -> None:
    now = parts().now()
    with parts().reading() as session:
        documents = [document_of(session, each, now) for each in live_windows(session)]
        lines = [line for each in live_windows(session) for line in lines_of(session, each, now)]
    if as_json:
        print_json({"windows": documents})
    elif lines:
        click.echo("\n".join(lines))
    else:
        click.echo("There is no window. `maintenance windows add` makes one, and so does the Maintenance page.")


def document_of(session: Session, window: Window, now: datetime) -> dict[str, Any]:
    """A window as JSON documents have it."""
    last = last_occurrence(session, window.id, now)
    try:
        ahead, problem = [each for each in upcoming(session, window, now) if not each.is_skipped], ""
    except UnknownZone as error:
        ahead, problem = [], str(error)
    return {
        "id": window.id,
        "name": window.name,
        "weekdays": [int(each) for each in window.weekdays.split(",")],
        "starts": window.starts,
        "zone": window.zone,
        "longest_s": window.longest_s,
        "least_bytes": window.least_bytes,
        "strategy": window.strategy or "auto",
        "paused_until": window.paused_until.isoformat() if window.paused_until and window.paused_until > now else None,
        "next": [each.begins.isoformat() for each in ahead],
        "problem": problem,
        "last": {
            "planned_at": last.occurrence.planned_at.isoformat(),
            "state": last.occurrence.state,
            "sentence": last.occurrence.sentence,
            "run_id": last.occurrence.run_id,
            "outcome": last.run.outcome if last.run else None,
        }
        if last
        else None,
    }


def lines_of(session: Session, window: Window, now: datetime) -> list[str]:
    """A window as a person reads it: its plan, its next times, and what became of the last one."""
    lines = [f"{window.id}  {window.name}: {plan_words(window)}"]
    try:
        times = times_of(window)
        for each in upcoming(session, window, now):
            word = "skipped" if each.is_skipped else "next"
            lines.append(f"   {word:<8} {occurrence_words(window, times, each.begins, now)}")
    except UnknownZone as problem:
        lines.append(f"   {problem}")
    last = last_occurrence(session, window.id, now)
    if last and last.occurrence.state:
        lines.append(f"   {'last':<8} {STATES[last.occurrence.state]}. {last.occurrence.sentence}".rstrip())
    return lines
