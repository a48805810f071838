"""A collection, as it goes when nothing goes wrong, with each of the three values of `reads`."""

from __future__ import annotations

import re

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, is_read_only, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Kind, Phase, Reads

SUMMARY = re.compile(r"\d+ blobs marked, 3 blobs and 0 manifests eligible for deletion")


def test_it_serves_read_write_and_says_what_it_is(empty: KeeperProcess) -> None:
    state = empty.state()
    assert accepts_writes(empty.url)
    assert (state.phase, state.token, state.kind, state.sentence) == (Phase.SERVING, None, None, "")
    assert state.boot_id == orders.this_boot_id()
    assert re.search(r" v?\d+\.\d+\.\d+", state.registry_version)
    assert state.address == f"127.0.0.1:{empty.port}"
    assert state.reads_address == f"127.0.0.1:{empty.reads_port}"


def test_it_names_the_variables_of_the_registry_but_not_their_values(unstarted: KeeperProcess) -> None:
    unstarted.environment = {"REGISTRY_HTTP_SECRET": "not to be seen"}
    unstarted.start()
    assert "REGISTRY_HTTP_SECRET" in unstarted.state().variables
    assert "not to be seen" not in (unstarted.folder / "state").read_text()


@pytest.mark.parametrize("reads", list(Reads))
def test_a_collection_frees_the_space_and_the_registry_is_read_write_again(keeper: KeeperProcess, reads: Reads) -> None:
    result = keeper.collect(reads)
    assert (result.ended, result.exit_code, result.reason) == (Ended.DONE, 0, "")
    assert accepts_writes(keeper.url)
    assert any(SUMMARY.fullmatch(line) for line in orders.output_lines(keeper.folder))
    assert len(list(keeper.store.glob("docker/registry/v2/blobs/sha256/*/*"))) == 3
    keeper.wait_for_phase(Phase.SERVING)
    wait_for(lambda: [each.role for each in keeper.processes()] == ["writer"], "only the writer is left")


def test_a_result_says_when_each_phase_began(keeper: KeeperProcess) -> None:
    began = keeper.collect().began
    assert list(began) == ["preparing", "draining", "holding", "collecting", "returning", "serving"]
    assert sorted(began.values()) == list(began.values())


def test_with_same_the_registry_answers_read_only_on_its_own_address(keeper: KeeperProcess) -> None:
    keeper.order(reads=Reads.SAME)
    keeper.wait_for_phase(Phase.HOLDING)
    assert is_read_only(keeper.url)
    assert requests.get(f"{keeper.url}/v2/team/api/manifests/kept", timeout=5).status_code in (200, 404)


def test_with_own_it_answers_read_only_on_the_address_for_reads(keeper: KeeperProcess) -> None:
    keeper.order(reads=Reads.OWN)
    keeper.wait_for_phase(Phase.HOLDING)
    assert is_read_only(keeper.reads_url)
    assert [each.role for each in keeper.processes()] == ["reader"]


def test_with_none_nothing_answers(keeper: KeeperProcess) -> None:
    keeper.order(reads=Reads.NONE)
    keeper.wait_for_phase(Phase.HOLDING)
    assert keeper.processes() == []


def test_a_dry_run_goes_beside_the_registry_and_changes_nothing(keeper: KeeperProcess) -> None:
    before = sorted(keeper.store.rglob("*"))
    writer = keeper.pid_of("writer")
    held = keeper.tell("hold", "garbage-collect")
    token = keeper.order(Kind.DRY_RUN)
    wait_for(lambda: bool(keeper.processes("dry-run")), "the dry run is started")
    assert accepts_writes(keeper.url)
    state = keeper.state()
    assert (state.phase, state.token, state.kind) == (Phase.SERVING, token, Kind.DRY_RUN)
    held.unlink()
    assert keeper.result(token).ended is Ended.DONE
    assert any(SUMMARY.fullmatch(line) for line in orders.output_lines(keeper.folder))
    assert sorted(keeper.store.rglob("*")) == before
    assert keeper.pid_of("writer") == writer


def test_the_collector_is_never_told_to_delete_untagged_manifests(keeper: KeeperProcess) -> None:
    seen = keeper.home / "seen"
    keeper.binary.write_text(keeper.binary.read_text().replace("exec", f'echo "$@" >>{seen}\nexec', 1))
    keeper.collect()
    keeper.result(keeper.order(Kind.DRY_RUN))
    collectors = [line for line in seen.read_text().splitlines() if line.startswith("garbage-collect")]
    assert collectors == [f"garbage-collect {keeper.config}", f"garbage-collect --dry-run {keeper.config}"]


def test_what_was_deleted_can_be_pushed_again_after_a_collection(keeper: KeeperProcess) -> None:
    keeper.collect()
    again = Pusher(keeper.url).push("team/api", image([layer("gone")]), ["again"])
    found = requests.get(f"{keeper.url}/v2/team/api/manifests/again", headers={"Accept": again.media_type}, timeout=5)
    assert found.content == again.raw
    for blob in again.blobs:
        assert requests.get(f"{keeper.url}/v2/team/api/blobs/{blob.digest}", timeout=5).content == blob.raw
