"""`maintenance hold`: the registry read-only for a stated time, for a backup or a move."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext

from webapp.activities.record import COMMAND
from webapp.cli.answers import ExitCode, fail, parts, print_json, typed_by
from webapp.cli.maintenance import maintenance
from webapp.leases import LeaseLost
from webapp.maintenance.hold_records import hold_under_way
from webapp.maintenance.holds import BrokenOff, HoldFailed, why_refused
from webapp.maintenance.holds import hold as hold_read_only
from webapp.maintenance.models import Hold, Strategy
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import NoKeeper, RunUnderWay

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
ENDS = "It ends by itself; a restart of the keeper, or of its machine, ends it early."


@maintenance.command("hold")
@click.option("--until", metavar="TIME", help="A time such as 14:30 (on this machine's clock), or 2026-03-12T14:30.")
@click.option("--for", "length", metavar="LENGTH", help="A length such as 45m or 2h, in place of --until.")
@click.option("--purpose", default="", help="What it is for, shown to everybody.")
@click.option(
    "--strategy",
    type=click.Choice(["auto", *(each.value for each in Strategy)]),
    default="auto",
    help="What becomes of pulls.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def hold(until: str | None, length: str | None, purpose: str, strategy: str, as_json: bool) -> None:
    """Hold the registry read-only until a stated time; returns as soon as that is proved."""
    here = parts()
    end = _end(until, length, here.now().astimezone())
    chosen = None if strategy == "auto" else Strategy(strategy)
    try:
        end_interrupted_runs(here.maintainer)
        hold_id = hold_read_only(here.maintainer, end, typed_by(), COMMAND, purpose, chosen)
    except BrokenOff as pressed:
        fail(pressed.sentence, as_json, ExitCode.BROKEN_OFF)
    except (HoldFailed, RunUnderWay, NoKeeper) as error:
        fail(why_refused(here.maintainer, error), as_json)
    except KeyboardInterrupt:
        fail(_broken_off(), as_json, ExitCode.BROKEN_OFF)
    except LeaseLost:
        fail("This process was away for too long; another one finds out how the hold ended.", as_json)
    with here.reading() as session:
        row = session.get_one(Hold, hold_id)
    if as_json:
        print_json({"outcome": "held", "until": row.until, "strategy": row.strategy, "proof": row.reason})
    else:
        click.echo(f"{row.reason} It is held until {row.until.astimezone():%d %b %Y, %H:%M}. {ENDS}")


def _broken_off() -> str:
    """What is true where Ctrl-C came before the keeper was asked, or again while it was told to cancel."""
    with parts().reading() as session:
        is_open = hold_under_way(session) is not None
    if is_open:
        return "Broken off. The keeper was told to cancel; `maintenance status` says how far it is."
    return "Broken off before anything was asked of the keeper."


def _end(until: str | None, length: str | None, now: datetime) -> datetime:
    """When the hold ends. Raises click.UsageError where that cannot be read."""
    if (until is None) == (length is None):
        raise click.UsageError("Say either --until TIME or --for LENGTH.")
    if length is not None:
        found = re.fullmatch(r"(\d{1,4})([mh])", length, re.ASCII)
        if found is None:
            raise click.UsageError("Write a length such as 45m or 2h.")
        return now + int(found[1]) * UNITS[found[2]]
    text = until or ""
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text, re.ASCII):
            hour, minute = (int(part) for part in text.split(":"))
            today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return today if today > now else today + timedelta(days=1)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError("Write a time such as 14:30 or 2026-03-12T14:30.") from None
    return at if at.tzinfo else at.astimezone()
