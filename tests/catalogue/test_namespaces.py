"""Namespaces as folders: what is in them, in every order, each once however the pages are turned."""

from __future__ import annotations

import pytest

from tests.catalogue.conftest import EVERYTHING
from tests.catalogue.test_listing import NONSENSE, START, _add_repository, _add_tag, stocked
from tests.query_plans import plan_of, statements_of
from tests.records import Records
from webapp.accounts.permissions import Visibility
from webapp.catalogue.listing import RepositoryOrder, repositories
from webapp.catalogue.models import Repository
from webapp.catalogue.namespaces import folders
from webapp.catalogue.rows import count_repository
from webapp.registry.names import namespace_of

__all__ = ["stocked"]


@pytest.fixture
def shelves(stocked: Records) -> Records:
    """`team` with one repository, `small` with 25, `gone` with none that has tags, and two in no namespace."""
    with stocked.writing() as session:
        for name in ("small", "base"):
            row = _add_repository(session, name)
            _add_tag(session, row, "1", 1, START)
            count_repository(session, row, None)
        for row in session.query(Repository):
            row.namespace = namespace_of(row.name)
    return stocked


def test_a_folder_says_what_is_in_it(shelves: Records) -> None:
    with shelves.reading() as session:
        page = folders(session, EVERYTHING)
        inside = repositories(session, EVERYTHING, under="small")
    assert [(row.name, row.namespace, row.repositories) for row in page.rows] == [
        ("base", "", 1), ("small", "", 1), ("small/", "small", 25), ("team/", "team", 1),
    ]  # fmt: skip
    assert (page.matching, page.total) == (4, 28)
    assert [row.tags for row in page.rows] == [1, 1, sum(1 + number % 3 for number in range(25)), 42]
    assert inside.total == inside.matching == 25
    assert page.rows[2].size.size_bytes == sum(row.size_bytes or 0 for row in inside.rows)
    assert page.rows[2].changed_at == max(row.changed_at for row in inside.rows if row.changed_at)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("order", RepositoryOrder)
@pytest.mark.parametrize("size", [1, 3])
def test_turning_the_pages_gives_each_once(shelves: Records, order: RepositoryOrder, size: int, turned: bool) -> None:
    with shelves.reading() as session:
        names, cursor = list[str](), None
        while cursor != "":
            page = folders(session, EVERYTHING, order, cursor or "", size, turned)
            names += [row.name for row in page.rows]
            cursor = page.next
        whole = [row.name for row in folders(session, EVERYTHING, order, turned=not turned).rows]
    assert names == whole[::-1]
    assert len(names) == 4


@pytest.mark.parametrize("cursor", NONSENSE)
def test_a_cursor_that_is_none_is_the_first_page(shelves: Records, cursor: str) -> None:
    with shelves.reading() as session:
        for order in RepositoryOrder:
            assert len(folders(session, EVERYTHING, order, cursor).rows) == 4


def test_folders_are_added_up_in_an_index_alone_as_they_stand_there(shelves: Records) -> None:
    with shelves.reading() as session, statements_of(shelves) as sent:
        folders(session, EVERYTHING, RepositoryOrder.SIZE)
        plans = [plan_of(session, *each) for each in list(sent) if each[0] != "BEGIN"]
    assert len(plans) == 2
    for plan in plans:
        assert "SEARCH repositories USING COVERING INDEX ix_repositories_namespace (namespace>?)" in plan
        assert (
            "SEARCH repositories USING COVERING INDEX ix_repositories_namespace (namespace=? AND tag_count>?)" in plan
        )
        assert "GROUP BY" not in plan


def test_who_may_see_nothing_sees_no_folder(shelves: Records) -> None:
    with shelves.reading() as session:
        assert list(folders(session, Visibility(sees_everything=False)).rows) == []
