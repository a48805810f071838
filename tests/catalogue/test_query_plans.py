"""What computes sizes goes by indexes: a repository costs what is in it, however large the registry is around it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.records import Records
from webapp.catalogue import held, largest, sizes, space, tag_order, totals, untagged_marks
from webapp.removal import trash_space

LARGE = (
    "manifests",
    "manifest_descriptors",
    "repository_manifests",
    "tags",
    "m",
    "d",
    "r",
    "t",
    "child",
    "this",
    "same",
    "image",
    "subject",
)
VALUES = {
    "number": 20,
    "holding": "[]",
    "up_to": None,
    "repository": 1,
    "roots": "[1]",
    "new": "[1]",
    "manifests": "[]",
    "digests": "[]",
}


def plan_of(records: Records, statement: str) -> list[str]:
    with records.reading() as session:
        rows = session.execute(text(f"EXPLAIN QUERY PLAN {statement}"), VALUES if ":" in statement else {})
        return [row.detail for row in rows]


@pytest.mark.parametrize(
    "statement",
    [
        sizes._IMAGE_SIZES,
        sizes._WAITING,
        sizes._REMEMBER_REACHED,
        totals._REPOSITORY_SPACE,
        totals._LEFT_OUT,
        totals._REGISTRY_SPACE,
        totals._HELD_ONLY_BY,
        space._BY_OWNER,
        space._BY_NAMESPACE,
        held.HELD + largest._LAYERS,
        largest._REACHING,
        trash_space._GOING + trash_space._HELD_BY_TRASH,
        tag_order._OF_IMAGES,
        tag_order._ON_MANIFESTS,
        untagged_marks._MARK,
    ],
)
def test_no_table_that_grows_with_the_registry_is_walked(records: Records, statement: str) -> None:
    plan = plan_of(records, statement)
    assert any(line.startswith("SEARCH") for line in plan)
    walked = [line for line in plan if line.startswith("SCAN") and line.split()[1] in LARGE]
    assert walked == []
    assert [line for line in plan if "AUTOMATIC" in line and line.split()[1] in LARGE] == []
