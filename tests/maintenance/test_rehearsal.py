"""The dry run of a run: what it finds, and how often it is tried."""

from __future__ import annotations

import pytest

from demo.build import Built
from tests.maintenance.house import House, assert_nothing_was_collected, assert_read_write, failed_step, proof_of
from webapp.maintenance.models import RunKind, RunOutcome, StepName
from webapp.maintenance.records import output_of


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_dry_run_that_fails_once_is_repeated(house: House, gone: Built, kind: RunKind) -> None:
    house.keeper.tell("once", "dry-run")
    row = house.run(kind)
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 3)
    assert house.keeper.started("dry-run") == 2
    assert house.keeper.log.read_text().count("(dry-run): failed.") == 1


def test_a_dry_run_is_tried_three_times_and_not_more(house: House, gone: Built) -> None:
    house.keeper.tell("fail", "dry-run")
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.DRY_RUN)
    assert row.reason.endswith("It was tried 3 times.")
    assert house.keeper.started("dry-run") == 3
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_dry_run_writes_down_what_it_found(house: House, gone: Built) -> None:
    row = house.run(RunKind.DRY_RUN)
    size = sum(len(blob.raw) for blob in gone.blobs) + len(gone.raw)
    assert (row.blobs, row.manifests, row.bytes_predicted, row.blobs_of_unknown_size) == (3, 0, size, 0)
    assert (row.blobs_marked, row.manifests_marked) == (3, 1)
    assert row.dry_run_s is not None
    assert row.dry_run_s > 0
    assert proof_of(row, StepName.DRY_RUN).startswith(f"A collection would delete 3 blobs, {size:,} bytes")
    with house.reading() as session:
        assert f"blob eligible for deletion: {gone.digest}" in output_of(session, row.id).splitlines()


def test_a_dry_run_counts_what_it_cannot_measure(house: House, gone: Built) -> None:
    house.has_store = False
    row = house.run(RunKind.DRY_RUN)
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 3)
    assert (row.bytes_predicted, row.blobs_of_unknown_size) == (None, 3)
