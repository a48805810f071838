"""The statements of the trash's page find their rows by an index, and its rows are what they should be."""

from __future__ import annotations

import pytest

from tests.query_plans import plan_of, statements_of
from tests.removal.stage import API, Stage
from tests.removal.trashing import in_trash
from webapp.accounts.permissions import Visibility
from webapp.removal.trash_listing import TrashFilter, is_touched_by_others, trash_page
from webapp.removal.trash_models import Restorable, TrashState
from webapp.removal.trash_upkeep import check_items

ALL = Visibility(sees_everything=True)


@pytest.fixture
def trash(stage: Stage) -> Stage:
    """Three tags in the trash, one of them with a signature."""
    trash = in_trash(stage)
    for number in range(3):
        built = trash.push(f"one {number}", f"{number}.0")
        if number == 1:
            trash.pusher.sign(API, built)
    trash.sync()
    for number in range(3):
        trash.remove(f"{number}.0")
    return trash


def test_a_signature_is_in_the_row_of_its_image_for_as_long_as_that_is_there(trash: Stage) -> None:
    with trash.records.reading() as session:
        page = trash_page(session, ALL, TrashFilter())
        assert [(row.tag, len(row.along)) for row in page.rows] == [("2.0", 0), ("1.0", 1), ("0.0", 0)]
        assert page.matching == 3
    with trash.records.writing() as session:
        image = next(item for item in trash.items() if item.tag == "1.0")
        session.merge(image).state = TrashState.STAYS
    with trash.records.reading() as session:
        tags = [row.tag for row in trash_page(session, ALL, TrashFilter()).rows]
        assert len(tags) == 3
        assert [tag for tag in tags if tag.endswith(".sig")]


def test_pages_follow_one_another(trash: Stage) -> None:
    seen, cursor = list[str](), ""
    with trash.records.reading() as session:
        for _page in range(3):
            page = trash_page(session, ALL, TrashFilter(), cursor, size=1)
            seen += [row.tag for row in page.rows]
            cursor = page.next
    assert (seen, cursor) == (["2.0", "1.0", "0.0"], "")


def test_who_sees_nothing_sees_no_trash(trash: Stage) -> None:
    with trash.records.reading() as session:
        assert trash_page(session, Visibility(sees_everything=False), TrashFilter()).rows == []


@pytest.mark.parametrize(
    "wanted",
    [TrashFilter(), TrashFilter(repository=API), TrashFilter(actor="alice"), TrashFilter(TrashState.RESTORED)],
    ids=repr,
)
def test_rows_are_found_by_an_index(trash: Stage, wanted: TrashFilter) -> None:
    with trash.records.reading() as session, statements_of(trash.records) as sent:
        trash_page(session, ALL, wanted)
        is_touched_by_others(session)
        plans = [plan_of(session, *each) for each in list(sent)]
    walked = [line for plan in plans for line in plan.splitlines() if "SCAN trash_items" in line]
    assert walked == []


def test_a_child_that_an_index_lacked_all_along_was_taken_by_nobody(stage: Stage) -> None:
    trash = in_trash(stage)
    _index, children = trash.push_index("lacks one", "1.0")
    whole, others = trash.push_index("whole", "2.0")
    trash.client.delete_manifest(API, children[0].digest)
    trash.sync()
    trash.remove("1.0", "2.0")
    check_items(trash.remover)
    with trash.records.reading() as session:
        assert not is_touched_by_others(session)
    assert [item.restorable for item in trash.items()] == [Restorable.NO, Restorable.YES]
    trash.client.delete_manifest(API, others[0].digest)
    check_items(trash.remover)
    with trash.records.reading() as session:
        assert is_touched_by_others(session)
    assert {item.digest: item.restorable for item in trash.items()}[whole.digest] == Restorable.FROM_JOURNAL
