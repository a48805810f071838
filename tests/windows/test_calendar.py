"""When a window begins, in every zone, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webapp.windows import calendar
from webapp.windows.calendar import (
    DAY,
    Times,
    UnknownZone,
    begins_on,
    is_put_forward,
    is_repeated,
    last_occurrences,
    machine_zone,
    next_occurrences,
    occurrences_between,
    overlap,
    zone_named,
)

EVERY_DAY = frozenset(range(7))
BERLIN, SAMOA = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
DAYS = st.dates(date(1970, 1, 1), date(2037, 12, 31))
TIMES_OF_DAY = st.times().map(lambda each: each.replace(second=0, microsecond=0))
WEEKDAYS = st.frozensets(st.integers(0, 6), min_size=1)
HOUR = timedelta(hours=1)


def times_in(zone: ZoneInfo, starts: str, weekdays: frozenset[int] = EVERY_DAY) -> Times:
    return Times(weekdays, time.fromisoformat(starts), zone)


def test_a_time_that_the_clock_leaves_out_begins_when_it_has_been_put_forward() -> None:
    times = times_in(BERLIN, "02:30")
    begins = begins_on(times, date(2026, 3, 29))
    assert begins == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert begins is not None
    assert begins.astimezone(BERLIN).time() == time(3, 0)
    assert (is_put_forward(times, begins), is_repeated(times, begins)) == (True, False)


def test_a_time_that_the_clock_shows_twice_begins_once_at_the_first() -> None:
    times = times_in(BERLIN, "02:30")
    found = occurrences_between(times, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert found == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
    assert (is_put_forward(times, found[0]), is_repeated(times, found[0])) == (False, True)


def test_the_time_on_the_wall_stays_when_the_clock_changes() -> None:
    found = next_occurrences(times_in(BERLIN, "03:00"), datetime(2026, 10, 24, 0, tzinfo=UTC), 3)
    assert [each.hour for each in found] == [1, 2, 2]
    assert {each.astimezone(BERLIN).time() for each in found} == {time(3, 0)}


def test_a_day_that_a_zone_leaves_out_has_no_moment() -> None:
    times = times_in(SAMOA, "03:00")
    assert begins_on(times, date(2011, 12, 30)) is None
    found = occurrences_between(times, datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 1, 12, tzinfo=UTC))
    assert [each.astimezone(SAMOA).date().day for each in found] == [29, 31, 1]


def test_only_the_days_of_the_week_that_are_named() -> None:
    found = next_occurrences(times_in(BERLIN, "03:00", frozenset({1, 5})), datetime(2026, 3, 12, tzinfo=UTC), 4)
    assert [each.astimezone(BERLIN).weekday() for each in found] == [5, 1, 5, 1]


@given(ZONES, TIMES_OF_DAY, WEEKDAYS, DAYS, st.integers(1, 40))
@example(BERLIN, time(2, 30), EVERY_DAY, date(2026, 3, 20), 30)
@example(BERLIN, time(2, 30), EVERY_DAY, date(2026, 10, 15), 30)
@example(SAMOA, time(23, 59), EVERY_DAY, date(2011, 12, 20), 30)
@example(ZoneInfo("America/Havana"), time(0, 0), EVERY_DAY, date(2026, 3, 1), 30)
@example(ZoneInfo("Australia/Lord_Howe"), time(2, 10), EVERY_DAY, date(2026, 9, 25), 30)
def test_each_day_has_exactly_one_moment_and_they_are_in_order(
    zone: ZoneInfo, starts: time, weekdays: frozenset[int], first: date, days: int
) -> None:
    times = Times(weekdays, starts, zone)
    wanted = [first + number * DAY for number in range(days)]
    by_day = {each: begins_on(times, each) for each in wanted if each.weekday() in weekdays}
    moments = [each for each in by_day.values() if each is not None]

    assert moments == sorted(set(moments))
    for day, begins in by_day.items():
        if begins is None:  # the zone has no such day
            assert not any(
                (datetime.combine(day, time(hour), UTC) + shift).astimezone(zone).date() == day
                for hour in range(24)
                for shift in (-DAY, 0 * DAY, DAY)
            )
            continue
        local = begins.astimezone(zone)
        if local.replace(tzinfo=None) != datetime.combine(day, starts):  # it was left out: the clock jumps right there
            just_before = (begins - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
            assert just_before < datetime.combine(day, starts) < local.replace(tzinfo=None)
    if moments:
        before = moments[0] - timedelta(seconds=1)
        assert occurrences_between(times, before, moments[-1]) == moments
        assert next_occurrences(times, before, len(moments)) == moments
        assert last_occurrences(times, before, moments[-1], 3) == moments[-3:]


@given(ZONES, TIMES_OF_DAY, DAYS)
def test_what_comes_next_never_lies_behind(zone: ZoneInfo, starts: time, day: date) -> None:
    after = datetime.combine(day, time(12), UTC)
    (begins,) = next_occurrences(Times(EVERY_DAY, starts, zone), after, 1)
    assert after < begins <= after + 2 * DAY + 2 * HOUR


def test_the_last_ones_of_many_years_are_found_without_counting_all() -> None:
    times, until = times_in(BERLIN, "03:00"), datetime(2026, 3, 12, tzinfo=UTC)
    found = last_occurrences(times, datetime(1990, 1, 1, tzinfo=UTC), until, 10)
    assert (len(found), found[-1]) == (10, datetime(2026, 3, 11, 2, tzinfo=UTC))


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "Europe", "a\0b", "x" * 5000])
def test_an_unknown_zone_is_a_sentence(name: str) -> None:
    with pytest.raises(UnknownZone, match="There is no time zone"):
        zone_named(name)


def test_a_machine_without_zones_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "available_timezones", set)
    with pytest.raises(UnknownZone, match="install the package tzdata"):
        zone_named("Mars/Base")


def test_this_machine_has_the_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"Europe/Berlin", "UTC"} <= available_timezones()
    assert machine_zone() in available_timezones()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert machine_zone() == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    assert machine_zone() == "UTC"


def test_a_machine_that_names_its_zone_by_a_link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TZ", raising=False)
    file = tmp_path / "zoneinfo" / "Asia" / "Tokyo"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "localtime").symlink_to(file)
    monkeypatch.setattr(calendar, "LOCALTIME", tmp_path / "localtime")
    assert machine_zone() == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("second", "length_h", "expected"),
    [("04:00", 1, False), ("03:30", 1, True), ("02:00", 2, True), ("02:00", 1, False)],
)
def test_windows_that_are_open_at_the_same_time_overlap(second: str, length_h: int, expected: bool) -> None:
    now = datetime(2026, 3, 12, 9, tzinfo=UTC)
    found = overlap(times_in(BERLIN, "03:00"), HOUR, times_in(BERLIN, second), length_h * HOUR, now)
    assert found is expected
