"""The proof by a push: a small image comes and goes, and its repository stays without a tag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.build import Built
from tests.maintenance.house import House, a_client, assert_read_write, failed_step, proof_of
from tests.registry_process import RegistryProcess
from webapp.maintenance.models import RunOutcome, StepName
from webapp.maintenance.proofs import ProofFailed, prove_push

PROBES = "holystone/probe"
PROVED = "holystone/probe:probe was pushed, pulled and deleted."


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RegistryProcess]:
    """Another registry, read-write."""
    with RegistryProcess(tmp_path / "other") as process:
        yield process


def tags_at(url: str) -> list[str]:
    answer = requests.get(f"{url}/v2/{PROBES}/tags/list", timeout=5)
    return answer.json().get("tags") or [] if answer.ok else []


def test_it_can_be_proved_again_and_again_and_no_tag_stays(other: RegistryProcess) -> None:
    for _ in range(2):
        assert prove_push(a_client(other.url), PROBES) == PROVED
        assert tags_at(other.url) == []


def test_each_push_brings_bytes_that_the_registry_does_not_have(other: RegistryProcess) -> None:
    blobs = []
    for _ in range(2):
        prove_push(a_client(other.url), PROBES)
        blobs.append(len(list((other.store / "docker/registry/v2/blobs").rglob("data"))))
    assert blobs[1] == 2 * blobs[0]


def test_where_the_registry_is_read_only_it_says_so(other: RegistryProcess) -> None:
    other.restart(read_only=True)
    with pytest.raises(
        ProofFailed, match=r"holystone/probe:probe could not be pushed, pulled and deleted: .*read-only"
    ):
        prove_push(a_client(other.url), PROBES)


def test_runs_prove_it_and_free_exactly_what_they_foretell(house: House, gone: Built) -> None:
    house.probe_repository = PROBES
    for expected in (3, 2, 2):
        stored = house.stored_bytes()
        row = house.run()
        assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, expected)
        assert row.bytes_freed == row.bytes_predicted
        assert proof_of(row, StepName.PROVE_READ_WRITE).endswith(PROVED)
        assert tags_at(house.keeper.url) == []
        assert house.stored_bytes() < stored + row.bytes_freed
    assert_read_write(house)


def test_a_push_that_does_not_work_is_a_failed_run_on_a_registry_that_takes_writes(house: House, gone: Built) -> None:
    house.probe_repository = PROBES
    folder = house.keeper.store / "docker/registry/v2/repositories/holystone"
    house.at[StepName.PROVE_READ_WRITE] = lambda: folder.write_text("in the way")
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.PROVE_READ_WRITE)
    assert "The registry takes writes again, but holystone/probe:probe could not be pushed" in row.reason
    assert not house.has(gone)
    assert_read_write(house)
