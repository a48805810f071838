"""`activities`: the audit log, newest first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.activities.listing import Filter, every
from webapp.activities.models import Activity, Outcome
from webapp.cli.answers import parts, print_json

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LENGTH_OF_TIME = re.compile(r"([0-9]{1,5})([mhd])", re.ASCII)


@click.command("activities")
@click.option("--repository", metavar="R", help="Only what was done to this repository.")
@click.option("--since", metavar="T", help="Only since then: 2026-03-12, 2026-03-12T03:00 (UTC) or 30m, 24h, 7d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def activities(repository: str | None, since: str | None, as_json: bool) -> None:
    """Print who did what, newest first."""
    wanted = Filter(repository=repository, since=None if since is None else _moment(since))
    with parts().reading() as session:
        if as_json:
            print_json({"activities": [_document(activity) for activity in every(session, wanted)]})
            return
        for activity in every(session, wanted):
            click.echo(_line(activity))


def _moment(text: str) -> datetime:
    length = LENGTH_OF_TIME.fullmatch(text)
    try:
        if length:
            return parts().now() - timedelta(**{UNITS[length[2]]: int(length[1])})
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{text} is no time. Write 2026-03-12, 2026-03-12T03:00 or 30m, 24h, 7d.") from None


def _line(activity: Activity) -> str:
    object_of_it = activity.repository or ""
    if activity.tag:
        object_of_it += f":{activity.tag}"
    ending = "" if activity.outcome is Outcome.DONE else _words(activity.outcome)
    parts_of_line = (
        activity.at.strftime("%Y-%m-%d %H:%M:%SZ"),
        activity.actor,
        _words(activity.kind),
        object_of_it,
        ending,
        activity.reason,
    )
    return "  ".join(part for part in parts_of_line if part)


def _words(value: str) -> str:
    return value.replace("_", " ")


def _document(activity: Activity) -> dict[str, Any]:
    return {
        "id": activity.id,
        "at": activity.at.isoformat(),
        "actor": activity.actor,
        "kind": activity.kind.value,
        "outcome": activity.outcome.value,
        "reason": activity.reason,
        "repository": activity.repository,
        "tag": activity.tag,
        "digest": activity.digest,
        "removal_id": activity.removal_id,
        "run_id": activity.run_id,
        "place": activity.place,
    }
