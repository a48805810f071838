"""A process that removes fifty tags is killed at any moment, and a registry inside its DELETE: nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable

import pytest

from demo.build import Built
from tests.removal.killed import Ways, look_up, removed_by_one_that_dies
from tests.removal.stage import API, Stage, once, stand_ins, states, steps, wanted
from tests.removal.watching import Watcher, all_pull
from webapp.catalogue.revisions import read_in_store
from webapp.registry.client import RegistryClient
from webapp.registry.errors import RegistryTimeout
from webapp.removal.models import Removal
from webapp.removal.wanted import Siblings

TAGS = 50
IMAGES = 30
ROUNDS = 4
STAND_INS_OF_EIGHT = Ways(untag_first_from=10, tags_on_one=8)
ONE_BY_ONE = Ways()


def push_fifty(stage: Stage) -> dict[str, Built]:
    """Fifty tags of thirty images, one of them an index; returns what each tag is on."""
    index, _ = stage.push_index("index")
    built = [index, *(stage.push(f"build {number}") for number in range(IMAGES - 1))]
    return {f"{number}.0": built[number % IMAGES] for number in range(TAGS)}


def put_everything(stage: Stage, fifty: dict[str, Built]) -> None:
    """Put everything there again: the blobs still are."""
    stage.push_index("index")
    for tag, built in fifty.items():
        stage.retag(tag, built)
    stage.sync()


def assert_ended_truly(stage: Stage, fifty: dict[str, Built], removal: Removal, told: list[tuple[str, str]]) -> None:
    """Each tag is gone or where it was, each manifest is gone or there, and the records say which, once."""
    there = stage.tags()
    assert stand_ins(stage) == []
    assert all_pull(stage, there)
    assert {tag: stage.client.head_manifest(API, tag).digest for tag in there} == {
        tag: fifty[tag].digest for tag in there
    }
    assert removal.state in ("done", "partly", "failed")
    assert {tag for tag, state in states(removal).items() if state == "failed"} == there
    assert {tag for tag, state in states(removal).items() if state in ("deleted", "already-gone")} == set(fifty) - there
    assert {digest for digest, state in steps(removal).items() if state not in ("deleted", "already-gone")} == {
        digest for digest in steps(removal) if stage.has(digest)
    }
    assert sorted(tag for tag, _ in told) == sorted(fifty)
    assert {tag for tag, outcome in told if outcome == "failed"} == there
    assert stage.catalogued() == there


@pytest.mark.parametrize(
    ("ways", "last_moment", "seed"), [(ONE_BY_ONE, 96, 1), (STAND_INS_OF_EIGHT, 220, 2)], ids=["digests", "stand-ins"]
)
def test_killed_at_any_moment_nothing_is_lost(draining: Stage, ways: Ways, last_moment: int, seed: int) -> None:
    stage, dice = draining, random.Random(seed)
    fifty = push_fifty(stage)
    for _round in range(ROUNDS):
        put_everything(stage, fifty)
        recorded, before = len(stage.removals()), len(stage.activities())

        moment = dice.randint(6, last_moment)
        sys.stdout.write(f"seed {seed}, moment {moment}\n")
        removed_by_one_that_dies(stage, wanted(), moment, ways)
        stage.registry.restart()  # what is under way in it is carried out first
        look_up(stage)

        new = stage.removals()[recorded:]
        for removal in new:
            told = [(str(tag), outcome) for tag, outcome, _ in stage.activities()[before:]]
            assert_ended_truly(stage, fifty, removal, told)
        assert len(new) == 1

        stage.remove()

        assert stage.tags() == set()
        assert read_in_store(stage.registry.store, API) == frozenset()


class DiesInside(Watcher):
    """A registry that is killed inside a DELETE: the manifest's link is gone, and some tags are, not all."""

    def __init__(self, stage: Stage, client: RegistryClient, gone: set[str], then: Callable[[], object]) -> None:
        super().__init__(client)
        self._die = once(self._act)
        self._stage, self._gone, self._then = stage, gone, then

    def delete_manifest(self, repository: str, digest: str) -> None:
        if repository == API:
            self.changes.append(("DELETE", digest))
            self._die(digest)
        super().delete_manifest(repository, digest)

    def _act(self) -> None:
        os.kill(self._stage.registry.pid, signal.SIGKILL)
        self._stage.registry.stop()
        self._stage.untag_on_disk(self.changes[-1][1])
        for tag in self._gone:
            shutil.rmtree(self._stage.links / "tags" / tag)
        self._then()
        raise RegistryTimeout("the connection broke")


TEN = tuple(f"1.{number}" for number in range(10))
THREE = set(TEN[:3])


@pytest.fixture
def shared(stage: Stage) -> Built:
    """An image with eleven tags."""
    built = stage.push("one", *TEN, "latest")
    stage.sync()
    return built


def test_a_registry_that_comes_back_at_once_is_asked_until_all_is_done(
    stage: Stage, client: RegistryClient, shared: Built
) -> None:
    removal = stage.remove(*TEN, client=DiesInside(stage, client, THREE, stage.registry.start))

    assert states(removal) == dict.fromkeys(TEN, "deleted")
    assert stage.tags() == {"latest"}
    assert stage.pulls("latest")
    assert stand_ins(stage) == []


def test_what_a_killed_registry_left_is_taken_away_when_it_is_back(
    stage: Stage, client: RegistryClient, shared: Built
) -> None:
    removal = stage.remove(*TEN, client=DiesInside(stage, client, THREE, lambda: None))
    assert (removal.state, set(states(removal).values())) == ("unknown", {"unknown"})

    stage.registry.start()
    assert stage.tags() == {"latest", *TEN} - THREE
    for _minute in range(3):
        look_up(stage)

    (removal,) = stage.removals()
    assert (removal.state, states(removal)) == ("done", dict.fromkeys(TEN, "deleted"))
    assert stage.tags() == stage.catalogued() == {"latest"}
    assert stage.pulls("latest")
    assert stand_ins(stage) == []
    assert len(stage.activities()) == len(TEN)


def test_what_a_killed_registry_left_is_put_back_where_deletes_are_off_by_then(
    stage: Stage, client: RegistryClient, shared: Built
) -> None:
    stage.remove(*TEN, client=DiesInside(stage, client, THREE, lambda: None))

    stage.registry.deletes = False
    stage.registry.start()
    for _minute in range(3):
        look_up(stage)

    (removal,) = stage.removals()
    left = set(TEN) - THREE
    assert states(removal) == {tag: "failed" if tag in left else "deleted" for tag in TEN}
    assert stage.tags() == {"latest"} | left
    assert all_pull(stage, stage.tags())
    assert all(stage.client.get_manifest(API, tag).raw == shared.raw for tag in left)


def test_siblings_that_a_killed_registry_left_without_their_manifest_go_all_the_same(
    stage: Stage, client: RegistryClient, shared: Built
) -> None:
    dying = DiesInside(stage, client, THREE, stage.registry.start)

    removal = stage.remove("latest", client=dying, siblings=Siblings.REMOVE)

    assert states(removal) == dict.fromkeys((*TEN, "latest"), "deleted")
    assert stage.tags() == set()
    assert stand_ins(stage) == []


def test_a_registry_killed_and_a_process_killed_leave_nothing_half_deleted(draining: Stage) -> None:
    """The process is killed after its stand-in is put, and the registry when it takes that away."""
    stage = draining
    stage.push("one", *TEN, "latest")
    stage.sync()
    for moment in range(13, 60):
        removed_by_one_that_dies(stage, wanted(*TEN), moment)
        stage.registry.restart()  # what is under way in it is carried out first
        if stand_ins(stage):
            break
        look_up(stage)
    (stand_in,) = stand_ins(stage)
    stage.untag_on_disk(stand_in)
    stage.registry.restart()

    for _minute in range(3):
        look_up(stage)

    removal = stage.removals()[-1]
    left = {tag for tag, state in states(removal).items() if state == "failed"}
    assert stage.tags() == {"latest"} | left
    assert all_pull(stage, stage.tags())
    assert stand_ins(stage) == []
