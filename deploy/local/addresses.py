"""Addresses on this machine: which are free, and whether something answers there."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

from deploy.local.refusal import Refusal

USUAL_REGISTRY_PORT = 5000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a browser on this machine opens it."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared with, not bound
        return f"http://{Address(everywhere.get(self.host, self.host), self.port)}"


def read_address(bind: str) -> Address:
    """Read `HOST:PORT` or `[HOST]:PORT`.

    Raises:
        Refusal: it is neither.
    """
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refusal(f"HOLYSTONE_BIND is {bind!r}: write an address and a port, such as 127.0.0.1:8000.")
    return Address(host.strip("[]"), int(port))


def why_not_free(address: Address) -> str:
    """Why nobody could listen at `address` now; empty if somebody could. Binds without listening, and lets go."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as problem:
        return problem.strerror or str(problem)
    return ""


def choose_registry_port(before: int | None, dashboard_port: int) -> int:
    """The port of the private registry: the one it had before, else 5000, else any; the first that is free."""
    for port in (before, USUAL_REGISTRY_PORT):
        if port and port != dashboard_port and not why_not_free(Address("127.0.0.1", port)):
            return port
    return any_free_port()


def any_free_port() -> int:
    """A port that the kernel gives out."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: Address, path: str) -> bool:
    """Whether a GET of `path` is answered with 200 within two seconds."""
    connection = http.client.HTTPConnection(address.url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
