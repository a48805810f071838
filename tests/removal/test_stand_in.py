"""One tag without its siblings, on a registry that deletes by digest only: gone, or on what it was on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from demo.build import Built
from tests.removal.stage import API, Stage, agreed_to, build, once, reasons, stand_ins, states, steps
from tests.removal.watching import Watcher, wait_until
from webapp.catalogue.models import Repository, Tag
from webapp.removal.execute import remove
from webapp.removal.models import Removal
from webapp.removal.recovery import recover
from webapp.removal.stand_in import new_token, stand_in_of

CHANGED = "Changed since you looked"


@pytest.fixture
def shared(stage: Stage) -> Built:
    """An image with three tags, and another one."""
    built = stage.push("one", "1.0", "1", "latest")
    stage.push("two", "2.0")
    stage.sync()
    return built


@pytest.fixture
def with_store(stage: Stage) -> Stage:
    """The same registry, for a Holystone that can read its store."""
    return replace(stage, store=stage.registry.store)


@contextmanager
def pulling(stage: Stage, tag: str) -> Iterator[list[bool]]:
    """Pull a tag, completely, all the while; yields whether each pull came through."""
    pulls: list[bool] = []
    stop = threading.Event()

    def pull() -> None:
        while not stop.is_set():
            pulls.append(stage.pulls(tag))

    thread = threading.Thread(target=pull)
    thread.start()
    try:
        wait_until(lambda: pulls, "the first pull came through")
        yield pulls
    finally:
        stop.set()
        thread.join()


def assert_back_as_it_was(stage: Stage, built: Built, tag: str = "1.0") -> None:
    answer = stage.client.get_manifest(API, tag)
    assert (answer.raw, answer.media_type) == (built.raw, built.media_type)
    assert stage.pulls(tag)


def test_the_siblings_never_stop_pulling(stage: Stage) -> None:
    tags = [f"1.{number}" for number in range(8)]
    stage.push("one", *tags, "latest")
    stage.sync()

    with pulling(stage, "latest") as pulls:
        for tag in tags:
            assert states(stage.remove(tag)) == {tag: "deleted"}
        far = len(pulls)
        wait_until(lambda: len(pulls) > far, "one more pull came through")

    assert len(pulls) > len(tags)
    assert all(pulls)
    assert stage.tags() == stage.catalogued() == {"latest"}


def test_nothing_is_left_of_the_stand_in(stage: Stage, watcher: Watcher, shared: Built) -> None:
    removal = stage.remove("1.0", client=watcher)

    (stand_in,) = watcher.stand_ins
    assert watcher.changes == [("PUT", "1.0"), ("DELETE", stand_in)]
    assert (states(removal), steps(removal)) == ({"1.0": "deleted"}, {})
    assert not stage.has(stand_in)
    assert stand_ins(stage) == []
    assert stage.tags() == {"1", "latest", "2.0"}


def test_an_index_with_siblings_goes_on_pulling_with_its_children(stage: Stage) -> None:
    built, _ = stage.push_index("one", "1.0", "latest")
    stage.sync()

    assert states(stage.remove("1.0")) == {"1.0": "deleted"}

    assert stage.pulls("latest")
    assert stage.pulls(built.digest)


def refused(stage: Stage, watcher: Watcher) -> Removal:
    removal = stage.remove("1.0", client=watcher)
    assert (removal.state, states(removal)) == ("failed", {"1.0": "failed"})
    assert watcher.changes == []
    assert stand_ins(stage) == []
    assert stage.catalogued() == {"1.0", "1", "latest", "2.0"}
    return removal


def test_where_nothing_can_be_deleted_no_stand_in_is_put(stage: Stage, watcher: Watcher, shared: Built) -> None:
    stage.registry.restart(deletes=False)

    assert "storage.delete.enabled" in reasons(refused(stage, watcher))["1.0"]
    assert_back_as_it_was(stage, shared)


def test_while_the_registry_is_read_only_no_stand_in_is_put(stage: Stage, watcher: Watcher, shared: Built) -> None:
    stage.registry.restart(read_only=True)

    assert "read-only" in reasons(refused(stage, watcher))["1.0"]
    assert_back_as_it_was(stage, shared)


def test_a_tag_that_is_listed_and_has_no_manifest_is_removed(stage: Stage, watcher: Watcher, shared: Built) -> None:
    stage.untag_on_disk(shared.digest)
    assert "1.0" in stage.tags()
    assert not stage.has("1.0")

    removal = stage.remove("1.0", "latest", client=watcher)

    assert states(removal) == {"1.0": "deleted", "latest": "deleted"}
    assert sorted(watcher.put) == ["1.0", "latest"]
    assert stage.tags() == {"1", "2.0"}
    assert stand_ins(stage) == []
    assert stage.pulls("2.0")


def test_a_push_between_the_look_and_the_stand_in_is_given_back(
    with_store: Stage, watcher: Watcher, shared: Built
) -> None:
    stage = with_store
    new = build("three")
    watcher.before_put = once(lambda: stage.pusher.push(API, new, ["1.0"]))

    removal = stage.remove("1.0", client=watcher)

    assert states(removal) == {"1.0": "kept"}
    assert reasons(removal)["1.0"].startswith(CHANGED)
    assert_back_as_it_was(stage, new)
    assert stand_ins(stage) == []


def test_a_push_of_the_same_image_between_the_look_and_the_stand_in_is_given_back_too(
    with_store: Stage, watcher: Watcher, shared: Built
) -> None:
    stage = with_store
    watcher.before_put = once(lambda: stage.retag("1.0", shared))

    removal = stage.remove("1.0", client=watcher)

    assert states(removal) == {"1.0": "kept"}
    assert_back_as_it_was(stage, shared)


def test_a_push_is_given_back_while_yet_another_one_is_being_written(
    with_store: Stage, watcher: Watcher, shared: Built
) -> None:
    """The registry makes a push's folder first, and the link in it afterwards."""
    stage = with_store
    new = build("three")
    (stage.links / "tags/1.0/index/sha256" / ("0" * 64)).mkdir()
    watcher.before_put = once(lambda: stage.pusher.push(API, new, ["1.0"]))

    removal = stage.remove("1.0", client=watcher)

    assert states(removal) == {"1.0": "kept"}
    assert_back_as_it_was(stage, new)


def push_before_the_first_put(
    stage: Stage, new: Built, before_the_second: Callable[[], object]
) -> Callable[[str], None]:
    """Somebody pushes before the stand-in is put; something else happens before that push is given back."""
    acts = [before_the_second, lambda: stage.pusher.push(API, new, ["1.0"])]
    return lambda _: acts.pop()() if acts else None


def test_a_push_that_could_not_be_given_back_is_given_back_by_looking_up(
    with_store: Stage, watcher: Watcher, shared: Built
) -> None:
    stage = with_store
    new = build("three")
    watcher.before_put = push_before_the_first_put(stage, new, stage.registry.stop)

    removal = stage.remove("1.0", client=watcher)
    assert (removal.state, states(removal)) == ("unknown", {"1.0": "unknown"})
    stage.registry.start()
    recover(stage.remover)

    assert_back_as_it_was(stage, new)
    assert states(stage.removals()[0]) == {"1.0": "kept"}
    assert stand_ins(stage) == []


def test_a_push_is_given_back_when_the_registry_takes_writes_again(
    with_store: Stage, watcher: Watcher, shared: Built
) -> None:
    stage = with_store
    new = build("three")
    read_only = partial(stage.registry.restart, read_only=True)
    watcher.before_put = push_before_the_first_put(stage, new, read_only)
    looked = stage.look("1.0")
    patient = replace(stage.remover_with(watcher), wait=once(partial(stage.registry.restart, read_only=False)))

    removal = stage.removal(remove(patient, looked.plan.wanted, agreed_to(looked)))

    assert states(removal) == {"1.0": "kept"}
    assert_back_as_it_was(stage, new)
    assert stand_ins(stage) == []


def test_a_push_after_the_stand_in_wins(stage: Stage, watcher: Watcher, shared: Built) -> None:
    new = build("three")
    watcher.after_put = once(lambda: stage.pusher.push(API, new, ["1.0"]))

    removal = stage.remove("1.0", client=watcher)

    assert states(removal) == {"1.0": "kept"}
    assert reasons(removal)["1.0"].startswith(CHANGED)
    assert_back_as_it_was(stage, new)
    assert stand_ins(stage) == []
    assert stage.activities()[0][1] == "kept"


def test_a_push_of_the_same_image_after_the_stand_in_wins_too(stage: Stage, watcher: Watcher, shared: Built) -> None:
    watcher.after_put = once(lambda: stage.retag("1.0", shared))

    removal = stage.remove("1.0", client=watcher)

    assert reasons(removal)["1.0"].startswith(CHANGED)
    assert_back_as_it_was(stage, shared)


def test_deletes_switched_off_in_between_put_the_tag_back_on_what_it_was_on(
    stage: Stage, watcher: Watcher, shared: Built
) -> None:
    watcher.after_put = once(lambda: stage.registry.restart(deletes=False))

    removal = stage.remove("1.0", client=watcher)

    assert (removal.state, states(removal)) == ("failed", {"1.0": "failed"})
    assert "storage.delete.enabled" in reasons(removal)["1.0"]
    assert reasons(removal)["1.0"].endswith("It was put back on what it was on.")
    assert_back_as_it_was(stage, shared)
    assert stage.catalogued() == {"1.0", "1", "latest", "2.0"}


def leave_a_stand_in(stage: Stage, tag: str) -> str:
    stand_in = stand_in_of(new_token())
    return stage.client.put_manifest(API, tag, stand_in.media_type, stand_in.raw)


def test_the_catalogue_does_not_take_a_stand_in_for_an_image(stage: Stage, shared: Built) -> None:
    before = leave_a_stand_in(stage, "1.0")
    stage.sync()

    with stage.records.reading() as session:
        tag = session.query(Tag).filter_by(name="1.0").one()
        repository = session.query(Repository).filter_by(name=API).one()
        assert (tag.digest, tag.manifest_id) == (None, None)
        assert tag.problem.startswith("Its deletion was interrupted half way")
        assert (repository.tag_count, repository.image_count) == (4, 2)
    assert stage.client.head_manifest(API, "1.0").digest == before


def test_a_stand_in_that_was_left_goes_with_its_tag(stage: Stage, shared: Built) -> None:
    leave_a_stand_in(stage, "1.0")

    looked = stage.look("1.0")

    assert ([each.kind for each in looked.plan.steps], looked.plan.siblings) == (["stand-in"], ())
    assert states(stage.press(looked)) == {"1.0": "deleted"}
    assert stage.tags() == {"1", "latest", "2.0"}
    assert stand_ins(stage) == []
