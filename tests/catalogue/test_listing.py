"""What the lists show: in which order, what a search finds, and each row once however the pages are turned."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.catalogue.conftest import EVERYTHING
from tests.commands import runner
from tests.query_plans import plan_of, statements_of
from tests.records import Clock, Records
from webapp.accounts.permissions import Visibility
from webapp.catalogue import listing
from webapp.catalogue.listing import Page, RepositoryOrder, TagOrder
from webapp.catalogue.models import Manifest, Repository, Tag
from webapp.catalogue.natural_order import natural_key
from webapp.catalogue.rows import count_repository
from webapp.catalogue.tag_filter import TagFilter
from webapp.catalogue.tag_order import order_tags
from webapp.catalogue.totals import Total, size_of_registry
from webapp.cli.catalogue import tags as tags_command

START = datetime(2026, 3, 1, tzinfo=UTC)

NONSENSE = [
    "nonsense",
    "é",
    "=",
    "AAAA",
    *(
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        for text in (
            "null",
            "[]",
            "{}",
            "[1]",
            '["x", "y", "z", 1]',
            "[true, 1]",
            '["0001-01-01T00:00:00+14:00", 1]',
            '["9999-12-31T23:59:59-14:00", "x", "y"]',
            f"[{2**64}, 1]",
            f'[{-(2**64)}, "x"]',
            r'["\ud800"]',
            r'[1, "\ud800"]',
            "[" * 5000,
            "[NaN, 1]",
        )
    ),
]


def _manifest(session: Session, digest: str, size_bytes: int | None) -> int:
    row = Manifest(digest=digest, media_type="x/y", kind="image", raw=b"", size_bytes=1, image_size_bytes=size_bytes)
    session.add(row)
    session.flush()
    return row.id


def _add_repository(session: Session, name: str) -> Repository:
    row = Repository(name=name, namespace="", first_seen_at=START, tag_count=0, image_count=0)
    session.add(row)
    session.flush()
    return row


def _add_tag(session: Session, repository: Repository, name: str, image: int | None, pushed_at: datetime) -> None:
    """Image 0, 1, 2 … are made when they are first named; None is a tag that dangles."""
    digest, manifest_id = None, None
    if image is not None:
        digest = f"sha256:{image:064x}"
        known = session.query(Manifest.id).filter(Manifest.digest == digest).scalar()
        manifest_id = known or _manifest(session, digest, None if image % 5 == 4 else image * 1_000)
    session.add(
        Tag(
            repository_id=repository.id,
            name=name,
            digest=digest,
            manifest_id=manifest_id,
            pushed_at=pushed_at,
            pushed_at_is_seen=False,
        )
    )


def _count(session: Session, repository: Repository) -> None:
    """What a look does after its tags are written."""
    images = session.scalars(select(Tag.digest).where(Tag.repository_id == repository.id)).all()
    order_tags(session, repository.id, images)
    count_repository(session, repository, None)


@pytest.fixture
def stocked(records: Records) -> Records:
    """`team/many`: 40 tags on 10 images and two that dangle, four to a moment; and 25 small repositories."""
    with records.writing() as session:
        many = _add_repository(session, "team/many")
        for number in range(40):
            _add_tag(session, many, f"build-{number}", number % 10, START + timedelta(hours=number // 4))
        for number in range(2):
            _add_tag(session, many, f"lost-{number}", None, START)
        _count(session, many)
        for number in range(25):
            row = _add_repository(session, f"small/{number}")
            for tag in range(1 + number % 3):
                _add_tag(session, row, f"t{tag}", number % 4, START + timedelta(days=number % 5))
            _count(session, row)
        _add_repository(session, "gone/without-tags")
    return records


def _repositories(
    session: Session, order: RepositoryOrder, cursor: str, size: int, turned: bool = False
) -> Page[Repository]:
    return listing.repositories(session, EVERYTHING, order=order, cursor=cursor, size=size, turned=turned)


def _tags(session: Session, order: TagOrder, cursor: str, size: int, turned: bool = False) -> Page[listing.TagRow]:
    many = listing.find_repository(session, EVERYTHING, "team/many")
    assert many is not None
    return listing.tags(session, many, order=order, cursor=cursor, size=size, turned=turned)


def _turn(records: Records, turn: Callable[[Session, str], Page], between: Callable[[int], None]) -> Iterator[str]:
    """The names on all pages, one transaction each; `between` is called after each page with its number."""
    cursor, number = "", 0
    while number == 0 or cursor:
        with records.reading() as session:
            page = turn(session, cursor)
        yield from (row.name for row in page.rows)
        cursor, number = page.next, number + 1
        assert number < 100, "the pages never end"
        between(number)


@pytest.mark.parametrize("size", [1, 3, 7, 26, 100])
@pytest.mark.parametrize("order", RepositoryOrder)
def test_turning_the_pages_of_repositories_gives_each_once(stocked: Records, order: RepositoryOrder, size: int) -> None:
    turned = list(_turn(stocked, lambda session, cursor: _repositories(session, order, cursor, size), lambda _n: None))
    with stocked.reading() as session:
        whole = _repositories(session, order, "", 1_000)
    assert turned == [row.name for row in whole.rows]
    assert len(set(turned)) == len(turned) == whole.total == 26


@pytest.mark.parametrize("size", [1, 3, 7, 42, 100])
@pytest.mark.parametrize("order", TagOrder)
def test_turning_the_pages_of_tags_gives_each_once(stocked: Records, order: TagOrder, size: int) -> None:
    turned = list(_turn(stocked, lambda session, cursor: _tags(session, order, cursor, size), lambda _n: None))
    with stocked.reading() as session:
        whole = _tags(session, order, "", 1_000)
    assert turned == [row.name for row in whole.rows]
    assert len(set(turned)) == len(turned) == whole.total == 42


@pytest.mark.parametrize("order", TagOrder)
def test_tags_that_come_while_pages_are_turned_repeat_and_hide_nothing(stocked: Records, order: TagOrder) -> None:
    def push(number: int) -> None:
        with stocked.writing() as session:
            many = session.query(Repository).filter(Repository.name == "team/many").one()
            _add_tag(session, many, f"aa-new-{number}", 100 + number, START + timedelta(days=30, hours=number))

    turned = list(_turn(stocked, lambda session, cursor: _tags(session, order, cursor, 5), push))
    before = {f"build-{number}" for number in range(40)} | {"lost-0", "lost-1"}
    assert len(set(turned)) == len(turned)
    assert before <= set(turned)


@pytest.mark.parametrize("order", RepositoryOrder)
def test_repositories_that_come_while_pages_are_turned_repeat_and_hide_nothing(
    stocked: Records, order: RepositoryOrder
) -> None:
    def push(number: int) -> None:
        with stocked.writing() as session:
            row = _add_repository(session, f"new/{number}")
            _add_tag(session, row, "t", 0, START + timedelta(days=30))
            _count(session, row)

    turned = list(_turn(stocked, lambda session, cursor: _repositories(session, order, cursor, 5), push))
    assert len(set(turned)) == len(turned)
    assert {"team/many"} | {f"small/{number}" for number in range(25)} <= set(turned)


def test_each_order_is_what_it_says(stocked: Records) -> None:
    with stocked.reading() as session:
        rows = {order: _repositories(session, order, "", 100).rows for order in RepositoryOrder}
        tags = {order: _tags(session, order, "", 100).rows for order in TagOrder}
    by = {order: [row.name for row in rows[order]] for order in rows}
    assert by[RepositoryOrder.NAME] == sorted(by[RepositoryOrder.NAME])
    counts = [row.tag_count for row in rows[RepositoryOrder.TAGS]]
    assert counts == sorted(counts, reverse=True)
    sizes = [row.size_bytes or 0 for row in rows[RepositoryOrder.SIZE]]
    assert sizes == sorted(sizes, reverse=True)
    changes = [row.changed_at or START for row in rows[RepositoryOrder.CHANGED]]
    assert changes == sorted(changes, reverse=True)
    by_number = [f"build-{number}" for number in range(40)] + ["lost-0", "lost-1"]
    assert [row.name for row in tags[TagOrder.NAME]] == by_number
    pushes = [row.pushed_at for row in tags[TagOrder.NEWEST]]
    assert pushes == sorted(pushes, reverse=True)
    known = [row.size_bytes for row in tags[TagOrder.SIZE] if row.size_bytes is not None]
    assert known == sorted(known, reverse=True)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("order", [*TagOrder, *RepositoryOrder])
def test_every_order_turns_round_and_gives_each_once(
    stocked: Records, order: TagOrder | RepositoryOrder, size: int
) -> None:
    def turn(session: Session, cursor: str) -> Page:
        if isinstance(order, TagOrder):
            return _tags(session, order, cursor, size, turned=True)
        return _repositories(session, order, cursor, size, turned=True)

    turned = list(_turn(stocked, turn, lambda _n: None))
    with stocked.reading() as session:
        if isinstance(order, TagOrder):
            usual = [row.name for row in _tags(session, order, "", 1_000).rows]
        else:
            usual = [row.name for row in _repositories(session, order, "", 1_000).rows]
    assert turned == usual[::-1]


def test_names_are_ordered_by_the_numbers_in_them() -> None:
    names = ["1.9", "1.10", "1.10-alpine", "1.10.1", "2", "10", "V1.2", "v1.10", "latest", "01", "1-rc1", "1"]
    ordered = sorted(names, key=lambda name: (natural_key(name), names.index(name)))
    assert ordered == ["01", "1", "1-rc1", "1.9", "1.10", "1.10-alpine", "1.10.1", "2", "10", "latest", "V1.2", "v1.10"]
    assert natural_key("9" * 127 + "a") < natural_key("9" * 128)


@pytest.mark.parametrize(
    ("order", "index"),
    [
        (TagOrder.NAME, "ix_tags_repository_sort_key"),
        (TagOrder.NEWEST, "ix_tags_repository_pushed"),
        (TagOrder.SIZE, "ix_tags_repository_size"),
        (TagOrder.CREATED, "ix_tags_repository_created"),
        (TagOrder.IMAGE, "ix_tags_repository_image"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_page_of_tags_is_read_from_its_index_from_the_row_on(
    stocked: Records, order: TagOrder, index: str, turned: bool
) -> None:
    with stocked.reading() as session:
        cursor = _tags(session, order, "", 5, turned).next
        with statements_of(stocked) as sent:
            _tags(session, order, cursor, 5, turned)
        plan = plan_of(session, *sent[1])
    assert f"USING INDEX {index} (repository_id=? AND" in plan
    assert "TEMP B-TREE" not in plan


def test_the_order_by_image_puts_the_tags_of_one_digest_side_by_side_the_newest_image_first(stocked: Records) -> None:
    with stocked.reading() as session:
        rows = _tags(session, TagOrder.IMAGE, "", 100).rows
    digests = [row.digest for row in rows]
    first_places = list(dict.fromkeys(digests))
    assert digests == [digest for digest in first_places for _ in range(digests.count(digest))]
    newest = [max(row.pushed_at for row in rows if row.digest == digest) for digest in first_places]
    assert newest == sorted(newest, reverse=True)


@pytest.mark.parametrize("cursor", NONSENSE)
def test_a_cursor_that_is_none_is_the_first_page(stocked: Records, cursor: str) -> None:
    with stocked.reading() as session:
        for order in RepositoryOrder:
            first = _repositories(session, order, "", 5)
            assert _repositories(session, order, cursor, 5).rows == first.rows
        for tag_order in TagOrder:
            assert _tags(session, tag_order, cursor, 5).rows == _tags(session, tag_order, "", 5).rows


def test_a_cursor_of_another_order_does_no_harm(stocked: Records) -> None:
    with stocked.reading() as session:
        cursors = [_tags(session, order, "", 5).next for order in TagOrder]
        for order in TagOrder:
            for cursor in cursors:
                assert len(_tags(session, order, cursor, 5).rows) <= 5


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("API", ["team/api", "team/api_v2"]),
        ("api_", ["team/api_v2"]),
        ("_", ["team/api_v2"]),
        ("%", []),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("team/a", ["team/api", "team/api_v2"]),
        ("i", ["team/api", "team/api_v2", "tools/builder"]),
    ],
)
def test_a_search_finds_what_was_typed_and_takes_no_sign_for_another(
    records: Records, search: str, found: list[str]
) -> None:
    with records.writing() as session:
        for name in ("team/api", "team/api_v2", "tools/builder"):
            row = _add_repository(session, name)
            _add_tag(session, row, "t", 0, START)
            _count(session, row)
    with records.reading() as session:
        page = listing.repositories(session, EVERYTHING, search=search)
    assert [row.name for row in page.rows] == found
    assert (page.matching, page.total) == (len(found), 3)


def test_a_search_among_tags_counts_what_matches_and_all(stocked: Records) -> None:
    with stocked.reading() as session:
        many = listing.find_repository(session, EVERYTHING, "team/many")
        assert many is not None
        page = listing.tags(session, many, TagFilter("BUILD-1"), size=5)
        assert (len(page.rows), page.matching, page.total) == (5, 11, 42)
        rest = listing.tags(session, many, TagFilter("BUILD-1"), size=100, cursor=page.next)
        assert len(rest.rows) == 6
        nothing = listing.tags(session, many, TagFilter("build%"))
        assert (list(nothing.rows), nothing.matching, nothing.next) == ([], 0, "")


@pytest.mark.parametrize("search", ["", "BUILD-1", "lost", "build%", "nothing"])
def test_all_tags_that_match_are_those_of_all_pages(stocked: Records, search: str) -> None:
    with stocked.reading() as session:
        many = listing.find_repository(session, EVERYTHING, "team/many")
        assert many is not None
        rows = listing.tags(session, many, TagFilter(search), order=TagOrder.NAME, size=100).rows
        assert listing.matching_tags(session, many, TagFilter(search)) == [row.name for row in rows]


def test_who_may_see_nothing_sees_nothing(stocked: Records) -> None:
    nothing = Visibility(sees_everything=False)
    with stocked.reading() as session:
        page = listing.repositories(session, nothing)
        assert (list(page.rows), page.matching, page.total) == ([], 0, 0)
        assert listing.find_repository(session, nothing, "team/many") is None
        assert size_of_registry(session, nothing) == Total(None)


def test_a_repository_without_tags_is_not_found(stocked: Records) -> None:
    with stocked.reading() as session:
        assert listing.find_repository(session, EVERYTHING, "gone/without-tags") is None


def test_rows_name_all_tags_of_the_same_image_also_those_on_other_pages(stocked: Records) -> None:
    with stocked.reading() as session:
        many = listing.find_repository(session, EVERYTHING, "team/many")
        assert many is not None
        [row] = listing.some_tag_rows(session, many, ["build-3"])
        assert (row.same_as, row.same_as_total) == (("build-33", "build-23", "build-13"), 3)
        [lost] = listing.some_tag_rows(session, many, ["lost-0"])
        assert (lost.digest, lost.same_as, lost.same_as_total) == (None, (), 0)


@pytest.mark.parametrize("name", ["latest", "build-299", "build-0"])
def test_of_an_image_with_hundreds_of_tags_a_few_are_named_and_the_rest_are_counted(
    records: Records, name: str
) -> None:
    with records.writing() as session:
        one = _add_repository(session, "one/image")
        _add_tag(session, one, "latest", 1, START + timedelta(days=9))
        for number in range(300):
            _add_tag(session, one, f"build-{number}", 1, START + timedelta(minutes=number))
        _add_tag(session, one, "other", 2, START)
    newest = ["latest", *(f"build-{number}" for number in range(299, 270, -1))]
    with records.reading() as session:
        [row] = listing.some_tag_rows(session, one, [name])
        [whole] = listing.some_tag_rows(session, one, [name], listing.ALL_AT_ONCE)
        query = listing._newest_of_images(one, {row.digest}, listing.SIBLINGS_NAMED + 1)
        read = session.execute(query).all()
    assert row.same_as == tuple(each for each in newest if each != name)[: listing.SIBLINGS_NAMED]
    assert (row.same_as_total, whole.same_as_total, len(whole.same_as), len(read)) == (300, 300, 300, 21)


def test_the_command_names_them_all(records: Records) -> None:
    with records.writing() as session:
        one = _add_repository(session, "one/image")
        for number in range(30):
            _add_tag(session, one, f"build-{number}", 1, START)
        _count(session, one)
    printed = runner(tags_command, records, Clock())("one/image", "--json").output
    assert [len(row["same_as"]) for row in json.loads(printed)] == [29] * 30


def test_the_tags_of_an_image_are_found_by_its_digest(stocked: Records) -> None:
    with stocked.reading() as session:
        many = listing.find_repository(session, EVERYTHING, "team/many")
        assert many is not None
        query = listing._newest_of_images(many, {"sha256:1", None}, 21)
        words = query.compile(stocked.engine, compile_kwargs={"literal_binds": True})
        plan = [step.detail for step in session.execute(text(f"EXPLAIN QUERY PLAN {words}"))]
    assert "SEARCH tags USING INDEX ix_tags_repository_digest (repository_id=? AND digest=?)" in plan
    assert not [step for step in plan if step.startswith("SCAN tags")]


def test_a_list_may_be_longer_than_a_statement_has_variables(records: Records) -> None:
    """SQLite takes 32,766; `tags REPOSITORY` prints all tags at once."""
    with records.writing() as session:
        huge = _add_repository(session, "huge")
        session.bulk_insert_mappings(
            Tag,  # type: ignore[arg-type]
            [
                {
                    "repository_id": huge.id,
                    "name": f"t{number}",
                    "digest": f"sha256:{number:064x}",
                    "problem": "",
                    "pushed_at": START,
                    "pushed_at_is_seen": False,
                }
                for number in range(32_800)
            ],
        )
    with records.reading() as session:
        rows = listing.tags(session, huge, size=10_000_000).rows
    assert len(rows) == 32_800


def test_a_cursor_is_plain_text_for_an_address(stocked: Records) -> None:
    with stocked.reading() as session:
        for order in TagOrder:
            cursor = _tags(session, order, "", 5).next
            assert cursor.replace("-", "").replace("_", "").isalnum()
            assert isinstance(json.loads(base64.urlsafe_b64decode(cursor + "===")), list)
