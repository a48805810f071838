"""What clients notice: pulls that go on, uploads that end well, and nothing that is accepted and then dropped."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable

import pytest
import requests

from demo.build import OCI_MANIFEST, digest_of, image, layer
from demo.push import Pusher
from tests.runtime.keeper_process import KEEPER, PYTHON, KeeperProcess, accepts_writes, is_read_only, wait_for
from tests.runtime.slow_clients import HALF, HangingUpload, SlowDownload
from webapp.runtime.keeper import is_free
from webapp.runtime.orders import Ended, Phase, Reads

LARGE_BYTES = 10_000_000  # more than the kernel buffers on a loopback connection


def test_with_same_reads_are_answered_while_a_slow_download_drains_and_it_arrives_whole(keeper: KeeperProcess) -> None:
    large = layer("large", LARGE_BYTES)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    with SlowDownload(keeper, "team/large", large.digest) as download:
        token = keeper.order(reads=Reads.SAME)
        wait_for(lambda: is_read_only(keeper.url), "the reader answers")
        assert keeper.state().phase is Phase.DRAINING
        assert sorted(each.role for each in keeper.processes()) == ["reader", "writer"]
        kept = requests.get(f"{keeper.url}/v2/team/api/tags/list", timeout=5).json()
        assert kept["tags"] == ["kept"]
        assert digest_of(download.rest()) == large.digest
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE


def test_a_slow_download_from_the_reader_does_not_keep_the_registry_from_read_write(keeper: KeeperProcess) -> None:
    large = layer("large", LARGE_BYTES)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    token = keeper.order(reads=Reads.SAME)
    keeper.wait_for_phase(Phase.HOLDING)
    with SlowDownload(keeper, "team/large", large.digest) as download:
        keeper.go(token)
        assert keeper.result(token).ended is Ended.DONE
        assert accepts_writes(keeper.url)
        assert sorted(each.role for each in keeper.processes()) == ["reader", "writer"]
        assert digest_of(download.rest()) == large.digest
    wait_for(lambda: not keeper.processes("reader"), "the reader has drained")


def test_an_upload_in_flight_ends_well_and_is_finished_after_the_collection(keeper: KeeperProcess) -> None:
    with HangingUpload(keeper, "team/upload") as upload:
        token = keeper.order(reads=Reads.SAME)
        wait_for(lambda: is_read_only(keeper.url), "the reader answers")
        upload.finish()
    assert upload.status == 202
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE
    digest = digest_of(2 * HALF)
    final = requests.put(upload.location, params={"digest": digest}, timeout=5)
    assert final.status_code == 201
    assert requests.get(f"{keeper.url}/v2/team/upload/blobs/{digest}", timeout=5).content == 2 * HALF


def test_with_own_no_read_fails_where_the_second_address_is_asked_when_the_first_is_away(keeper: KeeperProcess) -> None:
    """As nginx does it: the writer first, the reader as its backup."""

    def pull() -> bool:
        for url in (keeper.url, keeper.reads_url):
            try:
                answer = requests.get(f"{url}/v2/team/api/manifests/kept", headers={"Accept": OCI_MANIFEST}, timeout=10)
            except requests.ConnectionError:
                continue
            return answer.status_code == 200
        return False

    with Repeatedly(pull) as pulls:
        for _ in range(3):
            assert keeper.collect(Reads.OWN).ended is Ended.DONE
        wait_for(lambda: len(pulls.outcomes) >= 50, "enough was pulled")
    assert all(pulls.outcomes), f"{pulls.outcomes.count(False)} of {len(pulls.outcomes)} pulls failed"


PROBER = """
import sys
sys.path.insert(0, sys.argv[1])
import keeper
print(keeper.is_free(sys.argv[2]))
while keeper.is_free(sys.argv[2]):
    pass
"""


def test_the_port_is_probed_without_taking_a_client() -> None:
    """A probe that listened, too, would accept connections and reset them."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        prober = subprocess.Popen([PYTHON, "-uc", PROBER, str(KEEPER.parent), address], stdout=subprocess.PIPE)
        try:
            assert prober.stdout is not None
            assert prober.stdout.readline() == b"True\n"
            for _ in range(3000):
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(taken.getsockname())
        finally:
            prober.kill()
            prober.communicate(timeout=10)
        assert is_free(address)
        taken.listen()
        assert not is_free(address)
        assert not is_free(f":{taken.getsockname()[1]}")


class Repeatedly:
    """Does something over and over beside the test, and keeps what came of it."""

    def __init__(self, what: Callable[[], bool]) -> None:
        self.outcomes: list[bool] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, args=(what,))

    def _repeat(self, what: Callable[[], bool]) -> None:
        while not self._is_over.is_set():
            self.outcomes.append(what())

    def __enter__(self) -> Repeatedly:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(20)


READONLY = "REGISTRY_STORAGE_MAINTENANCE_READONLY"
PURGING = {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False}


@pytest.mark.parametrize(
    ("environment", "maintenance"),
    [
        ({}, {}),
        ({}, {"readonly": {"enabled": False}}),
        ({}, {"uploadpurging": PURGING}),
        ({}, {"uploadpurging": PURGING, "readonly": {"enabled": False}}),
        ({READONLY: '{"enabled":false}'}, None),
        ({READONLY: '{"enabled":false}'}, {"readonly": {"enabled": False}}),
        ({f"{READONLY}_ENABLED": "false"}, {"readonly": {"enabled": False}}),
        ({"REGISTRY_STORAGE_MAINTENANCE": json.dumps({"uploadpurging": PURGING})}, None),
        ({"REGISTRY_STORAGE_MAINTENANCE": json.dumps({"readonly": {"enabled": False}})}, {"uploadpurging": PURGING}),
    ],
)
def test_the_reader_is_read_only_and_the_writer_is_not_whatever_the_administrator_set(
    unstarted: KeeperProcess, environment: dict[str, str], maintenance: dict[str, object] | None
) -> None:
    unstarted.environment = environment
    unstarted.configure(maintenance=maintenance)
    unstarted.start()
    Pusher(unstarted.url).push("team/api", image([layer("kept")]), ["kept"])
    token = unstarted.order(reads=Reads.SAME)
    unstarted.wait_for_phase(Phase.HOLDING)
    assert is_read_only(unstarted.url)
    unstarted.go(token)
    assert unstarted.result(token).ended is Ended.DONE
    assert accepts_writes(unstarted.url)


@pytest.mark.parametrize("reads", [Reads.SAME, Reads.OWN])
def test_the_reader_takes_no_debug_address_from_the_draining_writer(unstarted: KeeperProcess, reads: Reads) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        debug = taken.getsockname()[1]
    unstarted.configure(debug_address=f"127.0.0.1:{debug}")
    unstarted.start()
    Pusher(unstarted.url).push("team/api", image([layer("kept")]), ["kept"])
    with HangingUpload(unstarted) as upload:
        unstarted.order(reads=reads)
        wait_for(
            lambda: is_read_only(unstarted.url if reads is Reads.SAME else unstarted.reads_url), "the reader answers"
        )
        upload.finish()
    unstarted.wait_for_phase(Phase.HOLDING)
