"""Tags that are gone without a removal of ours: a person is asked before their blobs are collected."""

from __future__ import annotations

import pytest

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.maintenance.house import House, assert_read_write, failed_step
from webapp.activities.models import Outcome
from webapp.maintenance.models import Question, RunOutcome, StepName
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.remover import Remover
from webapp.removal.wanted import Wanted

ALL = 20


def some_tags(house: House, name: str, count: int) -> Built:
    """One image under that many tags; to delete it takes them all."""
    tags = tuple(f"{name}{number}" for number in range(count))
    return Pusher(house.keeper.url).push("team/api", image([layer(name)]), tags)


def push_and_run(house: House, doomed: int, others: int = 0) -> Built:
    """Twenty tags in all, and a run that has seen them; `others` are there already."""
    some_tags(house, "kept", ALL - doomed - others)
    built = some_tags(house, "doomed", doomed)
    row = house.run()
    assert (row.outcome, row.tags_seen) == (RunOutcome.SUCCEEDED, ALL)
    return built


def test_more_than_a_tenth_that_nobody_here_removed_is_asked_about(house: House) -> None:
    doomed = push_and_run(house, 3)
    house.delete(doomed)
    for _ in range(2):  # a run that did not begin is nothing to compare with
        row = house.run()
        assert (row.outcome, row.asks, failed_step(row)) == (
            RunOutcome.SKIPPED,
            Question.LOST_TAGS,
            StepName.COMPARE,
        )
        assert row.reason.startswith("3 of the 20 tags that the registry had at the last run are gone")
        assert house.activity_of(row).outcome == Outcome.KEPT
        assert house.has(doomed)
    assert house.keeper.started("collect") == 1
    assert_read_write(house)


def test_with_an_answer_the_run_goes_on_and_the_next_one_does_not_ask(house: House) -> None:
    doomed = push_and_run(house, 3)
    house.delete(doomed)
    house.agreed = frozenset({Question.LOST_TAGS})
    row = house.run()
    assert (row.outcome, row.agreed, row.asks) == (RunOutcome.SUCCEEDED, "lost-tags", "")
    assert not house.has(doomed)
    house.agreed = frozenset()
    assert house.run().outcome == RunOutcome.SUCCEEDED


def test_the_answer_to_another_question_is_no_answer(house: House) -> None:
    doomed = push_and_run(house, 3)
    house.delete(doomed)
    house.agreed = frozenset({Question.UPLOADS})
    assert house.run().asks == Question.LOST_TAGS


def test_a_tenth_may_be_gone(house: House) -> None:
    doomed = push_and_run(house, 2)
    house.delete(doomed)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(doomed)


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "beside some that others removed"])
def test_what_we_removed_is_not_lost(house: House, others: int) -> None:
    stranger = some_tags(house, "stranger", others) if others else None
    doomed = push_and_run(house, 10, others)
    wanted = Wanted("team/api", tuple(f"doomed{number}" for number in range(10)))
    maintainer = house.maintainer
    remover = Remover(maintainer.client, maintainer.reading, maintainer.writing, maintainer.now)
    plan = preview(remover, wanted).plan
    remove(remover, wanted, Agreement(plan.fingerprint, "key", "alice", "192.0.2.1"))
    if stranger:
        house.delete(stranger)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(doomed)
