"""Silence, broken connections, certificates: what is tried again, what is not, and how it is called."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.registry.odd_registry import Asked, Reply, odd_registry
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import RegistryError, RegistryTimeout, RegistryUnreachable, Throttled
from webapp.registry.transport import MOST_PAUSES, Transport

DIGEST = "sha256:" + "a" * 64
PAUSES_S = (0.1, 0.2, 0.3)
BROKEN = Reply(status=0)
TAGS = Reply(200, b'{"tags":["1.4"]}')


def client_of(url: str, slept: list[float] | None = None) -> RegistryClient:
    sleep = slept.append if slept is not None else lambda _s: None
    return RegistryClient(Transport(url, connect_timeout_s=2, read_timeout_s=1, pauses_s=PAUSES_S, sleep=sleep))


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """The replies one after the other, the last one for ever."""
    turn = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _asked: next(turn)


@pytest.mark.parametrize("passing", [Reply(502), Reply(503), Reply(504), BROKEN, Reply(200, b"{", breaks_off=True)])
def test_a_read_is_tried_again_a_few_times(passing: Reply) -> None:
    slept: list[float] = []
    with odd_registry(in_turn(passing, passing, TAGS)) as odd:
        assert client_of(odd.url, slept).tags("team/api") == ["1.4"]
    assert slept == [0.1, 0.2]


@pytest.mark.parametrize("passing", [Reply(503), BROKEN])
def test_a_read_is_not_tried_for_ever(passing: Reply) -> None:
    with odd_registry(lambda asked: passing) as odd:
        with pytest.raises(RegistryUnreachable):
            client_of(odd.url).tags("team/api")
        assert len(odd.asked) == 1 + len(PAUSES_S)


@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.delete_manifest("team/api", DIGEST),
        lambda client: client.put_manifest("team/api", "1.4", "x/y", b"{}"),
    ],
)
@pytest.mark.parametrize(
    "reply", [Reply(502), Reply(504), BROKEN, Reply(202, b"{", breaks_off=True), Reply(202, b"{}", stalls=True)]
)
def test_a_write_is_sent_once_and_its_outcome_called_unknown(
    write: Callable[[RegistryClient], object], reply: Reply
) -> None:
    with odd_registry(lambda asked: reply) as odd:
        with pytest.raises(RegistryTimeout) as error:
            write(client_of(odd.url))
        assert error.value.outcome_is_unknown
        assert len(odd.asked) == 1


def test_silence_is_a_time_out_and_not_tried_again() -> None:
    with odd_registry(lambda asked: Reply(200, b"{}", stalls=True)) as odd:
        with pytest.raises(RegistryTimeout):
            client_of(odd.url).tags("team/api")
        assert len(odd.asked) == 1


def test_an_answer_that_drips_ends_with_the_time_for_the_whole() -> None:
    late = itertools.count(step=1_000.0)
    with odd_registry(lambda asked: TAGS) as odd:
        transport = Transport(odd.url, pauses_s=(), monotonic=lambda: next(late))
        with pytest.raises(RegistryTimeout):
            RegistryClient(transport).tags("team/api")


def test_a_silent_address_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryTimeout):
            client_of(url).ping()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9", "http://127.0.0.1:99999", "http://[::1", "http://a..b"],
)
def test_an_address_where_nobody_is_is_unreachable(url: str) -> None:
    with pytest.raises(RegistryUnreachable) as error:
        client_of(url).ping()
    assert not error.value.outcome_is_unknown


def test_an_answer_that_is_not_http_is_a_named_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_greet_otherwise, args=(server, 1 + len(PAUSES_S)))
        thread.start()
        try:
            with pytest.raises(RegistryError):
                client_of(f"http://127.0.0.1:{server.getsockname()[1]}").ping()
        finally:
            thread.join(10)


def _greet_otherwise(server: socket.socket, times: int) -> None:
    server.settimeout(5)
    for _ in range(times):
        connection, _address = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_one_connection_serves_question_after_question() -> None:
    with odd_registry(lambda asked: Reply(202, b"{}", {"Allow": "GET", "Content-Type": "x/y"})) as odd:
        client = client_of(odd.url)
        for _ in range(3):
            client.ping()
            client.head_blob("team/api", DIGEST)
            client.allowed_methods("team/api", "1.4")
            client.delete_manifest("team/api", DIGEST)
    assert len(odd.asked) == 12
    assert len({each.client_port for each in odd.asked}) == 1


def test_cookies_environment_and_netrc_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cookie = Reply(200, b"{}", {"Set-Cookie": "session=1; Path=/"})
    with odd_registry(lambda asked: cookie) as odd:
        client = client_of(odd.url)
        client.ping()
        client.ping()
    assert not any({"Cookie", "Authorization"} & set(each.headers) for each in odd.asked)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "127.0.0.1")


def test_a_certificate_is_trusted_only_by_its_authority(certificate: Path) -> None:
    with odd_registry(lambda _asked: Reply(200, b"{}"), certificate) as odd:
        open_registry(odd.url, ca_file=certificate).ping()
        with pytest.raises(RegistryUnreachable, match="certificate"):
            open_registry(odd.url).ping()


def test_a_registry_without_tls_at_an_https_address_is_told() -> None:
    with odd_registry(lambda asked: Reply()) as odd, pytest.raises(RegistryUnreachable):
        open_registry(odd.url.replace("http:", "https:")).ping()


def test_a_missing_authority_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnreachable, match="certificate authority"):
        open_registry("https://127.0.0.1:9", ca_file=tmp_path / "missing.pem").ping()


@pytest.mark.parametrize(
    ("asked_for", "slept_s"), [("7", 7.0), ("", 1.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0), ("9999", 30.0)]
)
def test_too_many_requests_are_asked_again_after_the_pause_that_was_named(asked_for: str, slept_s: float) -> None:
    slept: list[float] = []
    busy = Reply(429, b"", {"Retry-After": asked_for} if asked_for else {})
    with odd_registry(in_turn(busy, Reply(202))) as odd:
        client_of(odd.url, slept).delete_manifest("team/api", DIGEST)
        assert odd.methods == ["DELETE", "DELETE"]
    assert slept == [slept_s]


def test_too_many_requests_are_not_asked_for_ever() -> None:
    with odd_registry(lambda _asked: Reply(429)) as odd:
        with pytest.raises(Throttled):
            client_of(odd.url).delete_manifest("team/api", DIGEST)
        assert len(odd.asked) == 1 + MOST_PAUSES
