"""One removal at a time in a repository, and one for a dialog, however often its button is pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier, Event

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.removal.stage import API, Meddler, Stage, agreed_to, build, once, states, steps
from webapp.leases import LeaseRow, boottime, held, take
from webapp.registry.client import RegistryClient
from webapp.removal.execute import preview, remove
from webapp.removal.recovery import recover
from webapp.removal.remover import RemovalUnderWay, Remover, lease_name
from webapp.removal.wanted import Wanted

PATIENCE_S = 20


def test_pressing_twice_is_one_removal(stage: Stage) -> None:
    stage.push("one", "1.0")
    looked = stage.look("1.0")

    first = stage.press(looked, key="this dialog")
    again = stage.press(looked, key="this dialog")

    assert first.id == again.id
    assert len(stage.removals()) == len(stage.activities()) == 1


def test_pressing_again_while_it_is_carried_out_shows_the_same_removal(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    looked = stage.look("1.0")
    seen: list[int] = []
    meddler = Meddler(client)
    meddler.before_delete = lambda _: seen.append(stage.press(looked, key="this dialog").id)

    removal = stage.press(looked, meddler, key="this dialog")

    assert seen == [removal.id]
    assert len(stage.removals()) == 1


def test_many_presses_at_once_are_one_removal(stage: Stage) -> None:
    stage.push("one", "1.0")
    looked = stage.look("1.0")
    together = Barrier(6)

    def press(_: int) -> int | None:
        together.wait(PATIENCE_S)
        try:
            return stage.press(looked, key="this dialog").id
        except RemovalUnderWay:
            return None  # it had not come as far as its intent

    with ThreadPoolExecutor(6) as executor:
        ids = set(executor.map(press, range(6))) - {None}

    assert len(ids) == len(stage.removals()) == len(stage.activities()) == 1
    assert states(stage.removals()[0]) == {"1.0": "deleted"}


def test_two_browsers_that_agree_to_the_same_delete_it_once(stage: Stage) -> None:
    stage.push("one", "1.0")
    first, second = stage.look("1.0"), stage.look("1.0")

    stage.press(first)
    with pytest.raises(Exception, match="this changed since you looked"):
        stage.press(second)

    assert stage.activities() == [("1.0", "done", "")]


def test_a_second_removal_in_the_same_repository_has_to_wait(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    stage.push("two", "2.0")
    one, two = stage.look("1.0"), stage.look("2.0")
    refused = Event()
    meddler = Meddler(client)

    def press_the_other(_: str) -> None:
        with pytest.raises(RemovalUnderWay):
            stage.press(two)
        refused.set()

    meddler.before_delete = press_the_other

    stage.press(one, meddler)

    assert refused.is_set()
    assert stage.tags() == {"2.0"}
    assert states(stage.press(two)) == {"2.0": "deleted"}


def test_removals_in_two_repositories_do_not_wait_for_each_other(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    stage.pusher.push("team/web", build("one"), ["1.0"])
    other = preview(stage.remover, Wanted("team/web", ("1.0",)))
    meddler = Meddler(client)
    meddler.before_delete = once(lambda: stage.press(other))

    stage.press(stage.look("1.0"), meddler)

    assert stage.tags() == stage.tags("team/web") == set()


def lose_the_lease(stage: Stage) -> None:
    """What a process finds that was stopped for longer than its lease."""
    with stage.records.writing() as session:
        session.execute(update(LeaseRow).values(ends_boottime_s=boottime() - 1))
    with stage.records.writing() as session:
        take(session, lease_name(API), "somebody else")


def give_the_lease_back(stage: Stage) -> None:
    with stage.records.writing() as session:
        session.execute(update(LeaseRow).values(ends_boottime_s=boottime() - 1))


def test_a_removal_that_lost_its_lease_changes_nothing_more(stage: Stage, client: RegistryClient) -> None:
    for name in ("one", "two", "three"):
        stage.push(name, f"{name}.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: lose_the_lease(stage))

    removal = stage.press(stage.look(), meddler)

    assert len(meddler.deleted) == 1
    assert removal.state == "open"
    assert set(steps(removal).values()) == {"intended"}
    assert len(stage.tags()) == 2


def test_a_removal_that_lost_its_lease_before_the_first_step_deletes_nothing(
    stage: Stage, client: RegistryClient
) -> None:
    stage.push("one", "1.0")
    meddler = Meddler(client)

    removal = stage.press(stage.look("1.0"), meddler, started=lambda _: lose_the_lease(stage))

    assert (removal.state, meddler.deleted) == ("open", [])
    assert stage.pulls("1.0")


def test_what_lost_its_lease_is_looked_up_by_the_next(stage: Stage, client: RegistryClient) -> None:
    for name in ("one", "two", "three"):
        stage.push(name, f"{name}.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: lose_the_lease(stage))
    stage.press(stage.look(), meddler)

    recover(stage.remover)
    assert stage.removals()[0].state == "open", "somebody else holds the repository"

    give_the_lease_back(stage)
    recover(stage.remover)

    assert sorted(states(stage.removals()[0]).values()) == ["deleted", "failed", "failed"]
    assert stage.removals()[0].state == "partly"


def test_what_somebody_else_deleted_before_its_step_began_is_already_gone(stage: Stage, client: RegistryClient) -> None:
    built = stage.push("one", "1.0")
    stage.press(stage.look("1.0"), started=lambda _: lose_the_lease(stage))
    client.delete_manifest(API, built.digest)
    give_the_lease_back(stage)

    recover(stage.remover)

    assert states(stage.removals()[0]) == {"1.0": "already-gone"}
    assert stage.activities() == [("1.0", "already_gone", "")]


def test_the_next_removal_first_ends_the_record_of_an_interrupted_one(stage: Stage, client: RegistryClient) -> None:
    for name in ("one", "two", "three"):
        stage.push(name, f"{name}.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: lose_the_lease(stage))
    stage.press(stage.look(), meddler)
    give_the_lease_back(stage)

    removal = stage.remove()

    first, second = stage.removals()
    assert second.id == removal.id
    assert sorted(states(first).values()) == ["deleted", "failed", "failed"]
    assert set(states(second).values()) == {"deleted"}
    assert sorted(outcome for _, outcome, _ in stage.activities()) == ["done", "done", "done", "failed", "failed"]


def test_a_removal_under_way_is_not_looked_up_by_others(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    meddler = Meddler(client)
    meddler.before_delete = once(lambda: recover(stage.remover))

    removal = stage.press(stage.look("1.0"), meddler)

    assert states(removal) == {"1.0": "deleted"}


def late(stage: Stage, first: Callable[[], object]) -> Remover:
    """Who is overtaken before the first write: `first` happens before the lease is theirs."""
    overtaken = once(first)

    @contextmanager
    def writing() -> Iterator[Session]:
        overtaken()
        with stage.records.writing() as session:
            yield session

    return replace(stage.remover, writing=writing)


def test_a_press_that_is_overtaken_by_another_shows_the_same_removal(stage: Stage) -> None:
    stage.push("one", "1.0")
    agreement = agreed_to(stage.look("1.0"), "this dialog")

    overtaken = late(stage, lambda: remove(stage.remover, Wanted(API, ("1.0",)), agreement))
    removal_id = remove(overtaken, Wanted(API, ("1.0",)), agreement)

    assert [each.id for each in stage.removals()] == [removal_id]


def test_a_removal_that_ended_in_the_meantime_is_not_looked_up(stage: Stage, client: RegistryClient) -> None:
    """It was open when its number was read, and has ended when the lease is free: its tag may be there again."""
    built = stage.push("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.before_delete = once(lambda: lose_the_lease(stage))
    stage.press(stage.look("1.0"), meddler)
    give_the_lease_back(stage)

    recover(late(stage, lambda: (recover(stage.remover), stage.push("one", "1.0"), stage.sync())))

    assert states(stage.removals()[0]) == {"1.0": "deleted"}
    assert stage.catalogued() == {"1.0"}
    assert stage.pulls(built.digest)


def test_the_lease_is_free_after_a_removal(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.remove("1.0")

    with held(stage.records.writing, lease_name(API)):
        pass
