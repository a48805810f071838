"""What a sync brings into the catalogue, what it asks for that, and what it leaves alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import undefer

from demo.build import image, index, layer
from demo.fleet import API, BASE, FLEET, SHOP, WEB
from demo.push import Pusher
from tests.catalogue.conftest import Shelf
from tests.records import Clock
from webapp.catalogue.models import Manifest
from webapp.catalogue.refresh import sync_repository
from webapp.catalogue.rows import forget
from webapp.catalogue.sizes import A_CHILD_IS_MISSING
from webapp.catalogue.state import registry_state
from webapp.catalogue.sync import LEASE, sync, sync_if_free
from webapp.leases import LeaseHeld, LeaseLost, held
from webapp.registry.transport import Answer


def test_the_first_sync_brings_in_the_whole_fleet(fleet: Shelf) -> None:
    report = sync(fleet.catalogue)
    assert report.is_complete
    assert (report.repositories, report.problem, report.doubt) == (len(FLEET), "", "")
    assert fleet.repositories() == sorted(FLEET)
    for name in FLEET:
        listed = set(fleet.catalogue.client.tags(name))
        assert {tag: row.digest for tag, row in fleet.tags(name).items()} == {
            tag: fleet.catalogue.client.head_manifest(name, tag).digest for tag in listed
        }
        assert fleet.repository(name).tag_count == len(listed)


def test_the_bytes_of_every_manifest_are_kept_as_the_registry_has_them(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    with fleet.records.reading() as session:
        manifests = session.scalars(select(Manifest).options(undefer(Manifest.raw))).all()
    kept = {each.digest: each for each in manifests}
    for name in (BASE, WEB):
        for tag in fleet.tags(name).values():
            answer = fleet.catalogue.client.get_manifest(name, tag.name)
            assert (kept[answer.digest].raw, kept[answer.digest].media_type) == (answer.raw, answer.media_type)


def test_a_resync_of_what_did_not_change_costs_a_tag_list_and_a_head_per_tag(fleet: Shelf) -> None:
    without_store = replace(fleet.catalogue, store=None)
    sync(without_store)
    fleet.transport.asked.clear()
    sync(without_store)
    expected = Counter({("GET", f"/v2/{name}/tags/list"): 1 for name in FLEET})
    expected.update(("HEAD", f"/v2/{name}/manifests/{tag}") for name in FLEET for tag in fleet.tags(name))
    of_repositories = [asked for asked in fleet.transport.asked if any(f"/v2/{name}/" in asked[1] for name in FLEET)]
    assert Counter(of_repositories) == expected


def test_each_digest_is_read_once_however_many_tags_and_repositories_have_it(shelf: Shelf, pusher: Pusher) -> None:
    base = image([layer("base")])
    child = image([layer("child")], platform="linux/arm64")
    for name in ("team/api", "team/web"):
        pusher.push(name, base, ["1.0", "latest"])
        pusher.push_index(name, [base, child], ["all"])
    sync(shelf.catalogue)
    pusher.push("team/api", base, ["again"])
    newer = pusher.push("team/api", image([layer("newer")]), ["2.0"])
    sync(shelf.catalogue)
    read = Counter(
        path.rpartition("/")[2] for method, path in shelf.transport.asked if method == "GET" and "sha" in path
    )
    assert set(read.values()) == {1}
    assert {base.digest, child.digest, newer.digest} <= read.keys()


def test_a_tag_that_moves_is_shown_on_its_new_image(shelf: Shelf, pusher: Pusher, clock: Clock) -> None:
    pusher.push("team/api", image([layer("old")]), ["latest"])
    sync(shelf.catalogue)
    newer = pusher.push("team/api", image([layer("new")]), ["latest"])
    clock.advance(minutes=5)
    sync(shelf.catalogue)
    assert shelf.tags("team/api")["latest"].digest == newer.digest
    assert shelf.tags("team/api")["latest"].pushed_at == clock.at


def test_the_time_of_a_push_is_that_of_the_link_in_the_store(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    link = fleet.registry.store / "docker/registry/v2/repositories" / API / "_manifests/tags/latest/current/link"
    row = fleet.tags(API)["latest"]
    assert row.pushed_at == datetime.fromtimestamp(link.stat().st_mtime, UTC)
    assert not row.pushed_at_is_seen


def test_pushing_the_same_image_again_is_a_push(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    before = fleet.tags(API)["latest"]
    manifest = fleet.catalogue.client.get_manifest(API, "latest")
    fleet.catalogue.client.put_manifest(API, "latest", manifest.media_type, manifest.raw)
    sync(fleet.catalogue)
    after = fleet.tags(API)["latest"]
    assert after.digest == before.digest
    assert after.pushed_at > before.pushed_at


def test_without_the_store_the_time_is_when_the_tag_was_first_seen_on_this_digest(
    shelf: Shelf, pusher: Pusher, clock: Clock
) -> None:
    pusher.push("team/api", image([layer("x")], created="2001-01-01T00:00:00Z"), ["1.0"])
    sync(shelf.catalogue)
    first_seen = clock.at
    clock.advance(days=3)
    pusher.push("team/api", image([layer("y")]), ["1.1"])
    sync(shelf.catalogue)
    rows = shelf.tags("team/api")
    assert (rows["1.0"].pushed_at, rows["1.0"].pushed_at_is_seen) == (first_seen, True)
    assert (rows["1.1"].pushed_at, rows["1.1"].pushed_at_is_seen) == (clock.at, True)
    assert shelf.repository("team/api").changed_at == clock.at


def test_a_store_that_becomes_readable_replaces_what_was_only_seen(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.0"])
    sync(shelf.catalogue)
    sync(replace(shelf.catalogue, store=shelf.registry.store))
    assert not shelf.tags("team/api")["1.0"].pushed_at_is_seen


def test_progress_can_be_seen_while_it_runs(shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.catalogue.sync.REPOSITORIES_AT_A_TIME", 1)
    for name in ("a", "b", "c"):
        pusher.push(name, image([layer("x")]), ["1"])
    seen = []

    def look() -> bool:
        state = shelf.state()
        names = tuple(shelf.repositories())
        seen.append((state.repositories_done, state.repositories_total, state.sync_finished_at, names))
        return True

    sync(shelf.catalogue, may_go_on=look)
    assert list(dict.fromkeys(seen)) == [(0, 3, None, ()), (1, 3, None, ("a",)), (2, 3, None, ("a", "b"))]
    state = shelf.state()
    assert (state.repositories_done, state.repositories_total) == (3, 3)
    assert state.sync_finished_at is not None


def test_a_look_at_one_repository_is_no_progress_of_the_whole(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    sync_repository(fleet.catalogue, API)
    assert fleet.state().repositories_done == len(FLEET)


def test_a_sync_that_may_not_go_on_keeps_what_it_read_and_says_that_it_is_not_through(
    shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.catalogue.sync.REPOSITORIES_AT_A_TIME", 1)
    for name in ("a", "b"):
        pusher.push(name, image([layer("x")]), ["1"])
    report = sync(shelf.catalogue, may_go_on=lambda: shelf.repositories() == [])
    assert not report.is_complete
    assert shelf.repositories() == ["a"]
    assert shelf.state().sync_complete_at is None
    assert "ended before" in shelf.state().sync_problem


def test_only_one_sync_runs_at_a_time(shelf: Shelf) -> None:
    with held(shelf.records.writing, LEASE):
        assert sync_if_free(shelf.catalogue) is None
        with pytest.raises(LeaseHeld):
            sync(shelf.catalogue)
    assert sync_if_free(shelf.catalogue) is not None


def test_a_sync_that_was_away_for_too_long_writes_nothing_more(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.0"])

    def lose_the_lease() -> bool:
        with shelf.records.writing() as session:
            session.execute(text("UPDATE leases SET token = token + 1 WHERE name = :name"), {"name": LEASE})
        return True

    with pytest.raises(LeaseLost):
        sync(shelf.catalogue, may_go_on=lose_the_lease)
    assert shelf.repositories() == []


def test_a_sync_does_not_bring_back_what_a_removal_took_meanwhile(shelf: Shelf, pusher: Pusher, clock: Clock) -> None:
    """The look began before the removal, and is written after it."""
    kept = pusher.push("team/api", image([layer("kept")]), ["1.0"])
    removed = pusher.push("team/api", image([layer("removed")]), ["1.1"])
    sync(shelf.catalogue)
    removals = iter([True])

    def remove_meanwhile(asked: tuple[str, str]) -> Answer | None:
        if asked == ("HEAD", "/v2/team/api/manifests/1.1") and next(removals, False):
            with shelf.records.writing() as session:
                forget(session, "team/api", ["1.1"], [removed.digest], clock())
        return None

    shelf.transport.interfere = remove_meanwhile
    sync(shelf.catalogue)  # the registry still answers for 1.1, as it did when the look began
    assert {tag: row.digest for tag, row in shelf.tags("team/api").items()} == {"1.0": kept.digest}


def test_a_repository_without_tags_leaves_the_list_and_keeps_its_row(
    shelf: Shelf, pusher: Pusher, clock: Clock
) -> None:
    for name in ("a", "b", "c"):
        built = pusher.push(name, image([layer("x")]), ["1"])
    sync(shelf.catalogue)
    clock.advance(hours=1)
    shelf.catalogue.client.delete_manifest("b", built.digest)
    sync(shelf.catalogue)
    assert shelf.repositories() == ["a", "c"]
    assert shelf.repository("b").tag_count == 0
    assert shelf.repository("b").changed_at == clock.at
    pusher.push("b", image([layer("y")]), ["2"])
    sync(shelf.catalogue)
    assert shelf.repositories() == ["a", "b", "c"]
    assert list(shelf.tags("b")) == ["2"]


def test_a_tag_that_was_deleted_outside_leaves_its_repository(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.0"])
    gone = pusher.push("team/api", image([layer("y")]), ["1.1"])
    sync(shelf.catalogue)
    shelf.catalogue.client.delete_manifest("team/api", gone.digest)
    sync_repository(shelf.catalogue, "team/api")
    assert list(shelf.tags("team/api")) == ["1.0"]


def test_a_dangling_tag_is_shown_with_what_is_wrong_with_it(shelf: Shelf, pusher: Pusher) -> None:
    """A registry that is killed within a DELETE leaves tags that it lists and cannot serve."""
    built = pusher.push("team/api", image([layer("x")]), ["1.0", "1.1"])
    revisions = shelf.registry.store / "docker/registry/v2/repositories/team/api/_manifests/revisions"
    (revisions / built.digest.replace(":", "/") / "link").unlink()
    (revisions.parents[1] / "_layers" / built.digest.replace(":", "/") / "link").unlink(missing_ok=True)
    report = sync(shelf.catalogue)
    row = shelf.tags("team/api")["1.0"]
    assert report.is_complete
    assert row.digest is None
    assert row.size_bytes is None
    assert "has no manifest for it" in row.size_reason
    assert row.same_as == ()


def test_a_manifest_that_makes_no_sense_is_a_tag_with_a_reason_and_stops_nothing(shelf: Shelf, pusher: Pusher) -> None:
    good = pusher.push("team/api", image([layer("x")]), ["1.0"])
    bad = pusher.push("team/api", image([layer("y")]), ["1.1"])

    def spoil(asked: tuple[str, str]) -> Answer | None:
        if asked == ("GET", f"/v2/team/api/manifests/{bad.digest}"):
            return Answer(200, {"Content-Type": bad.media_type}, b"[]", "")
        return None

    shelf.transport.interfere = spoil
    sync(shelf.catalogue)
    rows = shelf.tags("team/api")
    assert (rows["1.1"].digest, rows["1.1"].size_bytes) == (bad.digest, None)
    assert "another digest" in rows["1.1"].size_reason
    assert rows["1.0"].digest == good.digest
    assert rows["1.0"].size_bytes
    shelf.transport.interfere = lambda _asked: None
    sync(shelf.catalogue)
    assert shelf.tags("team/api")["1.1"].size_bytes


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_error_of_a_moment_at_the_configuration_does_not_make_its_age_unknown_for_ever(
    shelf: Shelf, pusher: Pusher, status: int
) -> None:
    pusher.push("team/api", image([layer("x")], created="2026-02-01T00:00:00Z"), ["1.0"])
    shelf.transport.interfere = lambda asked: Answer(status, {}, b"", "") if "/blobs/" in asked[1] else None
    sync(shelf.catalogue)
    assert shelf.tags("team/api")["1.0"].size_reason
    shelf.transport.interfere = lambda _asked: None
    sync(shelf.catalogue)
    assert shelf.details("team/api", "1.0").created_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_an_image_whose_configuration_is_lost_is_an_image_all_the_same(shelf: Shelf, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.0"])
    hexadecimal = built.blobs[0].digest.partition(":")[2]
    (shelf.registry.store / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data").unlink()
    shelf.registry.restart()
    assert sync(shelf.catalogue).is_complete
    details = shelf.details("team/api", "1.0")
    assert details.size_bytes
    assert (details.created_at, details.platforms, details.labels) == (None, (), ())


def test_platforms_are_those_of_the_index_without_what_is_unknown(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    assert fleet.tags(WEB)["latest"].platforms == ("linux/amd64", "linux/arm64", "linux/arm/v7")
    assert fleet.tags(BASE)["latest"].platforms == ("linux/amd64", "linux/arm64")
    assert fleet.tags(BASE)["3.19"].platforms == ("linux/amd64",)


def test_the_details_of_a_tag_tell_its_age_labels_and_children(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    top = fleet.details(WEB, "2.1")
    assert top.created_at == datetime(2026, 10, 12, 13, 37, 20, tzinfo=UTC)
    children = fleet.children(WEB, "2.1")
    platforms = [platform for child in children for platform in child.platforms]
    assert platforms == ["linux/amd64", "linux/arm64", "linux/arm/v7", "unknown/unknown"]
    assert all(child.size_bytes and child.is_here for child in children)
    assert fleet.details(BASE, "reproducible").created_at == datetime(1970, 1, 1, tzinfo=UTC)
    labels = dict(fleet.details(SHOP, "8.0.0-rc.1").labels)
    assert labels["<b onclick=alert(1)>bold</b>"] == "{{ 7 * 7 }} ${7*7} <%= 7*7 %>"


def test_tags_of_one_image_name_each_other(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    rows = fleet.tags(API)
    assert set(rows["latest"].same_as) == {"1.4", "1.4.2"}
    assert set(rows["1.4"].same_as) == {"latest", "1.4.2"}
    assert rows["1.3.0"].same_as == ()


def test_a_sync_makes_no_use_of_a_name_that_is_none(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.0"])
    evil = b'{"name": "team/api", "tags": ["1.0", "../../x", "a b"]}'
    path = "/v2/team/api/tags/list"
    shelf.transport.interfere = lambda asked: Answer(200, {}, evil, "http://r") if asked[1] == path else None
    assert sync(shelf.catalogue).is_complete
    assert list(shelf.tags("team/api")) == ["1.0"]


def test_an_index_gets_its_size_when_the_child_that_was_missing_comes(shelf: Shelf, pusher: Pusher) -> None:
    here, missing = image([layer("here")]), image([layer("missing")], platform="linux/arm64")
    top = index([here, missing])
    pusher.push("team/web", here)
    pusher.push("team/web", missing)
    pusher.push("team/web", top, ["1.0"])
    shelf.catalogue.client.delete_manifest("team/web", missing.digest)
    sync(shelf.catalogue)
    row = shelf.tags("team/web")["1.0"]
    assert (row.size_bytes, row.size_reason) == (None, A_CHILD_IS_MISSING)
    pusher.push("team/web", missing, ["arm"])
    sync(shelf.catalogue)
    blobs = {each.digest: len(each.raw) for built in (here, missing) for each in built.blobs}
    size = len(top.raw) + len(here.raw) + len(missing.raw) + sum(blobs.values())
    assert shelf.tags("team/web")["1.0"].size_bytes == size


def test_the_row_about_the_registry_is_made_once(shelf: Shelf) -> None:
    with shelf.records.writing() as session:
        assert registry_state(session) is registry_state(session)
