"""The way to a registry: proxies that the environment names, authorities, and answers that never end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.registry.odd_registry import JSON, Asked, OddRegistry, Reply, odd_registry, serving
from webapp.registry.client import RegistryClient
from webapp.registry.errors import ProxyFailed, Refused, RegistryTimeout, RegistryUnreachable
from webapp.registry.manifests import digest_of
from webapp.registry.presence import answers
from webapp.registry.transport import Transport
from webapp.registry.wire import Wire

TAGS = Reply(200, b'{"tags":["1.4"]}')
AWAY = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client_of(url: str, **more: object) -> RegistryClient:
    given = {"connect_timeout_s": 2.0, "read_timeout_s": 5.0, "pauses_s": (), **more}
    return RegistryClient(Transport(url, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_registry_by_http_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with odd_registry(lambda _asked: TAGS) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("://", "://user:pass@"))
        assert client_of("http://registry.test:5000").tags("team/api") == ["1.4"]
        assert proxy.paths == ["http://registry.test:5000/v2/team/api/tags/list"]
        assert proxy.asked[0].headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"


def test_a_proxy_may_be_named_without_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_registry(lambda _asked: TAGS) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
        assert client_of("http://registry.test").tags("team/api") == ["1.4"]


@pytest.mark.parametrize(
    ("url", "exempt"),
    [
        ("http://registry.test:5000", "registry.test"),
        ("http://registry.test:5000", ".test"),
        ("http://10.1.2.3:5000", "10.0.0.0/8"),
        ("http://registry.test", "*"),
    ],
)
def test_who_is_exempt_is_not_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch, url: str, exempt: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", AWAY)
    monkeypatch.setenv("NO_PROXY", exempt)
    assert Wire(url, None, 1, 1)._proxies_for(f"{url}/v2/") == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8", "[::1]"])
def test_this_machine_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", AWAY)
    url = f"http://{host}:5000"
    assert Wire(url, None, 1, 1)._proxies_for(f"{url}/v2/") == {}


def test_a_registry_on_this_machine_answers_whatever_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", AWAY)
    with odd_registry(lambda _asked: TAGS) as odd:
        assert client_of(odd.url).tags("team/api") == ["1.4"]
        assert answers(odd.url, None)


@pytest.mark.parametrize(
    "proxy", [AWAY, "socks5://127.0.0.1:9", "nonsense://x", "http://[::1", "http://", "proxy:port"]
)
def test_a_proxy_that_cannot_be_used_is_told_and_proves_nothing_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ProxyFailed, match="NO_PROXY") as error:
        client_of("http://registry.test").ping()
    assert not error.value.outcome_is_unknown


def test_a_proxy_that_wants_a_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_registry(lambda _asked: Reply(407, b"who?")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Refused, match="407"):
            client_of("http://registry.test").ping()


@contextmanager
def tunnel(to: OddRegistry, asked: list[str]) -> Iterator[str]:
    """A proxy that joins whoever says CONNECT with one server, whatever host they name."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Proxy-Authorization', '')}".strip())
            with socket.create_connection(("127.0.0.1", to.port), 5) as other:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(other, self.connection), daemon=True)
                back.start()
                _pump(self.connection, other)
                back.join(10)
            self.close_connection = True

        def answer(self) -> None:
            raise AssertionError("only CONNECT is asked")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def _pump(from_one: socket.socket, to_other: socket.socket) -> None:
    with suppress(OSError):
        while piece := from_one.recv(65536):
            to_other.sendall(piece)
        to_other.shutdown(socket.SHUT_WR)


def test_a_registry_by_https_is_reached_through_a_tunnel_and_its_certificate_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, asked = make_certificate(tmp_path, "registry.test"), list[str]()
    with odd_registry(lambda _asked: TAGS, certificate) as odd, tunnel(odd, asked) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", "://user:pass@"))
        assert client_of("https://registry.test", ca_file=certificate).tags("team/api") == ["1.4"]
        assert asked == ["registry.test:443 Basic dXNlcjpwYXNz"]
        for url, authority in (("https://registry.test", None), ("https://other.test", certificate)):
            with pytest.raises(RegistryUnreachable, match="certificate is not trusted"):
                client_of(url, ca_file=authority).tags("team/api")


def test_where_the_registry_sends_us_the_systems_authorities_count_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The registry has a certificate of its own authority, the storage of its blobs one of the usual ones."""
    own, usual = make_certificate(tmp_path, "registry.test"), make_certificate(tmp_path, "storage.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(usual))
    content = b"configuration"

    def at_registry(_asked: Asked) -> Reply:
        return Reply(307, headers={"Location": f"https://storage.test:{storage.port}/blob"})

    with odd_registry(lambda _asked: Reply(200, content), usual) as storage, odd_registry(at_registry, own) as registry:
        monkeypatch.setattr(socket, "getaddrinfo", _everything_is_here(socket.getaddrinfo))
        client = client_of(f"https://registry.test:{registry.port}", ca_file=own)
        assert client.get_blob("team/api", digest_of(content), 100) == content
        with pytest.raises(RegistryUnreachable, match="certificate"):  # the registry itself is held to its own
            client_of(f"https://storage.test:{storage.port}", ca_file=own).ping()
        client_of(f"https://storage.test:{storage.port}").ping()


def _everything_is_here(original: Callable[..., object]) -> Callable[..., object]:
    return lambda _host, *more, **named: original("127.0.0.1", *more, **named)


DRIPS = {
    "a status line": b"H",
    "headers": b"HTTP/1.1 200 OK\r\nX",
    "many headers": b"HTTP/1.1 200 OK\r\n",
    "a body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "pieces": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "'go on'": b"",
}
PIECES = {"many headers": b"X: 1\r\n", "pieces": b"1\r\n \r\n", "'go on'": b"HTTP/1.1 100 Continue\r\n\r\n"}


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips_for_ever_ends_with_the_time_for_the_whole(what: str) -> None:
    """Each piece comes well within the time of silence; only the whole never ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_drip, args=(server, DRIPS[what], PIECES.get(what, b"x"), over))
        thread.start()
        try:
            with pytest.raises(RegistryTimeout):
                client_of(f"http://127.0.0.1:{server.getsockname()[1]}", read_timeout_s=0.2).tags("team/api")
        finally:
            over.set()
            thread.join(10)


def _drip(server: socket.socket, start: bytes, piece: bytes, over: threading.Event) -> None:
    server.settimeout(5)
    connection, _address = server.accept()
    with connection, suppress(OSError):
        connection.recv(65536)
        connection.sendall(start)
        while not over.wait(0.02):
            connection.sendall(piece)


def test_an_endless_body_is_cut_off_where_it_is_larger_than_it_may_be() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply(200, b"x" * 300_000, {**JSON, "Content-Length": str(10**15)})

    with odd_registry(reply) as odd, pytest.raises(Exception, match="more than 65536 bytes"):
        client_of(odd.url).ping()
