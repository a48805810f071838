"""A tiny HTTP server for what the real registry does not do: other versions' answers, lies, silence, broken bodies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.certificates import server_context

JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Reply:
    """One answer. With `breaks_off` the body ends before its length and the connection is closed; with `stalls` the
    body is held back until the server ends; a status of 0 closes the connection without a word."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    breaks_off: bool = False
    stalls: bool = False


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    client_port: int
    body: bytes = b""


@dataclass
class OddRegistry:
    """The running server: its address, and what it was asked so far."""

    url: str
    asked: list[Asked]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def methods(self) -> list[str]:
        return [each.method for each in self.asked]

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.asked]


@contextmanager
def odd_registry(reply: Callable[[Asked], Reply], certificate: Path | None = None) -> Iterator[OddRegistry]:
    """Serve on loopback until the block is left, each answer made by `reply`; by TLS where there is a certificate."""
    ending = threading.Event()
    odd = OddRegistry("", [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = Asked(self.command, self.path, self.headers, self.client_address[1], body)  # type: ignore[arg-type]
            odd.asked.append(asked)
            made = reply(asked)
            if made.status == 0:
                self.close_connection = True
                return
            self.send_response(made.status)
            headers = {"Content-Length": str(len(made.body) + (10 if made.breaks_off else 0)), **made.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.flush()
            if made.stalls:
                ending.wait(30)
                self.close_connection = True
                return
            if self.command != "HEAD":
                self.wfile.write(made.body)
            self.close_connection = made.breaks_off

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, certificate) as odd.url:
        try:
            yield odd
        finally:
            ending.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # else the kernel drops some of many that connect at once, who try again after a second

    def handle_error(self, *_: object) -> None:
        """Clients break off: that is what is tried."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], certificate: Path | None = None) -> Iterator[str]:
    """Serve on loopback, each request by the handler's `answer`, until the block is left; gives the address.

    By TLS where there is a certificate, with its key beside it (`tests.certificates`).
    """
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        setattr(handler, f"do_{method}", handler.answer)  # type: ignore[attr-defined]
    server = _Server(("127.0.0.1", 0), handler)
    if certificate:
        server.socket = server_context(certificate).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()
