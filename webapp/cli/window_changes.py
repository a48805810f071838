"""`maintenance windows add|change|pause|resume|skip|remove`: what the pages do with windows, with the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import tzinfo
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.activities.record import COMMAND
from webapp.cli.answers import fail, parts, print_json, typed_by
from webapp.cli.windows import document_of, lines_of, windows
from webapp.maintenance.models import Strategy
from webapp.windows import records
from webapp.windows.calendar import UnknownZone, zone_named
from webapp.windows.listing import find_window
from webapp.windows.models import Window
from webapp.windows.records import Change, Plan
from webapp.windows.typed import LABELS, Typed, read_pause, read_plan, typed_of
from webapp.windows.words import NO_SUCH, WAS_DELETED, WEEKDAYS, begins_words

EVERY = "every"
AUTO = "auto"
SHORTEST_DAY = 2

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
window_argument = click.argument("window_id", metavar="WINDOW", type=int)
_PLAN = (
    click.option("--name", help="What it is called."),
    click.option("--days", help="Days such as mon,wed,fri, or every."),
    click.option("--starts", metavar="HH:MM", help="When it begins, by the clock of its zone."),
    click.option("--zone", help="A time zone such as Europe/Berlin, or UTC."),
    click.option("--longest", metavar="MINUTES", help="A run that is under way then is ended."),
    click.option("--least", metavar="GB", help="It runs only where at least so much would come back; 0 for always."),
    click.option(
        "--strategy", type=click.Choice([AUTO, *(each.value for each in Strategy)]), help="What becomes of pulls."
    ),
)


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a plan; each that is not given is None."""
    for option in reversed(_PLAN):
        command = option(command)
    return command


@windows.command("add")
@plan_options
@as_json_option
@with_appcontext
def add(as_json: bool, **given: str | None) -> None:
    """Make a window; what is not given is as in the page's form: every day at 03:00, for at most 60 minutes."""
    plan = _plan(Typed(), given)
    with parts().writing() as session:
        window_id = records.make(session, plan, _change())
    _answer(window_id, f"Made the window {plan.name}.", as_json)


@windows.command("change")
@window_argument
@plan_options
@as_json_option
@with_appcontext
def change(window_id: int, as_json: bool, **given: str | None) -> None:
    """Give WINDOW another plan; what is not given stays."""
    with _changing(window_id, as_json) as (session, window):
        plan = _plan(typed_of(window), given)
        records.alter(session, window, plan, _change())
    _answer(window_id, f"Changed the window {plan.name}.", as_json)


@windows.command("pause")
@window_argument
@click.option(
    "--until", required=True, metavar="DATE", help="It takes place again from that day on, such as 2026-12-24."
)
@as_json_option
@with_appcontext
def pause(window_id: int, until: str, as_json: bool) -> None:
    """Let WINDOW rest until a day."""
    with _changing(window_id, as_json) as (session, window):
        zone = _zone_of(window, as_json)
        moment, problem = read_pause(until, zone, parts().now())
        if moment is None:
            raise click.UsageError(problem)
        records.pause(session, window, moment, _change())
    _answer(window_id, f"Paused until {begins_words(moment, zone, parts().now())}.", as_json)


@windows.command("resume")
@window_argument
@as_json_option
@with_appcontext
def resume(window_id: int, as_json: bool) -> None:
    """End the pause of WINDOW early."""
    with _changing(window_id, as_json) as (session, window):
        records.resume(session, window, _change())
    _answer(window_id, "It takes place again.", as_json)


@windows.command("skip")
@window_argument
@as_json_option
@with_appcontext
def skip(window_id: int, as_json: bool) -> None:
    """Take out the next time of WINDOW. Its page takes that back."""
    with _changing(window_id, as_json) as (session, window):
        zone = _zone_of(window, as_json)
        begins = records.skip_next(session, window, _change())
    if begins is None:
        fail("There is no next time to skip.", as_json)
    _answer(window_id, f"{begins_words(begins, zone, parts().now())} is skipped.", as_json)


@windows.command("remove")
@window_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_option
@with_appcontext
def remove(window_id: int, yes: bool, as_json: bool) -> None:
    """Delete WINDOW. A run of it that is under way goes on."""
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: give --yes.")
    with parts().reading() as session:
        name = _meant(session, window_id, as_json).name
    if not (yes or click.confirm(f"Delete the window {name}?")):
        return
    with _changing(window_id, as_json) as (session, window):
        records.delete(session, window, _change())
    if as_json:
        print_json({"outcome": "done", "id": window_id, "name": name})
    else:
        click.echo(f"Deleted the window {name}.")


def _plan(typed: Typed, given: dict[str, str | None]) -> Plan:
    """What was typed, over what there is. Raises click.UsageError with a sentence for each option that cannot be meant."""
    changed: dict[str, Any] = {name: text.strip() for name, text in given.items() if text is not None}
    if "days" in changed:
        changed["weekdays"] = _weekdays(changed.pop("days"))
    if changed.get("strategy") == AUTO:
        changed["strategy"] = ""
    plan, errors = read_plan(replace(typed, **changed))
    if plan is None:
        raise click.UsageError("\n".join(f"{LABELS[name]}: {sentence}" for name, sentence in errors.items()))
    return plan


def _weekdays(text: str) -> tuple[str, ...]:
    """The numbers of days such as 'mon,wed', 'Saturday' or 'every'; a name that is none is no day."""
    found = set[int]()
    for name in (each.strip().lower() for each in text.split(",")):
        days = {day for day, weekday in enumerate(WEEKDAYS) if name == EVERY or weekday.lower().startswith(name)}
        if len(name) < SHORTEST_DAY or not days:
            raise click.UsageError(f"{LABELS['weekdays']}: Write days such as mon,wed,fri, or every.")
        found |= days
    return tuple(str(day) for day in sorted(found))


@contextmanager
def _changing(window_id: int, as_json: bool) -> Iterator[tuple[Session, Window]]:
    """A window that is meant, in a transaction; where there is none the command ends as failed."""
    with parts().writing() as session:
        yield session, _meant(session, window_id, as_json)


def _meant(session: Session, window_id: int, as_json: bool) -> Window:
    window = find_window(session, window_id)
    if window is None or window.ended_at is not None:
        fail(NO_SUCH if window is None else WAS_DELETED, as_json)
    return window


def _zone_of(window: Window, as_json: bool) -> tzinfo:
    try:
        return zone_named(window.zone)
    except UnknownZone as problem:
        fail(str(problem), as_json)


def _change() -> Change:
    return Change(typed_by(), COMMAND, parts().now())


def _answer(window_id: int, sentence: str, as_json: bool) -> None:
    now = parts().now()
    with parts().reading() as session:
        window = session.get_one(Window, window_id)
        document, lines = document_of(session, window, now), lines_of(session, window, now)
    if as_json:
        print_json({"outcome": "done", **document})
    else:
        click.echo("\n".join([sentence, *lines]))
