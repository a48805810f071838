"""A process that deletes into the trash, or restores, is killed at any moment: nothing is lost, and the records are true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.removal.killed import look_up, removed_by_one_that_dies, restored_by_one_that_dies
from tests.removal.stage import API, Stage, stand_ins, wanted
from tests.removal.trashing import RETENTION
from webapp.activities.models import Activity, Outcome
from webapp.removal.trash_models import TrashItem, TrashState

MOST_MOMENTS = 60
TAGS = ("1.0", "2.0", "signed")


@pytest.fixture
def trash(stage: Stage) -> Stage:
    """Three tags, of which one is an index, and a signature; the clock is the real one, as the process's is."""
    stage.push_index("an index", "1.0")
    stage.push("an image", "2.0")
    stage.pusher.sign(API, stage.push("signed", "signed"))
    return replace(stage, retention=RETENTION)


def on(trash: Stage) -> dict[str, str]:
    """Every tag, with its digest."""
    return {tag: trash.client.head_manifest(API, tag).digest for tag in trash.tags()}


def check_the_records(trash: Stage, before: dict[str, str]) -> None:
    """Each tag is where its item says, no activity is open, and everything is there to be pulled."""
    now_on = on(trash)
    latest: dict[str, TrashItem] = {item.tag: item for item in trash.items()}
    for tag, digest in before.items():
        in_trash = tag in latest and latest[tag].state == TrashState.IN_TRASH
        assert now_on.get(tag) == (None if in_trash else digest), tag
        assert trash.pulls(digest)
    with trash.records.reading() as session:
        assert Outcome.UNKNOWN not in set(session.scalars(select(Activity.outcome)))
    assert not {item.state for item in trash.items()} & {TrashState.ENTERING, TrashState.RESTORING}
    assert not stand_ins(trash)


def test_a_removal_into_the_trash_may_be_killed_at_any_moment(trash: Stage) -> None:
    before = on(trash)
    for moment in range(1, MOST_MOMENTS, 2):
        trash.sync()
        survived = removed_by_one_that_dies(trash, wanted(*TAGS), moment, retention=RETENTION)
        look_up(trash)
        check_the_records(trash, before)
        trash.restore()
        assert on(trash) == before
        if survived:
            return
    pytest.fail("it never came to its end")


def test_a_restore_may_be_killed_at_any_moment(trash: Stage) -> None:
    before = on(trash)
    for moment in range(1, MOST_MOMENTS):
        trash.sync()
        trash.remove(*TAGS)
        ids = [item.id for item in trash.items() if item.state == TrashState.IN_TRASH]
        survived = restored_by_one_that_dies(trash, ids, moment)
        look_up(trash)
        check_the_records(trash, before)
        trash.restore()
        assert on(trash) == before
        if survived:
            return
    pytest.fail("it never came to its end")
