"""Many at once, and a registry that is read-only, away or busy in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from demo.build import Built
from tests.removal.stage import API, TAGS, Meddler, Stage, agreed_to, once, reasons, stand_ins, states
from tests.removal.watching import Watcher, all_pull
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NoToken, RegistryError, RegistryUnreachable
from webapp.registry.transport import Answer, Transport
from webapp.removal import batches
from webapp.removal.execute import remove
from webapp.removal.models import Removal
from webapp.removal.recovery import recover
from webapp.removal.remover import Remover

READ_ONLY = "The registry is read-only at present."


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags go first from ten on, eight with one stand-in."""
    monkeypatch.setattr(batches, "UNTAG_FIRST_FROM", 10)
    monkeypatch.setattr(batches, "TAGS_ON_ONE", 8)


def press(stage: Stage, remover: Remover, *references: str) -> Removal:
    looked = stage.look(*references)
    return stage.removal(remove(remover, looked.plan.wanted, agreed_to(looked)))


def read_only_at(stage: Stage, number: int) -> Callable[[str], None]:
    """The registry becomes read-only at a PUT or DELETE, by its number."""
    left = [number]

    def act(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            stage.registry.restart(read_only=True)

    return act


def test_read_only_in_the_middle_is_waited_for(stage: Stage, watcher: Watcher, images: list[Built]) -> None:
    pauses: list[str] = []

    def wait(_: float) -> None:
        pauses.append(stage.removals()[0].pause)
        if len(pauses) == 3:
            stage.registry.restart(read_only=False)

    watcher.before_delete = read_only_at(stage, 5)
    watcher.deleted.clear()

    removal = press(stage, replace(stage.remover_with(watcher), wait=wait), *TAGS[:10])

    assert (
        pauses
        == [
            "The registry is read-only. The removal goes on when it takes writes again,"
            " until 12 Mar 2026, 13:00 UTC at the latest."
        ]
        * 3
    )
    assert (removal.state, removal.pause) == ("done", "")
    assert set(states(removal).values()) == {"deleted"}
    assert stage.tags() == set(TAGS[10:])


@pytest.mark.parametrize("at", [12, 20], ids=["among the PUTs", "later"])
def test_read_only_in_the_middle_of_a_batch_is_waited_for(
    stage: Stage, watcher: Watcher, images: list[Built], small_batches: None, at: int
) -> None:
    watcher.before_put = read_only_at(stage, at)
    back = once(lambda: stage.registry.restart(read_only=False))

    removal = press(stage, replace(stage.remover_with(watcher), wait=back))
    for _minute in range(3):
        recover(stage.remover)

    removal = stage.removal(removal.id)
    left = stage.tags()
    assert left == {tag for tag, state in states(removal).items() if state != "deleted"}
    assert all_pull(stage, left)
    assert stand_ins(stage) == []


def test_who_waits_too_long_ends_and_what_was_half_deleted_is_looked_up_later(
    stage: Stage, client: RegistryClient, watcher: Watcher
) -> None:
    stage.push("one", "1.0", "latest")
    stage.push("two", "2.0", "2")
    stage.sync()
    watcher.before_delete = once(lambda: stage.registry.restart(read_only=True))
    impatient = replace(stage.remover_with(watcher), wait=lambda _: stage.clock.advance(seconds=20), longest_pause_s=60)

    removal = press(stage, impatient, "1.0", "2.0")

    assert (removal.state, removal.pause) == ("unknown", "")
    assert states(removal) == {"1.0": "unknown", "2.0": "unknown"}
    recover(stage.remover)
    assert stage.removal(removal.id).state == "unknown", "it is still read-only"

    stage.registry.restart(read_only=False)
    recover(stage.remover)

    removal = stage.removal(removal.id)
    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted", "2.0": "deleted"})
    assert stage.tags() == {"latest", "2"}
    assert all_pull(stage, ["latest", "2"])
    assert stand_ins(stage) == []


def test_after_the_longest_pause_the_rest_is_not_tried(stage: Stage, watcher: Watcher, images: list[Built]) -> None:
    watcher.before_delete = read_only_at(stage, 3)
    impatient = replace(stage.remover_with(watcher), wait=lambda _: stage.clock.advance(seconds=20), longest_pause_s=60)

    removal = press(stage, impatient, *TAGS[:5])

    assert sorted(reasons(removal).values()) == ["", "", *[f"Not tried. {READ_ONLY}"] * 2, READ_ONLY]
    assert removal.state == "partly"
    assert len(watcher.deleted) == 3


class Failing(Meddler):
    """Looks at the list of tags fail without a connection, or for another reason, at the given numbers."""

    def __init__(self, client: RegistryClient, *numbers: int, error: RegistryError | None = None) -> None:
        super().__init__(client)
        self._numbers, self.lists = numbers, 0
        self._error = error or RegistryUnreachable("no connection")

    def tags(self, repository: str) -> list[str]:
        self.lists += 1
        if self.lists in self._numbers:
            raise self._error
        return super().tags(repository)


def test_a_token_server_that_gives_no_token_three_times_in_a_row_ends_it(
    stage: Stage, client: RegistryClient, images: list[Built]
) -> None:
    removal = press(stage, stage.remover_with(Failing(client, 3, 4, 5, error=NoToken("status 500"))), *TAGS[:10])

    reason = "Not tried. The registry's token server gives Holystone no token: status 500."
    assert list(reasons(removal).values()).count(reason) == 6
    assert all_pull(stage, stage.tags())


@pytest.mark.parametrize(("numbers", "left"), [((3, 4), 2), ((3, 4, 5), 9), ((3, 5, 6, 8), 4)])
def test_three_failures_of_the_way_in_a_row_end_it(
    stage: Stage, client: RegistryClient, images: list[Built], numbers: tuple[int, ...], left: int
) -> None:
    removal = press(stage, stage.remover_with(Failing(client, *numbers)), *TAGS[:10])

    assert sorted(states(removal).values()).count("failed") == left
    not_tried = [reason for reason in reasons(removal).values() if reason.startswith("Not tried. The registry cannot")]
    assert len(not_tried) == (left - 3 if len(numbers) == 3 else 0)
    assert all_pull(stage, stage.tags())


@pytest.mark.parametrize("way", ["tags", "manifests"])
def test_one_failure_of_the_way_is_one_failure_however_many_it_is_about(
    stage: Stage, client: RegistryClient, images: list[Built], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "UNTAG_FIRST_FROM", 10 if way == "tags" else 300)
    monkeypatch.setattr(batches, "TAGS_ON_ONE", 8)

    removal = press(stage, stage.remover_with(Failing(client, 2)))

    assert not any(reason.startswith("Not tried") for reason in reasons(removal).values())
    assert sorted(states(removal).values()).count("deleted") == 16 if way == "tags" else 8


class Busy(Transport):
    """Answers 429 a few times before a DELETE."""

    def __init__(self, url: str, times: int, slept: list[float]) -> None:
        super().__init__(url, sleep=slept.append)
        self._left = times

    def _once(self, method: str, path: str, *rest: object) -> Answer:
        if method == "DELETE" and API in path and self._left:
            self._left -= 1
            return Answer(429, {"Retry-After": "7"}, b"", path)
        return super()._once(method, path, *rest)  # type: ignore[arg-type]


def test_a_registry_that_asks_for_patience_is_asked_again(stage: Stage) -> None:
    slept: list[float] = []
    stage.push("one", "1.0", "latest")
    stage.sync()

    removal = stage.remove("1.0", client=RegistryClient(Busy(stage.registry.url, 3, slept)))

    assert states(removal) == {"1.0": "deleted"}
    assert slept == [7.0, 7.0, 7.0]
    assert stage.pulls("latest")
