"""A collector that fails, hangs or is killed in the middle: what is left is whole, and can be collected later."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.maintenance.house import (
    BLOBS,
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    in_background,
    pull,
)
from tests.runtime.keeper_process import wait_for
from webapp.maintenance.models import RunOutcome, StepName
from webapp.maintenance.store_files import blob_sizes

MANY = 1500  # more than fit into a pipe that nobody reads, as lines of the collector
SIZE = 10


def litter(house: House) -> None:
    """Blobs that nobody refers to."""
    for number in range(MANY):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        blob = house.keeper.store / BLOBS / "sha256" / name[:2] / name
        blob.mkdir(parents=True)
        (blob / "data").write_bytes(b"x" * SIZE)


def count_blobs(house: House) -> int:
    return len(blob_sizes(house.keeper.store) or {})  # it bears that folders vanish


def empty_link_of(house: House, built: Built) -> None:
    """What a full disk leaves; the collector stops at it."""
    revisions = house.keeper.store / "docker/registry/v2/repositories/team/api/_manifests/revisions"
    (revisions / built.digest.replace(":", "/") / "link").write_text("")


def test_an_empty_link_is_found_and_named_before_anything_is_done(house: House, gone: Built) -> None:
    untagged = Pusher(house.keeper.url).push("team/api", image([layer("untagged")]))
    empty_link_of(house, untagged)
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.SKIPPED, StepName.PREFLIGHT)
    assert f"team/api, manifest {untagged.digest}: its link is empty" in row.reason
    assert house.keeper.started("dry-run") == 0
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


@pytest.mark.parametrize("has_store", [True, False], ids=["found by a look", "found by the collector"])
def test_an_empty_link_ends_the_dry_run_and_nothing_is_collected(house: House, gone: Built, has_store: bool) -> None:
    house.has_store = has_store
    untagged = Pusher(house.keeper.url).push("team/api", image([layer("untagged")]))
    house.at[StepName.DRY_RUN] = lambda: empty_link_of(house, untagged)
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.DRY_RUN)
    assert row.reason.startswith("The collector ended with exit code 1. failed to garbage collect: failed to mark")
    assert row.reason.endswith("It was tried 3 times.")
    assert house.keeper.started("dry-run") == 3
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_collector_that_fails_in_its_sweep_is_a_failed_run_that_says_what_is_gone(house: House, gone: Built) -> None:
    house.keeper.tell("spoil", "collect")
    stored = house.stored_bytes()
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COLLECT)
    assert row.reason == "The collector ended with exit code 1. failed to remove blob: as told"
    assert row.bytes_freed == stored - house.stored_bytes() > 0
    assert_read_write(house)


@pytest.fixture
def undeletable(house: House, gone: Built) -> Iterator[Path]:
    """A blob of the image that is gone, which nobody can delete."""
    digest = gone.digest.partition(":")[2]
    data = house.keeper.store / BLOBS / "sha256" / digest[:2] / digest / "data"
    program = shutil.which("chattr")
    if not program or subprocess.run([program, "+i", data], capture_output=True, check=False).returncode:
        pytest.skip("chattr cannot make a file here that nobody can delete")
    yield data
    if data.exists():
        subprocess.run([program, "-i", data], check=True)


def test_a_blob_that_cannot_be_deleted_fails_the_run_and_the_rest_goes_with_the_next(
    house: House, gone: Built, undeletable: Path
) -> None:
    stored = house.stored_bytes()
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.COLLECT)
    assert "operation not permitted" in row.reason
    assert row.bytes_freed == stored - house.stored_bytes()
    assert undeletable.exists()
    assert_read_write(house)

    subprocess.run(["chattr", "-i", undeletable], check=True)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(gone)


def test_a_collector_that_is_killed_in_its_sweep_leaves_the_rest_to_the_next_run(
    house: House, gone: Built, tmp_path: Path
) -> None:
    litter(house)
    before, stored = count_blobs(house), house.stored_bytes()
    choke = house.keeper.tell("choke", "collect")

    def kill_in_the_middle() -> None:
        wait_for(lambda: count_blobs(house) < before, "the sweep has begun")
        os.killpg(house.keeper.pid_of("collector"), signal.SIGKILL)
        choke.unlink()

    house.at[StepName.COLLECT] = lambda: in_background(kill_in_the_middle)
    first = house.run()
    assert (first.outcome, failed_step(first)) == (RunOutcome.FAILED, StepName.COLLECT)
    assert first.reason == "The collector ended with exit code -9."
    left = house.stored_bytes()
    assert first.bytes_freed == stored - left
    assert 0 < stored - left < MANY * SIZE
    assert_read_write(house)

    house.push("again", "gone")
    pull(house, "team/api:again", tmp_path / "again")
    second = house.run()
    assert second.outcome == RunOutcome.SUCCEEDED
    assert count_blobs(house) == 6
    pull(house, "team/api:again", tmp_path / "later")
    pull(house, "team/api:kept", tmp_path / "kept")


def test_a_collector_that_hangs_in_its_sweep_is_ended_at_the_deadline(house: House, gone: Built) -> None:
    litter(house)
    house.longest_s = 2
    house.keeper.tell("choke", "collect")
    before = count_blobs(house)
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.FAILED, "2 seconds were over.")
    assert 0 < count_blobs(house) < before
    assert row.bytes_freed
    assert_read_write(house)


def test_a_push_that_straddles_a_run_is_refused_until_it_is_whole(house: House, gone: Built, tmp_path: Path) -> None:
    late = image([layer("late")])
    pusher = Pusher(house.keeper.url)
    for blob in late.blobs:
        pusher.push_blob("team/api", blob)
    refused: list[int] = []

    def push_meanwhile() -> None:
        url = f"{house.keeper.url}/v2/team/api/manifests/late"
        refused.append(
            requests.put(url, data=late.raw, headers={"Content-Type": late.media_type}, timeout=5).status_code
        )

    house.at[StepName.PROVE_READ_ONLY] = push_meanwhile
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert refused == [405]
    with pytest.raises(requests.HTTPError) as afterwards:
        pusher.put_manifest("team/api", "late", late)
    assert afterwards.value.response.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    house.push("late")
    pull(house, "team/api:late", tmp_path / "late")
