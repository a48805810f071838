"""One question over HTTP and its answer: bounded in time and size, through the proxy that the environment names.

An adapter of `requests` serves all threads: its connection pool is made for that (urllib3 locks it). There is no
session around it, and so no cookie, no redirect that is followed by itself, and no netrc file.
"""

from __future__ import annotations

import http.client
import io
import ssl
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.utils
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as BrokenBody
from urllib3.exceptions import LocationValueError, NewConnectionError, ReadTimeoutError

from webapp.registry.errors import Nonsense, ProxyFailed, RegistryError, RegistryTimeout, RegistryUnreachable

POOL_SIZE = 32
HEADERS = {"User-Agent": "holystone", "Accept-Encoding": "identity"}
PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
CHUNK_BYTES = 64 * 1024
ERROR_CAP_BYTES = 64 * 1024
WHOLE_ANSWER_IN_READ_TIMEOUTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. The headers' names are case-insensitive; `url` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class _Clock:
    """Until when a whole answer, headers and all, has to be here."""

    until: float
    monotonic: Callable[[], float]


_clock: ContextVar[_Clock] = ContextVar("the time that is left for the answer in hand")


class Wire:
    """The way to a registry, to its token server and to the storage of its blobs; for many threads at once.

    Args:
        url: of the registry.
        ca_file: certificate authority of the registry instead of the system's; for other hosts beside them.
        connect_timeout_s: how long making a connection may take.
        read_timeout_s: how long the other side may be silent. A whole answer may take five times as long.
    """

    def __init__(
        self,
        url: str,
        ca_file: Path | None,
        connect_timeout_s: float,
        read_timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = url.rstrip("/") + "/"
        self._ca_file = str(ca_file) if ca_file else None
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._whole_answer_s = read_timeout_s * WHOLE_ANSWER_IN_READ_TIMEOUTS
        self._monotonic = monotonic
        self._proxies: dict[str, dict[str, str]] = {}
        self._plain = _Adapter()

    @cached_property
    def _with_the_systems(self) -> HTTPAdapter:
        return _Adapter(ssl.create_default_context())

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None = None, *, cap_bytes: int
    ) -> Answer:
        """Ask once, and read the whole answer.

        Args:
            cap_bytes: the largest body to take of a success; of an error the first 64 KiB are read.

        Raises:
            RegistryUnreachable: no connection. Nothing was carried out.
            RegistryTimeout: no whole answer. Whether a write was carried out is unknown.
            Nonsense: the body is larger than `cap_bytes`.
        """
        _clock.set(_Clock(self._monotonic() + self._whole_answer_s, self._monotonic))
        try:
            # The adapter is asked directly: a session adds cookies, redirects and netrc, and none is wanted.
            request = requests.PreparedRequest()
            request.prepare(method=method, url=url, headers={**HEADERS, **headers}, data=body)
            proxies = self._proxies_for(url)
            if "http" in proxies:  # to a registry by https its password goes with CONNECT
                request.headers.update(self._plain.proxy_headers(proxies["http"]))
            with self._adapter(url).send(
                request, stream=True, timeout=self._timeouts_s, verify=self._ca_file or True, proxies=proxies
            ) as response:
                # read to its end even where it is empty: only then the connection goes back to the pool
                return Answer(response.status_code, response.headers, _read(response, cap_bytes), url)
        except (requests.RequestException, BrokenBody, OSError) as error:
            raise _named(error) from error

    def uses_proxy(self, url: str) -> bool:
        """Whether the environment names a proxy for that host, be it one that cannot be used."""
        try:
            return bool(self._proxies_for(url))
        except ProxyFailed:
            return True

    def _adapter(self, url: str) -> HTTPAdapter:
        """Only the registry itself is held to its own authority; where it sends us may have the usual ones."""
        if url.startswith("http:") or (self._ca_file and url.startswith(self._origin)):
            return self._plain
        return self._with_the_systems

    def _proxies_for(self, url: str) -> dict[str, str]:
        """The proxies that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for a host; for this machine none."""
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        if place not in self._proxies:
            found = {} if is_this_machine(parts.hostname or "") else requests.utils.get_environ_proxies(place)
            proxy = found.get(parts.scheme) or found.get("all") or ""
            self._proxies[place] = {parts.scheme: _proxy(proxy)} if proxy else {}
        return self._proxies[place]


def may_pass(error: RegistryError) -> bool:
    """Whether a broken connection may be whole at the next try. Silence is not tried again: it was long enough."""
    cause = error.__cause__
    lasting = (
        requests.Timeout
        | requests.exceptions.SSLError
        | requests.exceptions.ProxyError
        | ReadTimeoutError
        | LocationValueError
    )
    return isinstance(cause, requests.ConnectionError | BrokenBody) and not isinstance(cause, lasting)


def _proxy(address: str) -> str:
    """The address of a proxy, which people write without its scheme, too. ProxyFailed for one that cannot be any."""
    whole = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(whole)
        if parts.scheme.lower() in PROXY_SCHEMES and parts.hostname and parts.port != 0:
            return whole
    except ValueError:
        pass
    raise ProxyFailed("its address cannot be read")


def is_this_machine(host: str) -> bool:
    """Whether a host, by the name that an address gives it, is the one that we run on."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(response: requests.Response, cap_bytes: int) -> bytes:
    """The body, read piece by piece, since its length is not the other side's to choose."""
    is_success = 200 <= response.status_code < 300
    most_bytes = cap_bytes if is_success else ERROR_CAP_BYTES
    content = bytearray()
    while piece := response.raw.read1(CHUNK_BYTES, decode_content=False):
        content += piece
        if len(content) > most_bytes:
            if is_success:
                raise Nonsense(f"an answer of more than {most_bytes} bytes")
            break
    return bytes(content[:most_bytes])


class _TimedStream(io.RawIOBase):
    """What comes from a socket until the clock runs out, however slowly it drips."""

    def __init__(self, raw: Any, socket: Any, clock: _Clock) -> None:
        self._raw, self._socket, self._clock = raw, socket, clock
        self._silence_s: float | None = socket.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._clock.until - self._clock.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer came too slowly")
        self._socket.settimeout(left_s if self._silence_s is None else min(left_s, self._silence_s))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedAnswer(http.client.HTTPResponse):
    """Reads status, headers and body by the clock: `http.client` itself waits for ever for a header that drips."""

    def __init__(self, sock: Any, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_TimedStream(raw, sock, _clock.get()))


class _PlainConnection(HTTPConnection):
    response_class = _TimedAnswer


class _TlsConnection(HTTPSConnection):
    response_class = _TimedAnswer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Connections whose answers are timed as a whole; with `trust` they trust that beside what a request names."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = {"ssl_context": trust} if trust else {}
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **more, **self._trust)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **more, **self._trust)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager


def _named(error: Exception) -> RegistryError:
    """Which of our errors a failed connection is. What was surely never sent is 'unreachable', the rest unknown."""
    if isinstance(error, _NO_PROXY):
        return ProxyFailed()
    if isinstance(error, requests.Timeout | ReadTimeoutError | TimeoutError) and not _was_never_made(error):
        return RegistryTimeout()
    for kinds, why in _NEVER_SENT:
        if isinstance(error, kinds):
            return RegistryUnreachable(why)
    if _was_never_made(error):
        return RegistryUnreachable("no connection")
    if not isinstance(error, requests.RequestException | BrokenBody):
        return RegistryUnreachable("the file with its certificate authority cannot be read")
    return RegistryTimeout("the connection broke")


_NO_PROXY = (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)

_NEVER_SENT: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError,), "its certificate is not trusted, or it does not speak TLS"),
    ((requests.ConnectTimeout,), "no connection within the time allowed"),
    ((requests.exceptions.InvalidURL, LocationValueError), "its address cannot be read"),
)


def _was_never_made(error: Exception) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
