"""Windows in words: when they begin, for how long, and what became of a planned time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from webapp.windows.calendar import Times, is_put_forward, is_repeated
from webapp.windows.models import OccurrenceState, Window

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MANY_DAYS = 300
"""A day further away is told with its year."""

EVENING, MORNING = 18, 6

NO_SUCH = "There is no such window."
WAS_DELETED = "This window was deleted; it does not run any more."

STATES = {
    OccurrenceState.RUN: "run",
    OccurrenceState.MISSED: "missed",
    OccurrenceState.SKIPPED: "skipped",
    OccurrenceState.PAUSED: "paused",
    OccurrenceState.NOT_WORTH_IT: "not worth it",
    OccurrenceState.DOES_NOT_FIT: "did not fit",
    OccurrenceState.RUN_UNDER_WAY: "another run under way",
    OccurrenceState.PUSHES: "busy with pushes",
    OccurrenceState.NOT_READY: "could not begin",
}


def begins_words(begins: datetime, zone: tzinfo, now: datetime) -> str:
    """A moment by the clock of a zone: 'Tuesday 1 Dec, 03:00 Europe/Berlin (02:00 UTC)'."""
    local = begins.astimezone(zone)
    words = f"{WEEKDAYS[local.weekday()]} {_day(local.date(), now.date())}, {local:%H:%M} {zone}"
    utc = begins.astimezone(UTC)
    if local.utcoffset() == timedelta(0):
        return words
    other_day = "" if utc.date() == local.date() else f"{WEEKDAYS[utc.weekday()]} "
    return f"{words} ({other_day}{utc:%H:%M} UTC)"


def occurrence_words(window: Window, times: Times, begins: datetime, now: datetime) -> str:
    """A planned time with its length: 'Tuesday 1 Dec, 03:00 Europe/Berlin (02:00 UTC), for at most 1 hour'."""
    return f"{begins_words(begins, times.zone, now)}, for at most {length_words(window.longest_s)}"


def daylight_saving_words(times: Times, begins: datetime) -> str:
    """What daylight saving does to a planned time; '' for nothing."""
    if is_put_forward(times, begins):
        local = begins.astimezone(times.zone)
        return f"The clock is put forward that night: there is no {times.starts:%H:%M}, so it begins at {local:%H:%M}."
    if is_repeated(times, begins):
        return f"The clock is put back that night and shows {times.starts:%H:%M} twice: it begins at the first."
    return ""


def weekdays_words(weekdays: frozenset[int]) -> str:
    """'every day', 'Monday to Friday', 'Saturday and Sunday', 'Monday, Wednesday and Friday'."""
    days = sorted(weekdays)
    if len(days) == len(WEEKDAYS):
        return "every day"
    names = [WEEKDAYS[each] for each in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def plan_words(window: Window) -> str:
    """'Saturday and Sunday at 03:00 Europe/Berlin, for at most 1 hour'."""
    days = frozenset(int(each) for each in window.weekdays.split(",") if each)
    return f"{weekdays_words(days)} at {window.starts} {window.zone}, for at most {length_words(window.longest_s)}"


def length_words(seconds: float) -> str:
    """A length of time in whole minutes: '1 hour', '2 hours 30 minutes', '45 minutes'; '20 seconds' for less than one."""
    if seconds < 60:
        return _counted(max(1, round(seconds)), "second")
    hours, minutes = divmod(round(seconds / 60), 60)
    words = [_counted(hours, "hour") if hours else "", _counted(minutes, "minute") if minutes else ""]
    return " ".join(filter(None, words))


def soon_words(begins: datetime, zone: tzinfo, now: datetime) -> str:
    """A moment within the next day: 'tonight', 'today' or 'tomorrow', by the clock of a zone."""
    local, here = begins.astimezone(zone), now.astimezone(zone)
    is_night = local.hour >= EVENING or local.hour < MORNING
    if is_night and _night(local) == _night(here):
        return "tonight"
    return "today" if local.date() == here.date() else "tomorrow"


def _night(local: datetime) -> date:
    """The day on whose evening the night begins that a time belongs to, or that follows on it."""
    return local.date() - timedelta(days=1) if local.hour < MORNING else local.date()


def _day(day: date, today: date) -> str:
    year = f" {day.year}" if abs((day - today).days) > MANY_DAYS else ""
    return f"{day.day} {day:%b}{year}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
