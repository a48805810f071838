"""Listing: newest first, by pages that neither repeat nor leave out, filtered."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.records import Clock, Records
from webapp.activities.listing import ActivityPage, Cursor, Filter, _matching, every, kinds, page, people, read_cursor
from webapp.activities.models import ACCOUNT_KINDS, Activity, ActivityKind, Outcome
from webapp.activities.record import record


def add(session: Session, clock: Clock, tag: str, **fields: object) -> Activity:
    given = {"actor": "alice", "kind": ActivityKind.TAG_DELETED, "repository": "team/api", "at": clock(), **fields}
    return record(session, tag=tag, outcome=Outcome.DONE, **given)  # type: ignore[arg-type]


def tags(records: Records, wanted: Filter) -> list[str | None]:
    with records.reading() as session:
        return [activity.tag for activity in page(session, wanted).items]


def all_pages(session: Session, wanted: Filter, size: int) -> list[list[str | None]]:
    """Walk the pages by the cursors' texts, as a reader does."""
    pages, cursor = [], None
    for _ in range(100):
        found = page(session, wanted, cursor, size)
        pages.append([activity.tag for activity in found.items])
        if found.older is None:
            return pages
        cursor = read_cursor(str(found.older))
    raise AssertionError("the pages have no end")


def test_pages_follow_each_other_without_repeating_or_leaving_out(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        for number in range(25):
            add(session, clock, f"1.{number}")
            clock.advance(seconds=number % 3 == 0)  # several at one moment
    with records.reading() as session:
        pages = all_pages(session, Filter(), size=10)
    assert [len(each) for each in pages] == [10, 10, 5]
    assert [tag for each in pages for tag in each] == [f"1.{number}" for number in reversed(range(25))]


def test_what_is_recorded_meanwhile_does_not_move_the_next_page(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        for number in range(6):
            add(session, clock, f"1.{number}")
    with records.reading() as session:
        first = page(session, Filter(), size=3)
    with records.writing() as session:
        add(session, clock, "2.0")
    with records.reading() as session:
        second = page(session, Filter(), first.older, size=3)
        assert [activity.tag for activity in second.items] == ["1.2", "1.1", "1.0"]
        assert second.older is None


def test_the_tags_of_one_removal_take_one_line_of_a_page(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        add(session, clock, "before")
        for number in range(40):
            add(session, clock, f"1.{number}", removal_id=7)
        add(session, clock, "after")
    with records.reading() as session:
        first = page(session, Filter(), size=2)
        assert len(first.items) == 41
        assert all_pages(session, Filter(), size=2)[1] == ["before"]


def test_a_removal_of_many_thousand_tags_still_ends_a_page(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        for number in range(1001):
            add(session, clock, f"1.{number}", removal_id=7)
    with records.reading() as session:
        assert [len(each) for each in all_pages(session, Filter(), size=50)] == [1000, 1]


def test_activities_are_filtered_by_repository_person_kind_and_time(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        add(session, clock, "old")
        clock.advance(hours=1)
        noon = clock()
        add(session, clock, "other repository", repository="team/web")
        add(session, clock, "other person", actor="bob")
        add(session, clock, "other kind", kind=ActivityKind.IMAGE_DELETED)
        clock.advance(hours=1)
        add(session, clock, "new")
    assert tags(records, Filter(repository="team/web")) == ["other repository"]
    assert tags(records, Filter(person="bob")) == ["other person"]
    assert tags(records, Filter(kind=ActivityKind.IMAGE_DELETED)) == ["other kind"]
    assert tags(records, Filter(until=noon)) == ["old"]
    assert tags(records, Filter(since=noon + timedelta(seconds=1))) == ["new"]
    assert tags(records, Filter(since=noon, until=clock(), repository="team/api", person="alice")) == ["other kind"]


def test_what_a_reader_may_not_see_is_not_listed(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        add(session, clock, "1.0")
        record(session, at=clock(), actor="bob", kind=ActivityKind.SIGN_IN_FAILED, outcome=Outcome.FAILED)
    assert tags(records, Filter(shown=frozenset(ActivityKind) - ACCOUNT_KINDS)) == ["1.0"]
    assert tags(records, Filter(shown=frozenset())) == []


@pytest.mark.parametrize(
    "nonsense", [None, "", "x", "-", "1-", "1-1-1", "١-1", "f" * 15 + "-1", "1-" + "f" * 16, "1-1\n"]
)
def test_a_cursor_of_nonsense_is_the_first_page(records: Records, clock: Clock, nonsense: str | None) -> None:
    with records.writing() as session:
        add(session, clock, "1.0")
    assert read_cursor(nonsense) is None
    with records.reading() as session:
        assert len(page(session, Filter(), read_cursor(nonsense)).items) == 1


def test_the_largest_cursor_that_can_be_read_does_not_break_the_page(records: Records) -> None:
    cursor = read_cursor("f" * 14 + "-" + "f" * 15)
    with records.reading() as session:
        assert page(session, Filter(), cursor) == ActivityPage((), None)


def test_a_cursor_means_the_same_moment_in_every_time_zone(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        older = add(session, clock, "older")
        clock.advance(minutes=1)
        newer = add(session, clock, "newer")
    elsewhere = Cursor(newer.at.astimezone(timezone(timedelta(hours=9))), newer.id)
    with records.reading() as session:
        assert [activity.id for activity in page(session, Filter(), elsewhere).items] == [older.id]
    assert read_cursor(str(elsewhere)) == elsewhere


def test_people_and_kinds_are_listed_once_each(records: Records, clock: Clock) -> None:
    with records.reading() as session:
        assert (people(session), kinds(session)) == ([], [])
    with records.writing() as session:
        for actor in ("bob", "Carol", "alice", "bob"):
            add(session, clock, "1.0", actor=actor)
        add(session, clock, "", kind=ActivityKind.RUN_FINISHED)
    with records.reading() as session:
        assert people(session) == ["alice", "bob", "Carol"]
        assert kinds(session) == [ActivityKind.RUN_FINISHED, ActivityKind.TAG_DELETED]


def test_all_activities_can_be_read_at_once_for_a_terminal(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        for number in range(120):
            add(session, clock, f"1.{number}", removal_id=7)
    with records.reading() as session:
        assert len(list(every(session, Filter(repository="team/api")))) == 120


def test_a_kind_that_is_asked_for_but_may_not_be_seen_is_not_listed(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        add(session, clock, "", kind=ActivityKind.SIGNED_IN)
    shown = frozenset(ActivityKind) - ACCOUNT_KINDS
    assert tags(records, Filter(kind=ActivityKind.SIGNED_IN, shown=shown)) == []


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(repository="team/api"),
        Filter(person="bob"),
        Filter(kind=ActivityKind.TAG_DELETED),
        Filter(shown=frozenset(ActivityKind) - ACCOUNT_KINDS),
    ],
    ids=["all", "repository", "person", "kind", "what may be seen"],
)
def test_every_list_is_read_from_an_index_without_sorting(records: Records, wanted: Filter) -> None:
    with records.reading() as session:
        query = _matching(wanted).compile(records.engine, compile_kwargs={"literal_binds": True})
        plan = [step.detail for step in session.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert len(plan) == 1
    assert "USING INDEX ix_activities_" in plan[0]
