"""A process is killed at each moment while it takes one tag away: the tag is gone, or where it was; the records say which."""

from __future__ import annotations

import pytest

from demo.build import Built
from tests.removal.killed import let_the_lease_run_out, look_up, removed_by_one_that_dies
from tests.removal.stage import API, Stage, stand_ins, states, wanted
from tests.removal.watching import all_pull
from webapp.removal.models import Removal

MORE_THAN_ALL_MOMENTS = 60
SIBLINGS = {"latest", "1"}


def round_of(stage: Stage, built: Built, moment: int) -> bool:
    """Remove 1.0, be killed at a moment, and check what is there and what was written; whether it lived."""
    stage.retag("1.0", built)
    stage.sync()
    recorded, told = len(stage.removals()), len(stage.activities())

    lived = removed_by_one_that_dies(stage, wanted("1.0"), moment)
    look_up(stage)

    new = stage.removals()[recorded:]
    assert len(new) <= 1
    assert stand_ins(stage) == []
    assert stage.tags() - {"1.0"} == SIBLINGS
    assert all_pull(stage, SIBLINGS)
    assert stage.catalogued() == stage.tags()
    if "1.0" in stage.tags():
        assert stage.client.get_manifest(API, "1.0").raw == built.raw
        assert stage.pulls("1.0")
    assert_told(stage, new, stage.activities()[told:])
    return lived


def assert_told(stage: Stage, new: list[Removal], told: list[tuple[str | None, str, str]]) -> None:
    """The records say once, and truly, what became of the tag."""
    is_there = stage.has("1.0")
    if not new:
        assert (is_there, told) == (True, [])
        return
    (removal,) = new
    assert [(tag, outcome) for tag, outcome, _ in told] == [("1.0", "failed" if is_there else "done")]
    assert states(removal) == {"1.0": "failed" if is_there else "deleted"}
    assert removal.state == ("failed" if is_there else "done")
    if is_there:
        assert told[0][2] == "The removal was interrupted before this was deleted; it is still there."


@pytest.mark.parametrize("half", [0, 1])
def test_killed_at_any_moment_the_tag_is_gone_or_where_it_was(stage: Stage, half: int) -> None:
    built = stage.push("one", *SIBLINGS)
    ends = []
    for moment in range(1 + half, MORE_THAN_ALL_MOMENTS, 2):
        lived = round_of(stage, built, moment)
        ends.append("1.0" in stage.tags())
        if ends[-1]:
            assert states(stage.remove("1.0")) == {"1.0": "deleted"}
        if lived:
            break
    else:
        pytest.fail("the removal has no end")
    assert ends[0]
    assert not ends[-1]
    assert ends == sorted(ends, reverse=True)


def test_a_second_removal_looks_up_what_the_killed_one_left(stage: Stage) -> None:
    """Without waiting for anybody: who removes something looks up first what was left open in the repository."""
    stage.push("one", *SIBLINGS, "1.0")
    stage.push("two", "2.0")
    stage.sync()
    for moment in range(1, MORE_THAN_ALL_MOMENTS):
        removed_by_one_that_dies(stage, wanted("1.0"), moment)
        let_the_lease_run_out(stage)
        if stand_ins(stage):
            break

    assert states(stage.remove("2.0")) == {"2.0": "deleted"}

    assert stand_ins(stage) == []
    assert stage.tags() == SIBLINGS
    assert [states(each) for each in stage.removals()[-2:]] == [{"1.0": "deleted"}, {"2.0": "deleted"}]
