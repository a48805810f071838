"""What a person typed of a window, in a form or a command: read field by field, with a sentence for each that cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

from webapp.maintenance.models import Strategy
from webapp.windows.calendar import UnknownZone, machine_zone, zone_named
from webapp.windows.models import Window
from webapp.windows.records import Plan

LONGEST_NAME = 60
LONGEST_ZONE = 64
SHORTEST_MINUTES, LONGEST_MINUTES = 1, 24 * 60
LONGEST_PAUSE_DAYS = 730
GB = 10**9
MOST_GB = 1_000_000
LABELS = {
    "name": "Name",
    "weekdays": "Days",
    "starts": "Begins at",
    "zone": "Time zone",
    "longest": "Longest duration",
    "least": "Least to be worth it",
    "strategy": "Meanwhile",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, as text; `longest` is in minutes, `least` in GB."""

    name: str = "Nightly"
    weekdays: tuple[str, ...] = tuple(str(each) for each in range(7))
    starts: str = "03:00"
    zone: str = field(default_factory=machine_zone)
    longest: str = "60"
    least: str = ""
    strategy: str = ""


def typed_of(window: Window) -> Typed:
    """A window as it would be typed."""
    return Typed(
        name=window.name,
        weekdays=tuple(window.weekdays.split(",")),
        starts=window.starts,
        zone=window.zone,
        longest=f"{window.longest_s / 60:g}",
        least=f"{Decimal(window.least_bytes) / GB:f}" if window.least_bytes else "",
        strategy=window.strategy,
    )


def read_plan(typed: Typed) -> tuple[Plan | None, dict[str, str]]:
    """The plan that was typed; None where something cannot be meant, with a sentence for each such field."""
    errors: dict[str, str] = {}
    if not typed.name or len(typed.name) > LONGEST_NAME or not typed.name.isprintable():
        errors["name"] = f"Write a name of at most {LONGEST_NAME} characters."
    weekdays = frozenset(int(each) for each in typed.weekdays if each in "0123456" and len(each) == 1)
    if not weekdays:
        errors["weekdays"] = "Choose at least one day."
    starts = _time(typed.starts)
    if starts is None:
        errors["starts"] = "Write a time such as 03:00."
    try:
        zone_named(typed.zone[:LONGEST_ZONE])
    except UnknownZone as problem:
        errors["zone"] = str(problem)
    minutes = _number(typed.longest)
    if minutes is None or not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES or minutes % 1:
        errors["longest"] = f"Write whole minutes, from {SHORTEST_MINUTES} to {LONGEST_MINUTES} (a day)."
    gigabytes = _number(typed.least or "0")
    if gigabytes is None or not 0 <= gigabytes <= MOST_GB:
        errors["least"] = "Write a number of GB such as 1 or 0.5, or nothing."
    if typed.strategy and typed.strategy not in list(Strategy):
        errors["strategy"] = "Choose one of these."
    if errors or starts is None or minutes is None or gigabytes is None:
        return None, errors
    longest_s, least_bytes = int(minutes) * 60, int(gigabytes * GB)
    return Plan(typed.name, weekdays, starts, typed.zone, longest_s, least_bytes, typed.strategy), {}


def read_pause(text: str, zone: tzinfo, now: datetime) -> tuple[datetime | None, str]:
    """The begin of the day until which a window rests, by its zone's clock; None with a sentence for anything else."""
    today = now.astimezone(zone).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, "Write a date such as 2026-12-24."
    if not today < day <= today + timedelta(days=LONGEST_PAUSE_DAYS):
        return None, "Write a date from tomorrow on, within the next two years."
    return datetime.combine(day, time(), zone), ""


def _time(text: str) -> time | None:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(second=0, microsecond=0) if found.tzinfo is None else None


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
