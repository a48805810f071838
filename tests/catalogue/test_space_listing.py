"""The lists of /space: their orders and pages, for whom they are, and that indexes answer them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.catalogue.conftest import EVERYTHING
from tests.query_plans import plan_of, statements_of
from tests.records import Clock, Records
from webapp.accounts.permissions import Visibility
from webapp.catalogue import space_listing
from webapp.catalogue.listing import Page
from webapp.catalogue.space_listing import SpaceOrder, namespaces_by_space, repositories_by_space
from webapp.catalogue.space_models import MeasuredSpace, NamespaceSpace, RepositorySpace

NOTHING = Visibility(sees_everything=False)
NUMBER, TEAMS = 60, 6


@pytest.fixture
def filled(records: Records, clock: Clock) -> Records:
    """Repositories of some namespaces; many take as much as another."""
    with records.writing() as session:
        for number in range(NUMBER):
            namespace = f"team-{number % TEAMS}" if number % TEAMS else ""
            name = f"{namespace}/app-{number:02}".lstrip("/")
            session.add(
                RepositorySpace(
                    repository_id=number + 1, name=name, namespace=namespace, size_bytes=number // 4,
                    exclusive_bytes=number % 3, left_out=0, in_trash_bytes=0,
                )
            )  # fmt: skip
        for number in range(TEAMS):
            session.add(
                NamespaceSpace(
                    namespace=f"team-{number}" if number else "", repositories=NUMBER // TEAMS, size_bytes=number // 2,
                    exclusive_bytes=number % 2, counted_bytes=number, left_out=0, in_trash_bytes=0,
                )
            )  # fmt: skip
        session.add(
            MeasuredSpace(
                id=1, content_version=1, trash_version="", measured_at=clock(), repositories=NUMBER, namespaces=TEAMS,
                size_bytes=1, left_out=0, saved_bytes=0, shared_blobs=0, shared_bytes=0, in_trash_bytes=0,
            )
        )  # fmt: skip
    return records


def of_all(session: Session, order: SpaceOrder, turned: bool, cursor: str) -> Page[tuple[object, ...]]:
    return _keyed(repositories_by_space(session, EVERYTHING, None, order, cursor, turned, size=7))


def of_one(session: Session, order: SpaceOrder, turned: bool, cursor: str) -> Page[tuple[object, ...]]:
    return _keyed(repositories_by_space(session, EVERYTHING, "team-1", order, cursor, turned, size=3))


def of_none(session: Session, order: SpaceOrder, turned: bool, cursor: str) -> Page[tuple[object, ...]]:
    return _keyed(repositories_by_space(session, EVERYTHING, "", order, cursor, turned, size=3))


def of_namespaces(session: Session, order: SpaceOrder, turned: bool, cursor: str) -> Page[tuple[object, ...]]:
    page = namespaces_by_space(session, EVERYTHING, order, cursor, turned, size=2)
    rows = [(each.namespace, each.size_bytes, each.exclusive_bytes) for each in page.rows]
    return Page(rows, page.matching, page.total, page.next)


def _keyed(page: Page[space_listing.RepositoryLine]) -> Page[tuple[object, ...]]:
    rows = [(each.space.name, each.space.size_bytes, each.space.exclusive_bytes) for each in page.rows]
    return Page(rows, page.matching, page.total, page.next)


LISTS = [of_all, of_one, of_none, of_namespaces]
PLACES = {SpaceOrder.NAME: 0, SpaceOrder.SIZE: 1, SpaceOrder.EXCLUSIVE: 2}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("order", SpaceOrder)
@pytest.mark.parametrize("read", LISTS)
def test_every_page_goes_on_where_the_last_ended(
    filled: Records, read: Callable[..., Page[tuple[object, ...]]], order: SpaceOrder, turned: bool
) -> None:
    seen: list[tuple[object, ...]] = []
    with filled.reading() as session:
        page = read(session, order, turned, "")
        matching = page.matching
        while True:
            seen += page.rows
            if not page.next:
                break
            page = read(session, order, turned, page.next)
    assert len(seen) == len({row[0] for row in seen}) == matching
    keys = [row[PLACES[order]] for row in seen]
    assert keys == sorted(keys, reverse=(order != SpaceOrder.NAME) != turned)  # type: ignore[type-var]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("order", SpaceOrder)
@pytest.mark.parametrize("read", LISTS)
def test_an_index_answers_it_from_a_row_on_and_nothing_is_sorted(
    filled: Records, read: Callable[..., Page[tuple[object, ...]]], order: SpaceOrder, turned: bool
) -> None:
    with filled.reading() as session:
        first = read(session, order, turned, "")
        with statements_of(filled) as sent:
            read(session, order, turned, first.next)
        plans = [plan_of(session, *each) for each in list(sent)]
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    assert not [plan for plan in plans if "SCAN" in plan]


def test_what_the_map_is_made_of_is_found_by_indexes(filled: Records) -> None:
    with filled.reading() as session:
        with statements_of(filled) as sent:
            top = space_listing.most_counted(session, 3)
            lines = space_listing.largest_repositories(session, [each.namespace for each in top], 5)
            whole = space_listing.all_counted(session)
        plans = [plan_of(session, *each) for each in list(sent)]
    assert [each.namespace for each in top] == ["team-5", "team-4", "team-3"]
    assert [each.space.name for each in lines] == [
        "team-5/app-59", "team-4/app-58", "team-3/app-57", "team-5/app-53", "team-4/app-52",
    ]  # fmt: skip
    assert (whole.namespaces, whole.size_bytes) == (5, 15)
    assert not [plan for plan in plans if "SCAN" in plan and "INDEX" not in plan]


def test_who_may_see_nothing_gets_nothing(filled: Records) -> None:
    with filled.reading() as session:
        assert space_listing.measured_space(session, NOTHING) is None
        assert space_listing.namespace_space(session, NOTHING, "team-1") is None
        assert repositories_by_space(session, NOTHING).rows == []
        assert namespaces_by_space(session, NOTHING).rows == []
        assert space_listing.largest_tags(session, NOTHING) == []
        assert space_listing.largest_layers(session, NOTHING) == []
