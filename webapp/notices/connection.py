"""Connections to addresses that a setting names: looked up once, checked, and connected to exactly as checked.

The name is not looked up again, so a server that answers with a public address first and a private one afterwards gains
nothing; TLS still proves the name. The whole talk has an end, however slowly the other side speaks.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Event, Timer
from typing import Any
from urllib.parse import unquote, urlsplit

from webapp.notices.answers import Answer, one_line, why
from webapp.version import VERSION

CONNECT_S = 4.0
TALK_S = 10.0
MOST_ADDRESSES = 2
MOST_BYTES = 4096
USER_AGENT = f"holystone/{VERSION}"
PORTS = {"http": 80, "https": 443}
_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are an IPv4 address that a gateway goes to (RFC 6052)."""

Lookup = Callable[..., Any]


class NotPublic(Exception):
    """The name leads to private addresses only, and they are not allowed."""


@dataclass(frozen=True, slots=True)
class Called:
    """An address of a setting. What follows the host's name in it may be a secret, and is never shown."""

    url: str
    may_be_private: bool

    @property
    def host(self) -> str:
        """The name of the server, with its port where that is not the usual one."""
        parts = urlsplit(self.url)
        usual = parts.port in (None, PORTS[parts.scheme])
        return parts.hostname or "" if usual else f"{parts.hostname}:{parts.port}"

    @property
    def is_encrypted(self) -> bool:
        """Whether it is called by TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def secrets(self) -> frozenset[str]:
        """What of it must not be repeated."""
        parts = urlsplit(self.url)
        said = {parts.path, parts.query, *parts.path.split("/"), *parts.query.split("&"), *parts.query.split("=")}
        return frozenset(each for one in said for each in (one, unquote(one)))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where another one is wrapped in it."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _TRANSLATED:
            return is_public(str(ip_address(int(found) & 0xFFFFFFFF)))
        wrapped = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if wrapped:
            return is_public(str(wrapped))
    return found.is_global and not found.is_multicast


def call(
    called: Called,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    look_up: Lookup = socket.getaddrinfo,
    context: ssl.SSLContext | None = None,
    talk_s: float = TALK_S,
) -> Answer:
    """Send one request and say what was answered. It is taken where the status is a success; a redirect is not followed.

    Args:
        look_up: as `socket.getaddrinfo`.
        context: whom to trust; None for whom the system trusts.
        talk_s: the longest time from the connection to the end of the answer.
    """
    parts = urlsplit(called.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    ended = Event()
    try:
        with (
            closing(_connect(host, port, called.may_be_private, look_up)) as plain,
            ending_after(plain, talk_s, ended),
            closing(_secured(plain, host, context) if called.is_encrypted else plain) as connected,
        ):
            return _talk(called, connected, method, headers, body)
    except NotPublic:
        return Answer(False, f"{called.host} is a private address. HOLYSTONE_PRIVATE_WEBHOOKS=true allows it.")
    except (OSError, HTTPException, ValueError) as error:
        reason = why(TimeoutError() if ended.is_set() else error)
        return Answer(False, f"{called.host} was not reached, or gave no answer: {reason}.")


@contextmanager
def ending_after(connected: socket.socket, seconds: float, ended: Event) -> Iterator[None]:
    """Cut a connection off after some seconds, and say so in `ended`. A copy is cut, whoever has the socket by then."""
    copy = socket.fromfd(connected.fileno(), connected.family, connected.type)

    def cut() -> None:
        ended.set()
        with suppress(OSError):
            copy.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        copy.close()


def _connect(host: str, port: int, may_be_private: bool, look_up: Lookup) -> socket.socket:
    found = look_up(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if may_be_private or is_public(str(each[4][0]))]
    if not allowed:
        raise NotPublic
    trouble: OSError = TimeoutError()
    for family, kind, protocol, _name, address in allowed[:MOST_ADDRESSES]:
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(CONNECT_S)
            connected.connect(address)
            connected.settimeout(TALK_S)
            return connected
        except OSError as error:
            connected.close()
            trouble = error
    raise trouble


def _secured(plain: socket.socket, host: str, context: ssl.SSLContext | None) -> socket.socket:
    return (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host)


def _talk(
    called: Called, connected: socket.socket, method: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    parts = urlsplit(called.url)
    kind = HTTPSConnection if called.is_encrypted else HTTPConnection
    connection = kind(parts.hostname or "", parts.port or PORTS[parts.scheme])
    connection.sock, connection.auto_open = connected, 0  # it would look the name up again
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, path, body, {"User-Agent": USER_AGENT, "Connection": "close", **headers})
    with closing(connection.getresponse()) as response:
        text = response.read(MOST_BYTES).decode("utf-8", "replace")
        said = one_line(f"{response.status} {response.reason}. {text}".strip(), called.secrets)
        if 300 <= response.status < 400:
            said = f"{response.status}, a redirect, which is not followed: set the address that it leads to"
        return Answer(200 <= response.status < 300, f"{called.host} answered {said}")
