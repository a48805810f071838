"""Groups: what one person removed at once is one line of its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count
from typing import Any

from webapp.activities.groups import grouped_by_day
from webapp.activities.models import Activity, ActivityKind, Outcome

NOON = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
numbers = count(1)


def activity(**fields: Any) -> Activity:
    common = {"at": NOON, "actor": "alice", "kind": ActivityKind.TAG_DELETED, "outcome": Outcome.DONE}
    return Activity(id=next(numbers), **{"repository": "team/api", **common, **fields})


def test_forty_tags_removed_at_once_are_one_line_that_unfolds() -> None:
    (day,) = grouped_by_day([activity(removal_id=7, tag=f"1.{number}") for number in range(40)], UTC)
    (line,) = day.lines
    assert line.is_group
    assert len(line.items) == len(line.tags) == 40
    assert line.outcomes == {Outcome.DONE: 40}


def test_outcomes_of_a_group_are_counted_apart() -> None:
    outcomes = [Outcome.FAILED, Outcome.DONE, Outcome.KEPT, Outcome.DONE]
    (day,) = grouped_by_day([activity(removal_id=7, outcome=outcome) for outcome in outcomes], UTC)
    assert day.lines[0].outcomes == {Outcome.DONE: 2, Outcome.KEPT: 1, Outcome.FAILED: 1}


def test_the_deletion_of_an_image_speaks_for_its_tags() -> None:
    image = activity(removal_id=7, kind=ActivityKind.IMAGE_DELETED, outcome=Outcome.FAILED)
    (day,) = grouped_by_day([activity(removal_id=7, tag="1.1"), image, activity(removal_id=7, tag="1.0")], UTC)
    (line,) = day.lines
    assert line.head is image
    assert [each.tag for each in line.tags] == ["1.1", "1.0"]
    assert line.outcomes == {Outcome.DONE: 2}


def test_activities_outside_of_a_removal_stay_lines_of_their_own() -> None:
    (day,) = grouped_by_day([activity(kind=ActivityKind.SIGNED_IN) for _ in range(3)], UTC)
    assert [line.is_group for line in day.lines] == [False, False, False]
    assert day.lines[0].outcomes == {Outcome.DONE: 1}


def test_two_removals_in_turns_are_two_lines_with_the_newest_first() -> None:
    items = [activity(removal_id=number) for number in (8, 7, 8, 7)]
    (day,) = grouped_by_day(items, UTC)
    assert [line.items for line in day.lines] == [(items[0], items[2]), (items[1], items[3])]


def test_different_repositories_and_people_are_not_folded_together() -> None:
    items = [activity(removal_id=7), activity(removal_id=7, repository="team/web"), activity(removal_id=7, actor="bob")]
    (day,) = grouped_by_day(items, UTC)
    assert len(day.lines) == 3


def test_days_are_those_of_the_readers_time_zone() -> None:
    items = [activity(at=NOON), activity(at=NOON - timedelta(hours=9))]
    assert [day.date for day in grouped_by_day(items, UTC)] == [date(2026, 3, 12)]
    west = timezone(timedelta(hours=-6))
    assert [day.date for day in grouped_by_day(items, west)] == [date(2026, 3, 12), date(2026, 3, 11)]


def test_nothing_has_no_days() -> None:
    assert grouped_by_day([], UTC) == ()
