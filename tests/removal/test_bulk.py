"""Many at once: tags on one stand-in, manifests in groups; and Stop."""

from __future__ import annotations

import pytest

from demo.build import Built
from tests.removal.stage import API, TAGS, Meddler, Stage, build, once, reasons, stand_ins, states, steps
from tests.removal.watching import Watcher, all_pull
from webapp.registry.client import RegistryClient
from webapp.removal import batches
from webapp.removal.journal import ask_to_stop

READ_ONLY = "The registry is read-only at present."


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags go first from ten on, eight with one stand-in, one stand-in after the other."""
    monkeypatch.setattr(batches, "UNTAG_FIRST_FROM", 10)
    monkeypatch.setattr(batches, "TAGS_ON_ONE", 8)
    monkeypatch.setattr(batches, "STAND_INS_AT_A_TIME", 1)


def methods(watcher: Watcher) -> str:
    """The requests that changed something, as one letter each."""
    return "".join(method[0] for method, _ in watcher.changes)


@pytest.mark.parametrize(("count", "needed"), [(100, 1), (120, 2)])
def test_a_hundred_tags_go_with_one_stand_in_and_one_delete(
    stage: Stage, watcher: Watcher, monkeypatch: pytest.MonkeyPatch, count: int, needed: int
) -> None:
    # Where 2.8 deletes one while a tag's link is being written, it answers 500, and another stand-in finishes the work.
    monkeypatch.setattr(batches, "STAND_INS_AT_A_TIME", 1)
    tags = [f"1.{number}" for number in range(count)]
    stage.push("one", *tags, "latest")
    stage.sync()

    removal = stage.remove(*tags, client=watcher)

    assert (methods(watcher).count("P"), methods(watcher).count("D")) == (count, needed)
    assert len(watcher.stand_ins) == needed
    assert set(states(removal).values()) == {"deleted"}
    assert stage.tags() == stage.catalogued() == {"latest"}
    assert stage.pulls("latest")
    assert stand_ins(stage) == []


def test_many_tags_go_with_some_stand_ins_at_a_time(
    stage: Stage, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "TAGS_ON_ONE", 20)
    tags = [f"1.{number}" for number in range(120)]
    stage.push("one", *tags, "latest")
    stage.sync()

    removal = stage.remove(*tags, client=watcher)

    assert set(states(removal).values()) == {"deleted"}
    assert stage.tags() == stage.catalogued() == {"latest"}
    assert stage.pulls("latest")
    assert stand_ins(stage) == []


def test_of_an_image_with_many_tags_these_go_first(
    stage: Stage, watcher: Watcher, images: list[Built], small_batches: None
) -> None:
    removal = stage.remove(client=watcher)

    assert methods(watcher) == ("P" * 8 + "D") * 3 + "D" * len(images)
    assert set(states(removal).values()) == set(steps(removal).values()) == {"deleted"}
    assert stage.tags() == set()


def test_the_journal_has_everything_before_the_first_put(
    stage: Stage, watcher: Watcher, images: list[Built], small_batches: None
) -> None:
    found: list[tuple[dict[str, str], set[str]]] = []

    def look() -> None:
        (removal,) = stage.removals()
        found.append((states(removal), {digest for digest, _, _ in stage.journal(removal.id)}))

    watcher.before_put = once(look)

    stage.remove(client=watcher)

    assert found == [(dict.fromkeys(TAGS, "intended"), {each.digest for each in images})]


class Grouped(Meddler):
    """Notes which manifests are deleted between two lists, that is, at the same time."""

    def __init__(self, client: RegistryClient) -> None:
        super().__init__(client)
        self.groups: list[set[str]] = []
        self.before_list = lambda: self.groups.append(set())
        self.before_delete = self._note

    def _note(self, digest: str) -> None:
        self.groups[-1].add(digest)


def test_many_manifests_are_deleted_in_groups_and_an_index_before_what_it_names(
    stage: Stage, client: RegistryClient, images: list[Built]
) -> None:
    index, children = stage.push_index("index", "index")
    outer = stage.pusher.push_index(API, [build("more")], ["outer"])
    stage.sync()
    grouped = Grouped(client)

    removal = stage.remove(client=grouped)

    groups = [group for group in grouped.groups if group & steps(removal).keys()]
    assert max(map(len, groups)) == 16
    at = {digest: number for number, group in enumerate(groups) for digest in group}
    assert all(at[index.digest] < at[child.digest] for child in children)
    assert at[outer.digest] < at[build("more").digest]
    assert set(steps(removal).values()) == {"deleted"}
    assert stage.tags() == set()


def test_stop_ends_it_after_the_batch_in_hand(
    stage: Stage, watcher: Watcher, images: list[Built], small_batches: None
) -> None:
    def stop() -> None:
        with stage.records.writing() as session:
            assert ask_to_stop(session, stage.removals()[0].id, "alice")

    watcher.before_put = once(stop)

    removal = stage.remove(client=watcher)

    assert methods(watcher) == "P" * 8 + "D"
    assert sorted(states(removal).values()) == ["deleted"] * 8 + ["failed"] * 16
    assert {reason for reason in reasons(removal).values() if reason} == {"Not tried. alice stopped the removal."}
    assert (removal.state, removal.notice) == ("partly", "alice stopped it.")
    assert all_pull(stage, stage.tags())
    assert all(stage.has(each.digest) for each in images)
    with stage.records.writing() as session:
        assert not ask_to_stop(session, removal.id, "alice")
