"""A run from end to end: what it frees, what it leaves, what it writes down."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from demo.build import Built
from tests.maintenance.house import House, assert_read_write, fingerprint_of, pull
from webapp.activities.models import ActivityKind, Outcome
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.sync import sync
from webapp.maintenance.models import RunKind, RunOutcome, StepName, StepState
from webapp.maintenance.records import output_of
from webapp.maintenance.run import NoKeeper, run
from webapp.maintenance.states import STEPS
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal
from webapp.removal.remover import Remover
from webapp.removal.wanted import Wanted


def test_a_removal_and_a_run_free_exactly_the_bytes_that_leave_the_store(house: House, tmp_path: Path) -> None:
    house.push("kept", "kept")
    house.push("gone", "gone")
    maintainer = house.maintainer
    sync(Catalogue(maintainer.client, maintainer.reading, maintainer.writing, maintainer.now, maintainer.store))
    remover = Remover(maintainer.client, maintainer.reading, maintainer.writing, maintainer.now)
    agreed = Agreement(preview(remover, Wanted("team/api", ("gone",))).plan.fingerprint, "key", "alice", "192.0.2.1")
    removal_id = remove(remover, Wanted("team/api", ("gone",)), agreed)
    stored = house.stored_bytes()

    row = house.run()

    with house.reading() as session:
        predicted = session.get_one(Removal, removal_id).bytes_freed
    freed = stored - house.stored_bytes()
    assert freed > 0
    assert (row.outcome, row.bytes_freed, row.bytes_predicted) == (RunOutcome.SUCCEEDED, freed, freed)
    assert predicted == freed
    pull(house, "team/api:kept", tmp_path / "pulled")
    assert_read_write(house)


def test_what_was_collected_can_be_pushed_and_pulled_again(house: House, gone: Built, tmp_path: Path) -> None:
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)
    house.push("again", "gone")
    assert house.has(gone)
    pull(house, "team/api:again", tmp_path / "pulled")


def test_a_run_writes_down_its_steps_what_it_freed_and_what_the_collector_printed(house: House, gone: Built) -> None:
    row = house.run()
    assert [(step.name, step.state) for step in row.steps] == [
        (each.name, StepState.DONE) for each in STEPS[RunKind.COLLECT]
    ]
    assert all(step.proof and step.finished_at for step in row.steps)
    assert (row.blobs, row.manifests) == (3, 0)
    assert row.finished_at is not None
    assert row.seconds_without_push is not None
    assert 0 < row.seconds_without_push < (row.finished_at - row.started_at).total_seconds()
    with house.reading() as session:
        lines = output_of(session, row.id).splitlines()
    assert f"blob eligible for deletion: {gone.digest}" in lines
    assert house.registry_state().mode == RegistryMode.READ_WRITE


def test_the_activities_tell_of_a_run_in_one_line(house: House, gone: Built) -> None:
    row = house.run()
    activity = house.activity_of(row)
    assert (activity.kind, activity.outcome, activity.actor) == (ActivityKind.RUN_FINISHED, Outcome.DONE, "alice")
    assert activity.reason == f"Deleted 3 blobs ({row.bytes_freed:,} bytes)."


def test_a_run_with_nothing_to_collect_frees_nothing(house: House, kept: Built) -> None:
    row = house.run()
    assert (row.outcome, row.bytes_freed, row.blobs) == (RunOutcome.SUCCEEDED, 0, 0)


def test_a_dry_run_changes_nothing(house: House, gone: Built) -> None:
    writer, before = house.keeper.pid_of("writer"), fingerprint_of(house.keeper.store)
    answers: set[str] = set()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.add(requests.options(f"{house.keeper.url}/v2/x/manifests/x", timeout=5).headers["Allow"])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        row = house.run(RunKind.DRY_RUN)
    finally:
        over.set()
        asking.join()

    assert row.outcome == RunOutcome.SUCCEEDED
    assert fingerprint_of(house.keeper.store) == before
    assert house.keeper.pid_of("writer") == writer
    assert len(answers) == 1
    assert "PUT" in answers.pop()
    assert (row.bytes_freed, row.seconds_without_push) == (None, None)


def test_a_dry_run_predicts_what_a_run_frees(house: House, gone: Built) -> None:
    predicted = house.run(RunKind.DRY_RUN)
    assert [step.name for step in predicted.steps] == [StepName.PREFLIGHT, StepName.DRY_RUN, StepName.COMPARE]
    assert house.activity_of(predicted).reason.startswith("A collection would delete 3 blobs")
    row = house.run()
    assert (row.bytes_freed, row.blobs) == (predicted.bytes_predicted, predicted.blobs)
    assert row.bytes_freed


def test_without_a_store_the_sizes_are_those_that_the_catalogue_has_seen(house: House, kept: Built) -> None:
    house.has_store = False
    gone = house.push("gone")
    house.look()
    house.delete(gone)
    stored = house.stored_bytes()
    row = house.run()
    freed = stored - house.stored_bytes()
    assert freed > 0
    assert (row.outcome, row.bytes_predicted, row.bytes_freed) == (RunOutcome.SUCCEEDED, freed, freed)
    assert (row.blobs, row.blobs_of_unknown_size) == (3, 0)


def test_without_a_store_blobs_that_nobody_has_seen_are_counted_apart(house: House, gone: Built) -> None:
    house.has_store = False
    seen = house.push("seen")
    house.look()
    house.delete(seen)
    row = house.run()
    freed = row.bytes_freed
    assert (row.outcome, row.blobs, row.blobs_of_unknown_size) == (RunOutcome.SUCCEEDED, 6, 3)
    assert freed == row.bytes_predicted == sum(len(blob.raw) for blob in seen.blobs) + len(seen.raw)
    assert house.activity_of(row).reason == f"Deleted 6 blobs (at least {freed:,} bytes)."


def test_without_a_store_bytes_are_unknown_where_nobody_has_seen_anything(house: House, gone: Built) -> None:
    house.has_store = False
    row = house.run()
    assert (row.outcome, row.bytes_predicted, row.bytes_freed) == (RunOutcome.SUCCEEDED, None, None)
    assert (row.blobs, row.blobs_of_unknown_size) == (3, 3)
    assert house.activity_of(row).reason == "Deleted 3 blobs."


def test_without_a_keeper_there_is_no_run(house: House) -> None:
    maintainer = replace(house.maintainer, folder=None)
    with pytest.raises(NoKeeper):
        run(maintainer, RunKind.COLLECT, "alice", "192.0.2.1")


@pytest.mark.parametrize("mode", list(RegistryMode))
def test_a_run_ends_read_write_whatever_was_recorded_before(house: House, gone: Built, mode: RegistryMode) -> None:
    house.add(RegistryState(id=1, mode=mode, mode_sentence="As it was."))
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert_read_write(house)
    assert (house.registry_state().mode, house.registry_state().mode_sentence) == (RegistryMode.READ_WRITE, "")
