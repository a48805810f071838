"""How a sync stays true without asking for everything each time: by the store, or the longest unchecked first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from demo.build import image, layer
from demo.fleet import FLEET
from demo.push import Pusher
from tests.catalogue.conftest import Shelf
from tests.records import Clock
from webapp.catalogue.pace import at_a_pace
from webapp.catalogue.refresh import Catalogue, check_tags
from webapp.catalogue.sync import sync
from webapp.registry.transport import Answer

TAGS = ("1", "2", "3", "4", "5")


def read_by_store(shelf: Shelf, store: Path | None = None) -> Catalogue:
    return replace(shelf.catalogue, store=store or shelf.registry.store)


def heads(shelf: Shelf) -> list[str]:
    """The tags that were asked for since `asked` was cleared."""
    return [
        path.rpartition("/")[2] for method, path in shelf.transport.asked if method == "HEAD" and "manifests" in path
    ]


def of_repositories(shelf: Shelf, method: str) -> list[str]:
    return [
        path for each, path in shelf.transport.asked if each == method and any(f"/v2/{name}/" in path for name in FLEET)
    ]


def push_tags(pusher: Pusher) -> None:
    for tag in TAGS:
        pusher.push("team/api", image([layer(tag)]), [tag])


def test_where_the_store_is_readable_a_sync_asks_for_no_tag(fleet: Shelf) -> None:
    sync(fleet.catalogue)
    fleet.transport.asked.clear()
    sync(fleet.catalogue)
    assert of_repositories(fleet, "HEAD") == []
    assert len(of_repositories(fleet, "GET")) == len(FLEET) + 1, (
        "the lists, and a proof that the store is the registry's"
    )


def test_a_tag_that_moves_is_seen_in_the_store(shelf: Shelf, pusher: Pusher, clock: Clock) -> None:
    push_tags(pusher)
    sync(read_by_store(shelf))
    clock.advance(days=500)  # long after the time of every link
    sync(read_by_store(shelf))
    newer = pusher.push("team/api", image([layer("newer")]), ["3"])
    shelf.transport.asked.clear()
    sync(read_by_store(shelf))
    assert heads(shelf) == []
    assert shelf.tags("team/api")["3"].digest == newer.digest


def test_a_store_that_is_not_the_registrys_is_not_believed(shelf: Shelf, pusher: Pusher, tmp_path: Path) -> None:
    push_tags(pusher)
    shutil.copytree(shelf.registry.store, tmp_path / "old")
    newer = [pusher.push("team/api", image([layer(f"newer {tag}")]), [tag]) for tag in TAGS]
    sync(read_by_store(shelf, tmp_path / "old"))
    assert [row.digest for _name, row in sorted(shelf.tags("team/api").items())] == [each.digest for each in newer]


@pytest.mark.parametrize("what", ["its link", "the link of its manifest", "its bytes"])
def test_a_tag_that_cannot_be_read_in_the_store_is_asked_for(shelf: Shelf, pusher: Pusher, what: str) -> None:
    push_tags(pusher)
    digest = pusher.push("team/api", image([layer("odd")]), ["odd"]).digest.partition(":")[2]
    root = shelf.registry.store / "docker/registry/v2"
    manifests = root / "repositories/team/api/_manifests"
    file = {
        "its link": manifests / "tags/odd/current/link",
        "the link of its manifest": manifests / "revisions/sha256" / digest / "link",
        "its bytes": root / "blobs/sha256" / digest[:2] / digest / "data",
    }[what]
    file.unlink()
    sync(read_by_store(shelf))
    assert heads(shelf) == ["odd"]
    assert set(shelf.tags("team/api")) >= set(TAGS)


def test_of_very_many_tags_those_are_looked_at_that_were_not_for_the_longest_time(
    shelf: Shelf, pusher: Pusher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.catalogue.sync.LEAST_CHECKED", 2)
    push_tags(pusher)
    two_each_time = replace(shelf.catalogue, checked_at_most=0)
    sync(two_each_time)
    rounds = []
    for number in range(3):
        clock.advance(minutes=5)
        check_tags(shelf.catalogue, "team/api", TAGS[:3] if number == 0 else ())
        clock.advance(minutes=5)
        shelf.transport.asked.clear()
        sync(two_each_time)
        rounds.append(sorted(heads(shelf)))
    assert rounds[0] == ["4", "5"]
    assert {tag for each in rounds[1:] for tag in each} >= {"1", "2", "3"}
    assert set(shelf.tags("team/api")) == set(TAGS)


def test_a_tag_that_is_not_due_and_not_listed_any_more_is_gone(
    shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_tags(pusher)
    sync(shelf.catalogue)
    monkeypatch.setattr("webapp.catalogue.sync.LEAST_CHECKED", 0)
    shelf.catalogue.client.delete_manifest("team/api", shelf.tags("team/api")["2"].digest or "")
    sync(replace(shelf.catalogue, checked_at_most=0))
    assert set(shelf.tags("team/api")) == set(TAGS) - {"2"}


def test_what_is_very_much_is_read_in_pieces_and_nothing_of_it_is_forgotten(
    shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.catalogue.tag_looks.MOST_NEW", 2)
    push_tags(pusher)

    def fail_for_one(asked: tuple[str, str]) -> Answer | None:
        return Answer(500, {}, b"", asked[1]) if asked[1].endswith("/manifests/2") else None

    shelf.transport.interfere = fail_for_one
    report = sync(shelf.catalogue)
    assert set(shelf.tags("team/api")) == set(TAGS) - {"2"}
    assert report.unread == ["team/api"]
    assert sorted(set(heads(shelf))) == list(TAGS)
    assert len(heads(shelf)) == len(TAGS), "each was asked for once"
    assert shelf.repository("team/api").size_bytes


def test_a_sync_that_is_ended_in_the_middle_of_a_repository_goes_on_there(
    shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.catalogue.tag_looks.MOST_NEW", 2)
    push_tags(pusher)
    report = sync(shelf.catalogue, may_go_on=lambda: not shelf.repositories())
    assert "ended before" in report.problem
    read = set(shelf.tags("team/api"))
    assert len(read) == 2
    shelf.transport.asked.clear()
    monkeypatch.setattr("webapp.catalogue.sync.LEAST_CHECKED", 0)
    assert sync(replace(shelf.catalogue, checked_at_most=0)).is_complete
    assert set(shelf.tags("team/api")) == set(TAGS)
    assert set(TAGS) - read <= set(heads(shelf))


def test_what_was_not_come_to_is_read_first_next_time(
    shelf: Shelf, pusher: Pusher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.catalogue.sync.REPOSITORIES_AT_A_TIME", 1)
    for name in ("a", "b", "c"):
        pusher.push(name, image([layer("x")]), ["1"])
    sync(shelf.catalogue)
    clock.advance(minutes=5)
    a_is_read: Callable[[], bool] = lambda: shelf.repository("a").synced_at == clock.at  # noqa: E731
    sync(shelf.catalogue, may_go_on=lambda: not a_is_read())
    shelf.transport.asked.clear()
    clock.advance(minutes=5)
    sync(shelf.catalogue)
    lists = [path for _method, path in shelf.transport.asked if path.endswith("/tags/list")]
    assert lists == [f"/v2/{name}/tags/list" for name in ("b", "c", "a")]


def test_turns_come_evenly_and_end_when_told() -> None:
    at_s, goes_on = [0.0], [True]

    def wait(seconds: float) -> None:
        at_s[0] += seconds
        goes_on[0] = at_s[0] < 2

    turn = at_a_pace(10, lambda: goes_on[0], lambda: at_s[0], wait)
    came = []
    while turn():
        came.append(round(at_s[0], 3))
    assert came == [round(number / 10, 3) for number in range(20)]
    assert not turn()


def test_opening_a_repository_looks_at_the_tags_that_are_shown_and_at_what_is_new(
    shelf: Shelf, pusher: Pusher, clock: Clock
) -> None:
    push_tags(pusher)
    sync(shelf.catalogue)
    moved = pusher.push("team/api", image([layer("moved")]), ["1"])
    unseen = pusher.push("team/api", image([layer("moved unseen")]), ["5"])
    pusher.push("team/api", image([layer("new")]), ["6"])
    clock.advance(hours=1)
    shelf.transport.asked.clear()
    check_tags(shelf.catalogue, "team/api", ["1", "2"])
    assert sorted(heads(shelf)) == ["1", "2", "6"]
    assert shelf.tags("team/api")["1"].digest == moved.digest
    assert shelf.tags("team/api")["5"].digest != unseen.digest
