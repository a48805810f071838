"""Requests to one registry over HTTP: time-outs, a cap on every body, sign-in, a few more tries for reads.

One adapter of `requests` serves all threads: its connection pool is made for that (urllib3 locks it). There is no
session around it, and so no cookie, no redirect that is followed by itself, and neither environment nor netrc file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError as BrokenBody
from urllib3.exceptions import LocationValueError, NewConnectionError, ReadTimeoutError

from webapp.registry.errors import Nonsense, RegistryError, RegistryTimeout, RegistryUnreachable

POOL_SIZE = 32
READS = frozenset({"GET", "HEAD", "OPTIONS"})
PASSING = frozenset({500, 502, 503, 504})  # 2.8 answers a read with 500 while a push writes the same link anew
TOO_MANY = 429
MOST_PAUSES = 5
DEFAULT_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
PAUSES_S = (0.05, 0.2, 0.6)  # a registry that is restarted is away for some 50 ms (machine.md)
HEADERS = {"User-Agent": "holystone", "Accept-Encoding": "identity"}
CHUNK_BYTES = 64 * 1024
ERROR_CAP_BYTES = 64 * 1024
MOST_REDIRECTS = 2
WHOLE_ANSWER_IN_READ_TIMEOUTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry answered. The headers' names are case-insensitive; `url` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Transport:
    """The way to one registry; may be used from many threads at once.

    Args:
        url: `http(s)://host[:port]`, with or without a path in front of `/v2`.
        authentication: user name and password, sent with every request to the registry itself (basic), or None.
        ca_file: certificate authority to trust instead of the usual ones.
        connect_timeout_s: how long making a connection may take.
        read_timeout_s: how long the registry may be silent. A whole answer may take five times as long.
        pauses_s: before each further try of a read that met a broken connection or a 500, 502, 503 or 504.
    """

    def __init__(
        self,
        url: str,
        authentication: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 60.0,
        pauses_s: tuple[float, ...] = PAUSES_S,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._authentication = authentication
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._whole_answer_s = read_timeout_s * WHOLE_ANSWER_IN_READ_TIMEOUTS
        self._pauses_s = pauses_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._verify = str(ca_file) if ca_file else True
        self._adapter = HTTPAdapter(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        cap_bytes: int,
        follow: bool = False,
    ) -> Answer:
        """Ask once; a GET, HEAD or OPTIONS a few times where nobody or only a proxy answers, or with a 500.

        A 429 is asked again after the pause that its Retry-After names (RFC 9110, 10.2.3), whatever the method:
        what was refused for being too much was not carried out.

        Args:
            path: from `/v2` on, made of checked names.
            cap_bytes: the largest body to take of a success; of an error the first 64 KiB are read.
            follow: whether to go where a redirect points (blobs in object storage), without the sign-in.

        Raises:
            RegistryUnreachable: no connection. Nothing was carried out.
            RegistryTimeout: no whole answer. Whether a write was carried out is unknown.
            Nonsense: the body is larger than `cap_bytes`, or a redirect leads nowhere.
        """
        for _pause in range(MOST_PAUSES):
            answer = self._few_times(method, path, headers or {}, body, cap_bytes, follow)
            if answer.status != TOO_MANY:
                return answer
            self._sleep(_retry_after_s(answer))
        return self._few_times(method, path, headers or {}, body, cap_bytes, follow)

    def _few_times(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, cap_bytes: int, follow: bool
    ) -> Answer:
        for pause_s in self._pauses_s if method in READS else ():
            try:
                answer = self._once(method, path, headers, body, cap_bytes, follow)
                if answer.status not in PASSING:
                    return answer
            except RegistryUnreachable as error:
                if not _may_pass(error.__cause__):
                    raise
            self._sleep(pause_s)
        return self._once(method, path, headers, body, cap_bytes, follow)

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, cap_bytes: int, follow: bool
    ) -> Answer:
        try:
            answer = self._send(method, self.url + path, headers, body, cap_bytes, self._authentication)
            for _hop in range(MOST_REDIRECTS if follow else 0):
                if answer.status not in (301, 302, 303, 307, 308):
                    break
                answer = self._send(method, _target(answer), headers, body, cap_bytes, None)
        except (requests.RequestException, BrokenBody, OSError) as error:
            raise _named(error) from error
        return answer

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        cap_bytes: int,
        authentication: tuple[str, str] | None,
    ) -> Answer:
        until = self._monotonic() + self._whole_answer_s
        # The adapter is asked directly: a session adds cookies, redirects and the environment, and none is wanted.
        request = requests.PreparedRequest()
        request.prepare(method=method, url=url, headers={**HEADERS, **headers}, data=body, auth=authentication)
        with self._adapter.send(request, stream=True, timeout=self._timeouts_s, verify=self._verify) as response:
            # read to its end even where it is empty: only then the connection goes back to the pool
            return Answer(response.status_code, response.headers, self._read(response, cap_bytes, until), url)

    def _read(self, response: requests.Response, cap_bytes: int, until: float) -> bytes:
        """The body, read piece by piece, since neither its length nor its pace is the registry's to choose."""
        is_success = 200 <= response.status_code < 300
        most_bytes = cap_bytes if is_success else ERROR_CAP_BYTES
        content = bytearray()
        while piece := response.raw.read1(CHUNK_BYTES, decode_content=False):
            content += piece
            if len(content) > most_bytes:
                if is_success:
                    raise Nonsense(f"an answer of more than {most_bytes} bytes")
                break
            if self._monotonic() > until:
                raise TimeoutError("the answer came too slowly")
        return bytes(content[:most_bytes])


def _retry_after_s(answer: Answer) -> float:
    """The pause that a 429 asks for, in seconds; it may be a date, which is read as a second: clocks differ."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE_S) if asked.isdecimal() else DEFAULT_PAUSE_S


def _target(answer: Answer) -> str:
    target = urljoin(answer.url, answer.headers.get("Location", ""))
    scheme = urlsplit(target).scheme
    if scheme not in ("http", "https") or (answer.url.startswith("https:") and scheme != "https"):
        raise Nonsense("a redirect that leads nowhere safe")
    return target


def _may_pass(cause: BaseException | None) -> bool:
    """Whether a broken connection may be whole at the next try. Silence is not tried again: it was long enough."""
    lasting = requests.Timeout | requests.exceptions.SSLError | ReadTimeoutError | LocationValueError
    return isinstance(cause, requests.ConnectionError | BrokenBody) and not isinstance(cause, lasting)


def _named(error: Exception) -> RegistryError:
    """Which of our errors a failed connection is. What was surely never sent is 'unreachable', the rest unknown."""
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


_NEVER_SENT: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError,), "its certificate is not trusted, or it does not speak TLS"),
    ((requests.ConnectTimeout,), "no connection within the time allowed"),
    ((requests.exceptions.InvalidURL, LocationValueError), "its address cannot be read"),
)


def _was_never_made(error: Exception) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
