"""Search over the whole registry: by a part of a name, by a reference, by the beginning of a digest; each by an index."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests.catalogue.conftest import EVERYTHING
from tests.catalogue.test_listing import NONSENSE, _add_repository, _add_tag
from tests.query_plans import plan_of, statements_of
from tests.records import Records
from webapp.accounts.permissions import Visibility
from webapp.catalogue.details import tags_on
from webapp.catalogue.models import Repository, RepositoryManifest, Tag
from webapp.catalogue.needle import Needle, read_needle
from webapp.catalogue.referrers import notes_of
from webapp.catalogue.rows import count_repository
from webapp.catalogue.search import find_manifests, find_repositories, find_tags

START = datetime(2026, 3, 1, tzinfo=UTC)
TAGS = {
    "team/api": ["1.9", "1.10", "1.10-alpine", "latest", "v1_10"],
    "team/api_v2": ["1.9", "Release-1.9", "build-%"],
    "tools/builder": ["alpine", "b", "bb", "sha", "1.9-abcdef0"],
}


@pytest.fixture
def stocked(records: Records) -> Records:
    """Three repositories of a few tags, each on an image of its own."""
    with records.writing() as session:
        number = 1
        for name, tags in TAGS.items():
            row = _add_repository(session, name)
            for tag in tags:
                _add_tag(session, row, tag, number, START)
                number += 5
            session.flush()
            for (manifest_id,) in session.query(Tag.manifest_id).filter(Tag.repository_id == row.id):
                session.add(RepositoryManifest(repository_id=row.id, manifest_id=manifest_id))
            count_repository(session, row, None)
    return records


def found(records: Records, typed: str, size: int = 50) -> list[str]:
    """All tags that are found, page by page."""
    with records.reading() as session:
        rows, cursor, pages = [], "", 0
        while pages == 0 or cursor:
            page = find_tags(session, EVERYTHING, read_needle(typed), cursor, size)
            rows += page.rows
            cursor, pages = page.next, pages + 1
            assert pages < 50
        assert page.matching == len(rows)
    return [f"{row.repository}:{row.name}" for row in rows]


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("latest", ["team/api:latest"]),
        ("LATEST", ["team/api:latest"]),
        ("1.10", ["team/api:1.10", "team/api:1.10-alpine"]),
        ("1_1", ["team/api:v1_10"]),
        ("alpine", ["tools/builder:alpine", "team/api:1.10-alpine"]),
        ("release", ["team/api_v2:Release-1.9"]),
        ("b", ["tools/builder:b", "tools/builder:bb", "team/api_v2:build-%"]),
        ("bu", ["team/api_v2:build-%"]),
        ("d-%", ["team/api_v2:build-%"]),
        ("%", []),
        ("%%%", []),
        ("___", []),
        ("***", []),
        ('"""', []),
        ('a" OR "b', []),
        ("NEAR(a b)", []),
        ("name:latest", []),
        ("tag_names", []),
        ("' OR 1=1 --", []),
        ("\0\0\0", []),
        ("\u202elatest", ["team/api:latest"]),
        ("\ud800lat", ["team/api:latest"]),
        ("éèà", []),
        ("team/api:1.10", ["team/api:1.10", "team/api:1.10-alpine"]),
        ("registry.example/team/api:1.9", ["team/api:1.9"]),
        ("api:1.9", ["team/api_v2:1.9", "team/api:1.9", "team/api_v2:Release-1.9"]),
        ("team/api_v2:", ["team/api_v2:build-%", "team/api_v2:Release-1.9", "team/api_v2:1.9"]),
        ("team/none:1.9", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("size", [1, 50])
def test_tags_are_found_by_what_was_typed_the_exact_one_first(
    stocked: Records, typed: str, tags: list[str], size: int
) -> None:
    typed = typed.removeprefix("registry.example/") if typed.startswith("registry.example/") else typed
    assert found(stocked, typed, size) == tags


def test_a_reference_with_the_registrys_name_and_a_digest_are_understood() -> None:
    digest = f"sha256:{'a1' * 32}"
    assert read_needle("registry.example/team/api:1.9", "registry.example") == Needle("team/api", "1.9")
    assert read_needle("localhost:5000/team/api", "localhost:5000") == Needle("team/api")
    assert read_needle(f"team/api@{digest}") == Needle("", digests=(digest,))
    assert read_needle(f"team/api:1.9@{digest}") == Needle("", digests=(digest,))
    assert read_needle("SHA256:A1") == Needle("", digests=("sha256:a1",))
    assert read_needle("abcde") == Needle("abcde")
    assert read_needle("abcdef").digests == ("sha256:abcdef", "sha384:abcdef", "sha512:abcdef")
    assert read_needle("  ").is_empty


def test_repositories_are_found_by_a_part_of_their_name(stocked: Records) -> None:
    with stocked.reading() as session:
        for typed, names in (("API", ["team/api", "team/api_v2"]), ("_", ["team/api_v2"]), ("%", []), ("sha256:0", [])):
            page = find_repositories(session, EVERYTHING, read_needle(typed), 10)
            assert [row.name for row in page.rows] == names
        assert find_repositories(session, EVERYTHING, read_needle("team/"), 1).matching == 2


@pytest.mark.parametrize("typed", ["sha256:00000", "0" * 62, f"sha256:{1:064x}", f"{1:064x}", f"x@sha256:{1:064x}"])
@pytest.mark.parametrize("size", [1, 50])
def test_manifests_are_found_by_the_beginning_of_their_digest(stocked: Records, typed: str, size: int) -> None:
    rows, cursor = [], None
    with stocked.reading() as session:
        while cursor != "":
            page = find_manifests(session, EVERYTHING, read_needle(typed), cursor or "", size)
            rows += page.rows
            cursor = page.next
    assert page.matching == len(rows) == len({(row.repository, row.digest) for row in rows})
    assert ("team/api", f"sha256:{1:064x}", ("1.9",)) in [(row.repository, row.digest, row.tags) for row in rows]
    assert len(rows) == (1 if f"{1:064x}" in typed else 13)


def test_a_tag_whose_manifest_could_not_be_read_is_found_by_its_digest(stocked: Records) -> None:
    with stocked.writing() as session:
        row = session.query(Repository).filter(Repository.name == "team/api").one()
        session.add(
            Tag(repository_id=row.id, name="unread", digest="sha256:fedcba98", pushed_at=START, pushed_at_is_seen=True)
        )
    assert found(stocked, "fedcba") == ["team/api:unread"]
    assert found(stocked, "sha256:fedcba98") == ["team/api:unread"]


def test_the_index_of_names_follows_the_tags(stocked: Records) -> None:
    with stocked.writing() as session:
        session.query(Tag).filter(Tag.name == "latest").delete()
        session.query(Tag).filter(Tag.name == "alpine").update({Tag.name: "debian"})
    assert found(stocked, "latest") == []
    assert found(stocked, "debian") == ["tools/builder:debian"]
    assert found(stocked, "alpine") == ["team/api:1.10-alpine"]
    with stocked.writing() as session:
        session.execute(text("DELETE FROM repositories WHERE name = 'team/api'"))
    assert found(stocked, "alpine") == []
    with stocked.writing() as session:
        session.execute(text("INSERT INTO tag_names (tag_names, rank) VALUES ('integrity-check', 1)"))


def test_what_is_found_beyond_a_thousand_is_not_counted(stocked: Records) -> None:
    with stocked.writing() as session:
        row = _add_repository(session, "team/many")
        for number in range(1_200):
            _add_tag(session, row, f"nightly-{number}", 1, START)
        count_repository(session, row, None)
    with stocked.reading() as session:
        page = find_tags(session, EVERYTHING, read_needle("nightly"), size=5)
    assert [row.name for row in page.rows] == [f"nightly-{number}" for number in range(1_199, 1_194, -1)]
    assert page.matching == 1_001


@pytest.mark.parametrize("cursor", [*NONSENSE, ".", "WzFd.", "WzddCg.x", "Wy0xXQ.WzFd"])
def test_a_cursor_that_is_none_does_no_harm(stocked: Records, cursor: str) -> None:
    with stocked.reading() as session:
        for typed in ("1.9", "b", "api:1", "sha256:0"):
            assert len(find_tags(session, EVERYTHING, read_needle(typed), cursor, 2).rows) <= 2
            assert len(find_manifests(session, EVERYTHING, read_needle(typed), cursor, 2).rows) <= 2


def test_who_may_see_nothing_finds_nothing(stocked: Records) -> None:
    nothing = Visibility(sees_everything=False)
    with stocked.reading() as session:
        for typed in ("1.9", "sha256:0", "team"):
            needle = read_needle(typed)
            assert find_tags(session, nothing, needle) == find_manifests(session, nothing, needle)
            assert list(find_repositories(session, nothing, needle, 5).rows) == []


@pytest.mark.parametrize(
    ("typed", "index"),
    [
        ("alpine", "SCAN tag_names VIRTUAL TABLE INDEX"),
        ("1.9", "ix_tags_name (name=?)"),
        ("b", "ix_tags_name (name>? AND name<?)"),
        ("fedcba", "ix_tags_manifest_id (manifest_id=?)"),
        ("sha256:ab", "ix_tags_manifest_id (manifest_id=?)"),
    ],
)
def test_what_was_typed_is_found_by_an_index(stocked: Records, typed: str, index: str) -> None:
    with stocked.reading() as session:
        cursor = find_tags(session, EVERYTHING, read_needle(typed), size=1).next
        with statements_of(stocked) as sent:
            find_tags(session, EVERYTHING, read_needle(typed), size=1)
            find_tags(session, EVERYTHING, read_needle(typed), cursor, size=1)
            find_manifests(session, EVERYTHING, read_needle(typed), size=1)
        plans = [plan_of(session, *each) for each in sent]
    assert index in "\n".join(plans)
    assert not [
        each for each in plans if "SCAN tags" in each or "SCAN manifests" in each or "SCAN repositories" in each
    ]
    if "sha256" not in typed and "fed" not in typed:
        assert not [each for each in plans if "TEMP B-TREE" in each]


def test_the_tags_of_one_repository_are_searched_in_the_order_of_their_pushes_and_counted_in_an_index(
    stocked: Records,
) -> None:
    with stocked.reading() as session, statements_of(stocked) as sent:
        find_tags(session, EVERYTHING, read_needle("team/api:1"), size=1)
        asked = [each for each in list(sent) if "LIKE" in each[0] and "tags.name" in each[0]]
        page, count = (plan_of(session, *each) for each in asked)
    assert "SEARCH tags USING INDEX ix_tags_repository_pushed (repository_id=?)" in page
    assert "TEMP B-TREE" not in page
    assert "SEARCH tags USING COVERING INDEX" in count


def test_the_tags_of_all_manifests_that_are_found_are_read_at_once(stocked: Records) -> None:
    with stocked.reading() as session, statements_of(stocked) as sent:
        find_manifests(session, EVERYTHING, read_needle("sha256:00"))
        asked = [each for each in list(sent) if "row_number()" in each[0]]
        [plan] = (plan_of(session, *each) for each in asked)
    assert "SEARCH tags USING INDEX ix_tags_repository_digest (repository_id=? AND digest=?)" in plan


def test_the_tags_of_a_digest_are_read_by_the_index_of_digests_whatever_their_order(stocked: Records) -> None:
    digest = f"sha256:{1:064x}"
    with stocked.reading() as session:
        row = session.query(Repository).filter(Repository.name == "team/api").one()
        with statements_of(stocked) as sent:
            tags_on(session, row, [digest])
            notes_of(session, row, [f"sha256-{1:064x}.sig"])
        plans = [plan_of(session, *each) for each in sent if "ORDER BY" in each[0]]
    assert len(plans) == 2
    assert all("ix_tags_repository_digest (repository_id=? AND digest=?)" in plan for plan in plans)


def test_manifests_are_found_by_the_index_of_digests(stocked: Records) -> None:
    with stocked.reading() as session:
        with statements_of(stocked) as sent:
            find_manifests(session, EVERYTHING, read_needle("sha256:00"), size=1)
        plan = plan_of(session, *next(each for each in sent if "manifests.digest" in each[0]))
    assert "SEARCH manifests USING INDEX sqlite_autoindex_manifests_1 (digest>? AND digest<?)" in plan
