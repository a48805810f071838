"""Filters of a repository's tags: each for itself and together, on all pages, and the same tags for 'select all'."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.catalogue.conftest import EVERYTHING
from tests.catalogue.test_listing import _add_repository, _add_tag, _count
from tests.query_plans import plan_of, statements_of
from tests.records import Records
from webapp.catalogue import listing
from webapp.catalogue.listing import TagOrder
from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, Repository, RepositoryManifest
from webapp.catalogue.tag_filter import TagFilter
from webapp.catalogue.untagged import untagged

START = datetime(2026, 3, 1, tzinfo=UTC)
SIGNATURE = f"sha256-{'ab' * 32}.sig"


@pytest.fixture
def stocked(records: Records) -> Records:
    """`team/api`: ten releases, one a day, growing by 1 kB each; two candidates; a signature, pushed last; one lost tag."""
    with records.writing() as session:
        row = _add_repository(session, "team/api")
        for number in range(10):
            _add_tag(session, row, f"1.{number}", number, START + timedelta(days=number))
        for number in range(2):
            _add_tag(session, row, f"RC-{number}[x]", 10 + number, START + timedelta(days=number))
        _add_tag(session, row, SIGNATURE, 20, START + timedelta(days=30))
        _add_tag(session, row, "lost", None, START)
        for number, manifest in enumerate(session.query(Manifest).order_by(Manifest.id)):
            manifest.platforms = ("linux/amd64", "linux/amd64,linux/arm64", "linux/arm/v7", "")[number % 4]
            session.add(RepositoryManifest(repository_id=row.id, manifest_id=manifest.id))
        _count(session, row)
    return records


def repository(session: Session) -> Repository:
    row = listing.find_repository(session, EVERYTHING, "team/api")
    assert row is not None
    return row


def found(records: Records, wanted: TagFilter, size: int = 100) -> list[str]:
    with records.reading() as session:
        row, names, cursor = repository(session), list[str](), ""
        while not names or cursor:
            page = listing.tags(session, row, wanted, TagOrder.NAME, cursor, size)
            names += [each.name for each in page.rows]
            cursor = page.next
            if not page.rows:
                break
        assert page.matching == len(names)
        assert listing.matching_tags(session, row, wanted) == names
    return names


RELEASES = [f"1.{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (TagFilter("1.*"), RELEASES),
        (TagFilter("?.1"), ["1.1"]),
        (TagFilter("rc-?[x]"), ["RC-0[x]", "RC-1[x]"]),
        (TagFilter("rc-[0-9]*"), []),
        (TagFilter("*"), [*RELEASES, "lost", "RC-0[x]", "RC-1[x]", SIGNATURE]),
        (TagFilter("1.%"), []),
        (TagFilter("1.?*x"), []),
        (TagFilter("1/?*"), []),
        (TagFilter("r?_?*"), []),
        (TagFilter(f"sha256:{3:064x}"), ["1.3"]),
        (TagFilter(f"SHA256:{3:064x}", platform="arm64"), []),
        (TagFilter(f"sha256:{3:064x}", bigger_than_bytes=1), ["1.3"]),
        (TagFilter("0" * 62), [*RELEASES, "RC-0[x]", "RC-1[x]", SIGNATURE]),
        (TagFilter(pushed_before=START + timedelta(days=1)), ["1.0", "lost", "RC-0[x]"]),
        (TagFilter(bigger_than_bytes=7_000), ["1.8", "RC-0[x]", "RC-1[x]", SIGNATURE]),
        (TagFilter(platform="arm64"), ["1.1", "1.5", "1.9"]),
        (TagFilter(platform="linux/arm64"), ["1.1", "1.5", "1.9"]),
        (TagFilter(platform="arm"), ["1.2", "1.6", "RC-0[x]"]),
        (TagFilter(platform="arm/v7"), ["1.2", "1.6", "RC-0[x]"]),
        (TagFilter(platform="arm6"), []),
        (TagFilter(platform="%"), []),
        (TagFilter(but_newest=1), [*RELEASES[:9], "lost", "RC-0[x]", "RC-1[x]"]),
        (TagFilter("1.*", but_newest=3), RELEASES[:7]),
        (TagFilter("1.*", pushed_before=START + timedelta(days=5), but_newest=3), ["1.0", "1.1"]),
        (TagFilter("1.*", platform="amd64", but_newest=1), ["1.0", "1.1", "1.4", "1.5", "1.8"]),
        (TagFilter(but_newest=100), []),
        (TagFilter("1.*", START + timedelta(days=6), 1_500, "amd64", 1), ["1.5"][:0]),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("size", "few"), [(2, 0), (2, 1_000), (100, 0)])
def test_a_filter_finds_what_it_says_and_all_of_it_for_a_removal(
    stocked: Records, wanted: TagFilter, names: list[str], size: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    assert found(stocked, wanted, size) == names


def test_a_signature_is_never_among_all_but_the_newest(stocked: Records) -> None:
    with stocked.writing() as session:
        for number in range(3):
            _add_tag(session, repository(session), f"sha256-{number:064x}.att", 21, START - timedelta(days=number))
    assert not [name for name in found(stocked, TagFilter(but_newest=2)) if name.startswith("sha256-")]
    assert found(stocked, TagFilter("1.*", but_newest=9)) == ["1.0"]


def test_untagged_manifests_are_those_that_no_tag_leads_to(stocked: Records) -> None:
    def add(session: Session, digest: str, size: int, here: bool = True) -> int:
        row = Manifest(digest=digest, media_type="x/y", kind="image", raw=b"", size_bytes=1, image_size_bytes=size)
        row.first_seen_at = START
        session.add(row)
        session.flush()
        if here:
            session.add(RepositoryManifest(repository_id=repository(session).id, manifest_id=row.id))
        return row.id

    def name(session: Session, by: int, digest: str, role: DescriptorRole) -> None:
        session.add(
            ManifestDescriptor(manifest_id=by, position=0, role=role, digest=digest, media_type="", size_bytes=1)
        )

    with stocked.writing() as session:
        for number in range(5):
            add(session, f"sha256:dd{number}", 1_000 * number)
        name(session, add(session, "sha256:index", 1), "sha256:child", DescriptorRole.CHILD)
        add(session, "sha256:child", 1)
        name(session, add(session, "sha256:signature", 1), f"sha256:{1:064x}", DescriptorRole.SUBJECT)
        name(session, add(session, "sha256:left", 1), "sha256:gone", DescriptorRole.SUBJECT)
        name(session, add(session, "sha256:elsewhere", 1, here=False), "sha256:dd0", DescriptorRole.CHILD)
        _count(session, repository(session))

    def shown(wanted: TagFilter, size: int) -> list[str]:
        digests, cursor = list[str](), None
        with stocked.reading() as session:
            while cursor != "":
                page = untagged(session, repository(session), wanted, cursor or "", size)
                digests += [row.digest.removeprefix("sha256:") for row in page.rows]
                cursor = page.next
            assert page.matching == len(digests)
        return digests

    for size in (2, 100):
        assert shown(TagFilter(), size) == ["left", "child", "index", "dd4", "dd3", "dd2", "dd1", "dd0"]
        assert shown(TagFilter(bigger_than_bytes=2_500), size) == ["dd4", "dd3"]
        assert shown(TagFilter("sha256:dd"), size) == ["dd4", "dd3", "dd2", "dd1", "dd0"]
        assert shown(TagFilter("no digest"), size) == []
        assert shown(TagFilter(but_newest=6), size) == ["dd1", "dd0"]
        assert shown(TagFilter(pushed_before=START), size) == []


@pytest.mark.parametrize("few", [0, 1_000])
def test_a_filter_reads_the_tags_of_its_repository_only(
    stocked: Records, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    wanted = TagFilter("1.*", START, 1, "arm64", 5)
    with stocked.reading() as session, statements_of(stocked) as sent:
        listing.tags(session, repository(session), wanted)
        untagged(session, repository(session), wanted)
        plans = [plan_of(session, *each) for each in list(sent)]
    scans = [line for plan in plans for line in plan.splitlines() if line.startswith("SCAN ") and "VIRTUAL" not in line]
    assert not [line for line in scans if any(name in line for name in ("tags", "manifests", "repositor"))]


@pytest.mark.parametrize("order", list(TagOrder))
@pytest.mark.parametrize(
    "wanted",
    [
        TagFilter(text="1."),
        TagFilter(text="sha256:00"),
        TagFilter(pushed_before=START + timedelta(days=50)),
        TagFilter(bigger_than_bytes=1),
        TagFilter(platform="linux"),
        TagFilter(but_newest=1),
    ],
    ids=repr,
)
def test_where_very_many_match_the_index_of_the_order_is_walked_and_nothing_is_sorted(
    stocked: Records, order: TagOrder, wanted: TagFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FEW", 0)
    with stocked.reading() as session, statements_of(stocked) as sent:
        listing.tags(session, repository(session), wanted, order, size=2)
        [page] = [each for each in sent if " LEFT OUTER JOIN manifests" in each[0]]
        plan = plan_of(session, *page)
    before_filters = plan.partition("LIST SUBQUERY")[0]
    assert "TEMP B-TREE FOR ORDER BY" not in before_filters
    assert before_filters.count("SEARCH tags USING INDEX") == 1


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (TagFilter(text="1."), "uq_tags_repository_id_name|sqlite_autoindex_tags_1"),
        (TagFilter(text="1.*"), "uq_tags_repository_id_name|sqlite_autoindex_tags_1"),
        (TagFilter(pushed_before=START + timedelta(days=50)), "ix_tags_repository_pushed"),
        (TagFilter(bigger_than_bytes=1), "ix_tags_repository_size"),
        (TagFilter(platform="linux"), "ix_tags_repository_platforms"),
        (TagFilter(text="sha256:00"), "ix_tags_repository_digest"),
        (TagFilter("1.", START + timedelta(days=50)), "ix_tags_repository_pushed"),
        (TagFilter("1.*", bigger_than_bytes=1), "ix_tags_repository_pushed"),
        (TagFilter(platform="linux", bigger_than_bytes=1), "ix_tags_repository_pushed"),
        (TagFilter(pushed_before=START + timedelta(days=50), but_newest=1), "ix_tags_repository_pushed"),
        (TagFilter("1.*", START + timedelta(days=50), 1, "linux", 1), "ix_tags_repository_pushed"),
    ],
    ids=repr,
)
def test_what_matches_is_counted_in_an_index_alone(
    stocked: Records, wanted: TagFilter, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FEW", 0)
    with stocked.reading() as session, statements_of(stocked) as sent:
        listing.tags(session, repository(session), wanted)
        [count] = [each for each in sent if "count(tags.id) AS count_1" in each[0]]
        plan = plan_of(session, *count)
    assert re.search(f"SEARCH tags USING COVERING INDEX ({index}) ", plan)


def test_untagged_manifests_are_read_from_their_index_from_the_row_on(stocked: Records) -> None:
    with stocked.writing() as session:
        for row in session.scalars(select(RepositoryManifest)):
            row.is_untagged = True
    with stocked.reading() as session:
        cursor = untagged(session, repository(session), TagFilter(), "", 2).next
        with statements_of(stocked) as sent:
            untagged(session, repository(session), TagFilter(), cursor, 2)
        _repository, count, page, _held_by = (plan_of(session, *each) for each in list(sent))
    assert "COVERING INDEX ix_repository_manifests_untagged (repository_id=? AND is_untagged=?)" in count
    assert "ix_repository_manifests_untagged (repository_id=? AND is_untagged=? AND manifest_id<?)" in page
    assert "TEMP B-TREE" not in page
