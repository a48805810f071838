"""Each fault of the matrix, injected for real: it ends as expected, and the four invariants hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from tests.faults.invariants import assert_invariants, assert_safe, no_collector_beside_a_writer
from tests.faults.matrix import EITHER, MATRIX, Row
from tests.faults.recovery import recover
from tests.faults.scene import Scene
from tests.maintenance.conftest import empty_records, house  # noqa: F401 fixtures
from tests.maintenance.house import House
from tests.maintenance.test_paused import all_rows
from webapp.maintenance.models import Hold, Run, RunOutcome


@pytest.fixture
def scene(house: House) -> Iterator[Scene]:  # noqa: F811
    house.speed = 10
    with ExitStack() as undo, ExitStack() as mend:
        yield Scene(house, mend, undo)


@pytest.mark.parametrize("row", MATRIX, ids=str)
def test_a_fault_ends_as_expected_and_the_invariants_hold(scene: Scene, row: Row) -> None:
    with no_collector_beside_a_writer(scene.house.keeper):
        row.how(scene)
        if row.alone:
            assert_safe(scene)
        recover(scene.house)
        assert_invariants(scene)
        assert_ended_as_expected(scene, row)
        assert_ended_once(scene.house)
        assert_goes_on_in_peace(scene)


def test_every_fault_has_a_row() -> None:
    faults = {f"F{number}" for number in (*range(1, 30), 38, 40, 41, 42)}
    of_ours = {*(f"H{number}" for number in range(1, 8)), "U1", "U2", "U3"}
    assert {row.number for row in MATRIX} == faults | of_ours
    assert len({str(row) for row in MATRIX}) == len(MATRIX)


def assert_ended_as_expected(scene: Scene, row: Row) -> None:
    last = last_of(scene.house, row.of)
    assert (last.outcome if last else None) == row.outcome, last.reason if last else "there is none"
    assert row.says in (last.reason if last else "")
    assert row.stays in (EITHER, scene.house.has(scene.gone))


def assert_ended_once(house: House) -> None:  # noqa: F811
    """To recover again changes nothing."""
    before = all_rows(house)
    recover(house)
    assert all_rows(house) == before


def assert_goes_on_in_peace(scene: Scene) -> None:
    """The fault is over: what was collected can be pushed again, and the next run succeeds and takes what is left."""
    scene.mend.close()
    scene.push(scene.gone, ["again"])
    late = scene.push_and_delete("late")
    assert scene.house.run().outcome == RunOutcome.SUCCEEDED
    assert not scene.house.has(late)
    assert_invariants(scene)


def last_of(house: House, kind: type[Run | Hold]) -> Run | Hold | None:  # noqa: F811
    """The last run, or the last hold."""
    with house.reading() as session:
        found: Run | Hold | None = session.scalars(select(kind).order_by(kind.id.desc()).limit(1)).first()
        return found
