"""Where the collector and the registry disagree nothing is collected; what happens meanwhile is no disagreement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    in_background,
    proof_of,
    pull,
)
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import wait_for
from webapp.maintenance.models import Run, RunOutcome, StepName

REPOSITORIES = "docker/registry/v2/repositories"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RegistryProcess]:
    """Another registry with another store."""
    with RegistryProcess(tmp_path / "other") as process:
        yield process


def assert_disagreement(house: House, row: Run, sentence: str) -> None:
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COMPARE)
    assert row.reason.startswith("The collector and the registry disagree, so nothing is collected: ")
    assert sentence in row.reason
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_tagged_manifest_that_the_collector_does_not_find_stops_the_run(house: House, kept: Built) -> None:
    house.keeper.tell("edit", "dry-run", f"/marking manifest {kept.digest}/d")
    assert_disagreement(house, house.run(), f"team/api@{kept.digest} was not found by the collector")


def test_a_manifest_that_would_be_deleted_stops_the_run(house: House, kept: Built, gone: Built) -> None:
    house.keeper.tell(
        "edit", "dry-run", f"s/eligible for deletion: {gone.digest}/eligible for deletion: {kept.digest}/"
    )
    assert_disagreement(house, house.run(), f"team/api@{kept.digest} would be deleted")


@pytest.mark.parametrize("which", [0, 1], ids=["configuration", "layer"])
def test_a_manifest_that_would_lose_a_blob_stops_the_run(house: House, kept: Built, gone: Built, which: int) -> None:
    needed = kept.blobs[which].digest
    house.keeper.tell("edit", "dry-run", f"s/eligible for deletion: {gone.digest}/eligible for deletion: {needed}/")
    assert_disagreement(house, house.run(), f"team/api@{kept.digest} would lose {needed}")


def test_an_untagged_child_that_would_be_deleted_stops_the_run(house: House, gone: Built) -> None:
    child = image([layer("child")])
    Pusher(house.keeper.url).push_index("team/api", [child], ["index"])
    house.keeper.tell(
        "edit", "dry-run", f"s/eligible for deletion: {gone.digest}/eligible for deletion: {child.digest}/"
    )
    row = house.run()
    assert_disagreement(house, row, f"team/api@{child.digest} would be deleted")
    assert f"would lose {child.digest}" in row.reason


def test_of_many_disagreements_some_are_named(house: House, kept: Built) -> None:
    for number in range(6):
        house.push(f"v{number}")
    house.keeper.tell("edit", "dry-run", "/marking manifest/d")
    row = house.run()
    assert_disagreement(house, row, "; and 2 more.")
    assert row.reason.count("was not found by the collector") == 5


def test_the_keeper_of_another_registry_is_found_out(house: House, gone: Built, other: RegistryProcess) -> None:
    theirs = Pusher(other.url).push("team/web", image([layer("theirs")]), ["latest"])
    house.client_url, house.has_store = other.url, False
    row = house.run()
    assert row.outcome in (RunOutcome.SKIPPED, RunOutcome.FAILED)
    assert failed_step(row) in (StepName.PREFLIGHT, StepName.COMPARE)
    assert "team/web" in row.reason
    if failed_step(row) == StepName.COMPARE:
        assert_disagreement(house, row, f"team/web@{theirs.digest} was not found by the collector")
    assert_nothing_was_collected(house, row)
    assert house.has(gone)


def test_what_was_deleted_behind_our_back_is_no_disagreement(house: House, kept: Built) -> None:
    house.has_store = False  # so that the catalogue cannot know
    house.push("moved", "first")
    house.look()
    first = image([layer("first")])
    house.push("moved", "second")
    house.delete(first)
    row = house.run()
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 3)
    assert not house.has(first)


def test_what_is_deleted_between_dry_run_and_comparison_is_no_disagreement(house: House, kept: Built) -> None:
    late = house.push("late")
    house.look()
    house.at[StepName.COMPARE] = lambda: house.delete(late)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(late)


def test_what_is_pushed_in_the_dry_run_is_no_disagreement_and_is_kept(
    house: House, gone: Built, tmp_path: Path
) -> None:
    house.look()
    linger = house.keeper.tell("linger", "dry-run")
    pushed: list[Built] = []

    def push_later() -> None:
        output = house.keeper.folder / "output"
        wait_for(lambda: output.exists() and "eligible for deletion" in output.read_text(), "it has looked")
        pushed.append(house.push("late"))
        linger.unlink()

    house.at[StepName.DRY_RUN] = lambda: in_background(push_later)
    row = house.run()
    assert row.outcome == RunOutcome.SUCCEEDED
    assert proof_of(row, StepName.COMPARE).endswith("any of the 1 manifests in the catalogue.")
    assert pushed
    pull(house, "team/api:late", tmp_path / "pulled")


def spoil_the_tag(house: House) -> None:
    """As a full disk leaves it: the registry cannot say what the tag means."""
    (house.keeper.store / REPOSITORIES / "team/api/_manifests/tags/kept/current/link").write_text("")


def test_a_repository_that_cannot_be_read_keeps_a_run_from_beginning(house: House, gone: Built) -> None:
    house.has_store = False
    spoil_the_tag(house)
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.SKIPPED, StepName.PREFLIGHT)
    assert row.reason == "The registry could not be read completely. team/api"
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_repository_that_cannot_be_read_any_more_stops_the_run(house: House, gone: Built) -> None:
    house.at[StepName.COMPARE] = lambda: spoil_the_tag(house)
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COMPARE)
    assert row.reason == "The registry could not be read completely. team/api"
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_a_repository_without_layers_is_refused_by_the_keeper(house: House, gone: Built) -> None:
    house.push("kept", "lost", repository="team/lost")
    layers = house.keeper.store / REPOSITORIES / "team/lost/_layers"
    layers.rename(layers.parent / "_moved")
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.DRY_RUN)
    assert row.reason == "The repository team/lost has tags but no _layers."
    assert house.keeper.started("dry-run") == 0
    assert_nothing_was_collected(house, row)
    assert_read_write(house)
