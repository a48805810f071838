"""When a window begins: the days of the week, the time on a zone's clock, and the moments in UTC. Pure.

A clock that is put forward leaves times out: a window that would begin at such a time begins when the clock has been
put forward. A clock that is put back shows times twice: a window begins at the first of the two. So each of its days
has exactly one moment; only a day that a zone has left out altogether (Samoa's 30 December 2011) has none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MARGIN_DAYS = 2
"""A moment can be a day away from its date in UTC, and another one where a clock is put forward over midnight."""

LOCALTIME = Path("/etc/localtime")
NO_ZONES = "This machine has no time zones: install the package tzdata."


class UnknownZone(ValueError):
    """There is no such time zone here; its text says so to a person."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a window begins.

    Attributes:
        weekdays: from 0 (Monday) to 6; at least one.
        starts: on the clock of `zone`.
    """

    weekdays: frozenset[int]
    starts: time
    zone: tzinfo


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name of the IANA database. Raises UnknownZone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # also what is a folder, or no file's name
        if not available_timezones():
            raise UnknownZone(NO_ZONES) from None
        raise UnknownZone(f"There is no time zone “{name}”. Write one such as Europe/Berlin, or UTC.") from None


def machine_zone() -> str:
    """The name of this machine's time zone; UTC where it has none."""
    name = os.environ.get("TZ", "").lstrip(":") or str(LOCALTIME.resolve()).rpartition("/zoneinfo/")[2]
    return name if name in available_timezones() and name != "Etc/UTC" else "UTC"


def next_occurrences(times: Times, after: datetime, count: int) -> list[datetime]:
    """The next moments after that one, in UTC."""
    return list(islice(_after(times, after), count))


def occurrences_between(times: Times, after: datetime, until: datetime) -> list[datetime]:
    """The moments after `after` and not after `until`, in UTC."""
    return list(takewhile(lambda each: each <= until, _after(times, after)))


def last_occurrences(times: Times, after: datetime, until: datetime, most: int) -> list[datetime]:
    """Of the moments between the two, in order, those that are nearest to `until`; at most so many."""
    day, found = until.astimezone(times.zone).date() + MARGIN_DAYS * DAY, list[datetime]()
    first = after.astimezone(times.zone).date() - MARGIN_DAYS * DAY
    while day >= first and len(found) < most:
        begins = begins_on(times, day) if day.weekday() in times.weekdays else None
        if begins is not None and after < begins <= until:
            found.append(begins)
        day -= DAY
    return found[::-1]


def begins_on(times: Times, day: date) -> datetime | None:
    """The moment in UTC at which a window begins on a day of its zone; None where the zone leaves that day out."""
    local = datetime.combine(day, times.starts, times.zone)  # fold is 0: the first of two
    begins = local.astimezone(UTC)
    if begins.astimezone(times.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return begins
    begins = _end_of_gap(local)
    dates = {each.astimezone(times.zone).date() for each in (begins, begins - SECOND)}
    return begins if day in dates else None


def is_put_forward(times: Times, begins: datetime) -> bool:
    """Whether the zone's clock leaves out the time at which the window would have begun."""
    return begins.astimezone(times.zone).time() != times.starts


def is_repeated(times: Times, begins: datetime) -> bool:
    """Whether the zone's clock shows the time at which the window begins twice."""
    local = begins.astimezone(times.zone)
    return not is_put_forward(times, begins) and local.replace(fold=1).astimezone(UTC) != begins


def overlap(first: Times, first_length: timedelta, second: Times, second_length: timedelta, now: datetime) -> bool:
    """Whether two windows are open at the same time within the next week and a day."""
    until = now + 8 * DAY
    seconds = occurrences_between(second, now - DAY, until)
    return any(
        begins < other + second_length and other < begins + first_length
        for begins in occurrences_between(first, now - DAY, until)
        for other in seconds
    )


def _after(times: Times, after: datetime) -> Iterator[datetime]:
    if not times.weekdays:
        return
    day = after.astimezone(times.zone).date() - MARGIN_DAYS * DAY
    while True:
        begins = begins_on(times, day) if day.weekday() in times.weekdays else None
        if begins is not None and begins > after:
            yield begins
        day += DAY


def _end_of_gap(local: datetime) -> datetime:
    """The first moment, in UTC, after the gap that a time lies in which a clock leaves out."""
    zone = local.tzinfo
    before, after = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)  # by the later and the earlier offset
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2 // SECOND * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
