"""A registry that is killed while it writes a tag's link leaves it empty: 500 for the tag, and for every DELETE beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo.build import Built
from tests.removal.killed import look_up
from tests.removal.stage import API, Stage, once, stand_ins, states
from tests.removal.watching import Watcher
from webapp.registry.errors import RegistryFailed, RegistryTimeout


@pytest.fixture
def shared(stage: Stage) -> Built:
    built = stage.push("one", "1.0", "1.1", "latest")
    stage.sync()
    return built


def empty_the_link(stage: Stage, tag: str) -> None:
    (stage.links / "tags" / tag / "current/link").write_bytes(b"")


class LeavesItHalfWritten(Watcher):
    """The registry ends within the first PUT of a stand-in."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.client)
        self.stage = stage
        self.after_put = once(self._end)

    def _end(self) -> None:
        empty_the_link(self.stage, self.put[-1])
        raise RegistryTimeout("the connection broke")


@pytest.mark.parametrize("sees_store", [False, True], ids=["over HTTP", "with the store"])
def test_a_tag_that_was_left_half_written_is_taken_away_when_the_removal_is_looked_up(
    stage: Stage, shared: Built, sees_store: bool
) -> None:
    stage = replace(stage, store=stage.registry.store if sees_store else None)

    removal = stage.remove("1.0", "1.1", client=LeavesItHalfWritten(stage))
    assert (removal.state, "unknown" in states(removal).values()) == ("unknown", True)
    for _minute in range(2):
        look_up(stage)

    (removal,) = stage.removals()
    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted", "1.1": "deleted"})
    assert stage.tags() == {"latest"}
    assert stage.pulls("latest")
    assert stand_ins(stage) == []


def test_where_deletes_are_off_by_then_it_is_put_back(stage: Stage, shared: Built) -> None:
    stage.remove("1.0", client=LeavesItHalfWritten(stage))

    stage.registry.restart(deletes=False)
    for _minute in range(2):
        look_up(stage)

    assert stage.tags() == {"1.0", "1.1", "latest"}
    assert stage.client.get_manifest(API, "1.0").raw == shared.raw


def test_a_tag_that_only_cannot_be_read_at_the_moment_is_left_alone(stage: Stage, shared: Built) -> None:
    """A store that fails for a moment is no half-written link: the tag may have been pushed anew."""
    stage = replace(stage, store=stage.registry.store)
    stage.remove("1.0", client=LeavesItHalfWritten(stage))
    pushed = stage.push("another", "1.0")
    failing = Watcher(stage.client)
    failing.head_manifest = _fails  # type: ignore[method-assign]

    look_up(replace(stage, client=failing))

    assert stage.client.get_manifest(API, "1.0").raw == pushed.raw
    look_up(stage)
    assert stage.client.get_manifest(API, "1.0").raw == pushed.raw
    assert states(stage.removals()[0])["1.0"] == "kept"


def _fails(repository: str, reference: str) -> object:
    raise RegistryFailed("its storage is away")
