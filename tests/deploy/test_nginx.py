"""The nginx that deploy/nginx/registry.conf describes: pulls never stop, and pushes learn why they have to wait."""

from __future__ import annotations

import http.client
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from demo.build import OCI_MANIFEST, Built, digest_of, image, layer
from demo.push import Pusher
from tests.deploy import nginx_process, skopeo
from tests.deploy.nginx_process import NginxProcess
from tests.registry_process import HTPASSWD, PASSWORD, USERNAME
from tests.runtime.keeper_process import KeeperProcess, is_read_only, wait_for
from tests.runtime.slow_clients import HALF, HangingUpload, Server, SlowDownload, has_read
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted, prove_writes_refused
from webapp.registry.client import open_registry
from webapp.runtime.orders import Ended, Phase, Reads

pytestmark = pytest.mark.skipif(not nginx_process.BINARY or not skopeo.BINARY, reason="nginx or skopeo is missing")

READ_ONLY = "The registry is read-only for maintenance. Pulls go on; push again in a few minutes."
COLLECTIONS = 4
PULLERS = 3
LAYER_BYTES = 200_000
KEPT = image([layer("kept", LAYER_BYTES)])


@pytest.fixture
def nginx(tmp_path: Path, keeper: KeeperProcess) -> Iterator[NginxProcess]:
    """nginx in front of both addresses of a keeper, whose registry holds team/api:kept."""
    keeper.start()
    Pusher(keeper.url).push("team/api", KEPT, ["kept"])
    with NginxProcess(tmp_path / "nginx", keeper) as nginx:
        yield nginx


@pytest.fixture(params=["through nginx", "straight"])
def server(request: pytest.FixtureRequest, keeper: KeeperProcess, nginx: NginxProcess) -> Server:
    """Where a slow client connects: nginx, or the registry itself."""
    return nginx if request.param == "through nginx" else keeper


@contextmanager
def collecting(keeper: KeeperProcess) -> Iterator[None]:
    """What is done inside is done while the registry is held, before the collector starts."""
    token = keeper.order(reads=Reads.OWN)
    keeper.wait_for_phase(Phase.HOLDING)
    yield
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE


class Pullers:
    """Threads that pull a manifest and its layer, over and over; `pulled` counts, `failures` says what went wrong."""

    def __init__(self, url: str) -> None:
        self.pulled = 0
        self.failures: list[str] = []
        self._url = f"{url}/v2/team/api"
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._pull_on) for _ in range(PULLERS)]

    def _pull_on(self) -> None:
        wanted = {"manifests/kept": KEPT.digest, **{f"blobs/{blob.digest}": blob.digest for blob in KEPT.blobs}}
        while not self._is_over.is_set():
            for path, digest in wanted.items():
                self._pull(path, digest)

    def _pull(self, path: str, digest: str) -> None:
        try:
            answer = requests.get(f"{self._url}/{path}", headers={"Accept": OCI_MANIFEST}, timeout=10)
        except requests.RequestException as error:
            self.failures.append(f"{path}: {error!r}")
            return
        if answer.status_code != 200 or digest_of(answer.content) != digest:
            self.failures.append(f"{path}: {answer.status_code}, {len(answer.content)} bytes")
        self.pulled += 1

    def wait_for_more(self, count: int) -> None:
        enough = self.pulled + count
        wait_for(lambda: self.pulled >= enough, f"{count} more pulls were tried")

    def __enter__(self) -> Pullers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(20)


def test_pulls_never_stop_behind_nginx(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    with Pullers(nginx.url) as pullers:
        for _ in range(COLLECTIONS):
            with collecting(keeper):
                pullers.wait_for_more(30)
            pullers.wait_for_more(30)
    assert pullers.failures == []
    assert pullers.pulled >= COLLECTIONS * 60


def test_a_push_meanwhile_says_why_it_failed_and_succeeds_afterwards(
    tmp_path: Path, keeper: KeeperProcess, nginx: NginxProcess
) -> None:
    kept, new = f"127.0.0.1:{nginx.port}/team/api:kept", f"127.0.0.1:{nginx.port}/team/new:1.0"
    succeeds(skopeo.pull(kept, tmp_path / "image"))
    with collecting(keeper):
        failed = skopeo.push(tmp_path / "image", new)
        assert failed.returncode != 0
        assert READ_ONLY in failed.stderr
        succeeds(skopeo.pull(kept, tmp_path / "meanwhile"))
    succeeds(skopeo.push(tmp_path / "image", new))
    succeeds(skopeo.pull(new, tmp_path / "pulled"))


def test_a_push_with_a_password_learns_the_same(tmp_path: Path, keeper: KeeperProcess, nginx: NginxProcess) -> None:
    kept, credentials = f"127.0.0.1:{nginx.port}/team/api:kept", f"--dest-creds={USERNAME}:{PASSWORD}"
    succeeds(skopeo.pull(kept, tmp_path / "image"))
    keeper.stop()
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    realm = {"REGISTRY_AUTH_HTPASSWD_REALM": "test", "REGISTRY_AUTH_HTPASSWD_PATH": str(tmp_path / "htpasswd")}
    keeper.environment = realm
    keeper.start()
    with collecting(keeper):
        assert requests.get(f"{nginx.url}/v2/", timeout=5).status_code == 401
        assert f"denied: {READ_ONLY}" in skopeo.push(tmp_path / "image", kept, credentials).stderr
    succeeds(skopeo.push(tmp_path / "image", kept, credentials))


def test_no_push_that_straddles_a_collection_ends_with_a_layer_missing(
    tmp_path: Path, keeper: KeeperProcess, nginx: NginxProcess
) -> None:
    """Its layers came before and its manifest comes after: the collector has swept layers that nothing named."""
    straddling, pusher = image([layer("straddling")]), Pusher(nginx.url)
    for blob in straddling.blobs:
        pusher.push_blob("team/new", blob)
    with collecting(keeper):
        assert put_manifest(nginx, straddling) == (403, "DENIED")
    assert put_manifest(nginx, straddling) == (400, "MANIFEST_BLOB_UNKNOWN")
    Pusher(nginx.url).push("team/new", straddling, ["1.0"])
    succeeds(skopeo.pull(f"127.0.0.1:{nginx.port}/team/new:1.0", tmp_path / "pulled"))


def test_an_upload_is_led_to_the_port_that_its_client_knows(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    with collecting(keeper):
        pass
    started = requests.post(f"{nginx.url}/v2/team/new/blobs/uploads/", timeout=5)
    assert started.status_code == 202
    assert started.headers["Location"].startswith(f"{nginx.url}/v2/team/new/blobs/uploads/")


def test_how_far_an_upload_is_can_be_asked_meanwhile(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    where = requests.post(f"{nginx.url}/v2/team/new/blobs/uploads/", timeout=5).headers["Location"]
    with collecting(keeper):
        assert requests.get(where, timeout=5).status_code == 204
        for body in (HALF, iter([bytes(LAYER_BYTES)] * 100)):  # the second one in chunks, as docker sends it
            refused = requests.patch(where, data=body, timeout=4)
            assert (refused.status_code, refused.json()["errors"][0]["message"]) == (403, READ_ONLY)
    assert requests.patch(where, data=HALF, timeout=5).status_code == 202


def test_a_slow_download_arrives_whole_from_a_registry_that_makes_way(keeper: KeeperProcess, server: Server) -> None:
    large = push_large(keeper)
    with SlowDownload(server, "team/large", large) as download:
        wait_for(lambda: has_read(keeper.port), "the registry has the request")
        token = keeper.order(reads=Reads.OWN)
        wait_for(lambda: is_read_only(keeper.reads_url), "the reader answers")
        keeper.wait_for_phase(Phase.DRAINING)
        assert digest_of(download.rest()) == large
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE


def test_a_slow_download_arrives_whole_from_a_reader_that_makes_way(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    large = push_large(keeper)
    token = keeper.order(reads=Reads.OWN)
    keeper.wait_for_phase(Phase.HOLDING)
    with SlowDownload(nginx, "team/large", large) as download:
        keeper.go(token)
        assert keeper.result(token).ended is Ended.DONE
        assert [each.role for each in keeper.processes()].count("reader") == 1
        assert digest_of(download.rest()) == large
    wait_for(lambda: not keeper.processes("reader"), "the reader has drained")


def test_a_slow_upload_ends_well_and_is_finished_after_the_collection(keeper: KeeperProcess, server: Server) -> None:
    with HangingUpload(server, "team/upload") as upload:
        wait_for(lambda: has_read(keeper.port), "the registry has what was sent")
        token = keeper.order(reads=Reads.OWN)
        wait_for(lambda: is_read_only(keeper.reads_url), "the reader answers")
        keeper.wait_for_phase(Phase.DRAINING)
        upload.finish()
    assert upload.status == 202
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE
    digest = digest_of(2 * HALF)
    assert requests.put(upload.location, params={"digest": digest}, timeout=5).status_code == 201
    assert requests.get(f"{server.url}/v2/team/upload/blobs/{digest}", timeout=5).content == 2 * HALF


@pytest.mark.parametrize("keeper", [0.3], indirect=True)
def test_an_upload_that_outlasts_the_drain_fails_and_its_repetition_succeeds(
    keeper: KeeperProcess, server: Server
) -> None:
    """Never as read-only: some of it has reached the registry, and nobody knows what became of it."""
    with HangingUpload(server, "team/upload") as upload:
        wait_for(lambda: has_read(keeper.port), "the registry has what was sent")
        token = keeper.order(reads=Reads.OWN)
        keeper.wait_for_phase(Phase.HOLDING)
        with suppress(ConnectionError, http.client.HTTPException):
            upload.finish()
    assert upload.status == (0 if server is keeper else 502)
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE
    with HangingUpload(server, "team/upload") as again:
        again.finish()
    assert again.status == 202


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_registry_that_is_down_for_another_reason_is_no_maintenance(
    keeper: KeeperProcess, nginx: NginxProcess, method: str
) -> None:
    keeper.stop()
    answer = requests.request(method, f"{nginx.url}/v2/team/api/manifests/kept", data=KEPT.raw, timeout=5)
    assert answer.status_code == 502
    assert "read-only" not in answer.text
    assert requests.get(f"{nginx.url}/v2/", timeout=5).status_code == 502


def test_where_no_reader_was_ordered_nothing_is_said_about_reading(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    keeper.order(reads=Reads.NONE)
    keeper.wait_for_phase(Phase.HOLDING)
    assert put_manifest(nginx, KEPT) == (502, "")


def test_pulls_that_failed_while_nobody_answered_do_not_keep_nginx_from_the_next_reader(
    keeper: KeeperProcess, nginx: NginxProcess
) -> None:
    """A run that stops the registry is followed by one that overlaps, sooner than nginx forgets a server that failed."""
    token = keeper.order(reads=Reads.NONE)
    keeper.wait_for_phase(Phase.HOLDING)
    assert requests.get(f"{nginx.url}/v2/", timeout=5).status_code == 502
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE
    with collecting(keeper), requests.Session() as session:
        statuses = [session.get(f"{nginx.url}/v2/", timeout=5).status_code for _ in range(20)]
    assert statuses == [200] * 20


def test_writes_are_proved_refused_and_accepted_through_nginx(keeper: KeeperProcess, nginx: NginxProcess) -> None:
    client = open_registry(nginx.url, connect_timeout_s=2, read_timeout_s=5)
    prove_writes_accepted(client)
    with pytest.raises(ProofFailed, match="still takes writes"):
        prove_writes_refused([client])
    with collecting(keeper):
        assert is_read_only(nginx.url), "OPTIONS is answered by the reader"
        prove_writes_refused([client])
        with pytest.raises(ProofFailed, match="read-only"):
            prove_writes_accepted(client)
    prove_writes_accepted(client)


def put_manifest(nginx: NginxProcess, built: Built) -> tuple[int, str]:
    """The status that its PUT is answered with, and the code; empty where there is none."""
    headers = {"Content-Type": built.media_type}
    url = f"{nginx.url}/v2/team/new/manifests/1.0"
    answer = requests.put(url, data=built.raw, headers=headers, timeout=5)
    is_json = "json" in answer.headers.get("Content-Type", "")
    return answer.status_code, answer.json()["errors"][0]["code"] if is_json else ""


def push_large(keeper: KeeperProcess) -> str:
    """Push a layer that is larger than what the kernel buffers on two connections; its digest."""
    large = layer("large", 20_000_000)
    Pusher(keeper.url).push("team/large", image([large]), ["1.0"])
    return large.digest


def succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
