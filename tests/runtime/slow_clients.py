"""Clients that take their time: an upload that stands still in the middle, a download that is read slowly."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

import requests

from tests.runtime.keeper_process import wait_for

HALF = b"x" * 1000


class Server(Protocol):
    """A registry on this machine, or what stands in front of it."""

    @property
    def url(self) -> str: ...

    @property
    def port(self) -> int: ...


class HangingUpload:
    """A PATCH of which half has been sent; `finish()` sends the rest, and the answer's `status`."""

    def __init__(self, server: Server, repository: str = "team/upload") -> None:
        start = requests.post(f"{server.url}/v2/{repository}/blobs/uploads/", timeout=5)
        start.raise_for_status()
        where = urlsplit(start.headers["Location"])
        self.status = 0
        self.location = ""
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
        self._connection.putrequest("PATCH", f"{where.path}?{where.query}")
        self._connection.putheader("Content-Type", "application/octet-stream")
        self._connection.putheader("Content-Length", str(2 * len(HALF)))
        self._connection.endheaders(HALF)
        ours = self._connection.sock.getsockname()[1]
        wait_for(lambda: has_read(server.port, ours), "the registry has read what was sent")

    def finish(self) -> None:
        self._connection.send(HALF)
        answer = self._connection.getresponse()
        self.status, self.location = answer.status, answer.headers.get("Location", "")
        answer.read()
        self._connection.close()

    def __enter__(self) -> HangingUpload:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()


def has_read(port: int, client_port: int | None = None) -> bool:
    """Whether whoever listens on `port` has read all that this client, or any, sent; before, its drain would not wait."""
    remote_ends = f":{client_port:04X}" if client_port else ""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, queues = line.split()[:5]
        if local.endswith(f":{port:04X}") and remote.endswith(remote_ends) and state == "01":
            return queues.endswith(":00000000")
    return False


class SlowDownload:
    """A blob of which only the head has been read; `rest()` reads what is left."""

    def __init__(self, server: Server, repository: str, digest: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the kernel does not read ahead
        self._socket.settimeout(15)
        self._socket.connect(("127.0.0.1", server.port))
        self._socket.sendall(f"GET /v2/{repository}/blobs/{digest} HTTP/1.1\r\nHost: registry\r\n\r\n".encode())
        self._answer = http.client.HTTPResponse(self._socket)
        self._answer.begin()

    def rest(self) -> bytes:
        return self._answer.read()

    def __enter__(self) -> SlowDownload:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()
