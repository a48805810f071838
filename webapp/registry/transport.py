"""Requests to one registry: the sign-in, a few more tries for reads, redirects to object storage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from webapp.registry.authentication import SignIn, scope_of
from webapp.registry.errors import Nonsense, RegistryUnreachable
from webapp.registry.wire import Answer, Wire, may_pass

__all__ = ["Answer", "Transport"]

READS = frozenset({"GET", "HEAD", "OPTIONS"})
PASSING = frozenset({500, 502, 503, 504})  # 2.8 answers a read with 500 while a push writes the same link anew
UNAUTHORISED, TOO_MANY = 401, 429
MOST_PAUSES = 5
DEFAULT_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
PAUSES_S = (0.05, 0.2, 0.6)  # a registry that is restarted is away for some 50 ms (machine.md)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 2


class Transport:
    """The way to one registry; may be used from many threads at once.

    Args:
        url: `http(s)://host[:port]`, with or without a path in front of `/v2`.
        authentication: user name and password, for the registry itself (basic) or its token server; None for none.
        ca_file: certificate authority to trust instead of the usual ones.
        connect_timeout_s: how long making a connection may take.
        read_timeout_s: how long the registry may be silent. A whole answer may take five times as long.
        pauses_s: before each further try of a read that met a broken connection or a 500, 502, 503 or 504.
        token_realms: hosts of token servers that are asked although they are neither https nor the registry's own.
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
        token_realms: tuple[str, ...] = (),
    ) -> None:
        self.url = url.rstrip("/")
        self._pauses_s = pauses_s
        self._sleep = sleep
        self._wire = Wire(self.url, ca_file, connect_timeout_s, read_timeout_s, monotonic)
        self._sign_in = SignIn(self.url, authentication, token_realms, self._ask_for_token, monotonic)

    @property
    def uses_proxy(self) -> bool:
        """Whether the registry is reached through a proxy that the environment names."""
        return self._wire.uses_proxy(self.url)

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
        what was refused for being too much was not carried out. Nor was what a 401 refused: it is asked once more
        where a new token can be had.

        Args:
            path: from `/v2` on, made of checked names.
            cap_bytes: the largest body to take of a success; of an error the first 64 KiB are read.
            follow: whether to go where a redirect points (blobs in object storage), without the sign-in.

        Raises:
            RegistryUnreachable: no connection. Nothing was carried out.
            RegistryTimeout: no whole answer. Whether a write was carried out is unknown.
            NoToken, Unauthorised, Denied: a token is wanted, and cannot be had. Nothing was carried out.
            Nonsense: the body is larger than `cap_bytes`, or a redirect leads nowhere.
        """
        return self._patiently(method, lambda: self._once(method, path, headers or {}, body, cap_bytes, follow))

    def _ask_for_token(self, method: str, url: str, headers: Mapping[str, str], body: str, cap_bytes: int) -> Answer:
        return self._patiently(method, lambda: self._wire.send(method, url, headers, body or None, cap_bytes=cap_bytes))

    def _patiently(self, method: str, ask: Callable[[], Answer]) -> Answer:
        for _pause in range(MOST_PAUSES):
            answer = self._few_times(method, ask)
            if answer.status != TOO_MANY:
                return answer
            self._sleep(_retry_after_s(answer))
        return self._few_times(method, ask)

    def _few_times(self, method: str, ask: Callable[[], Answer]) -> Answer:
        for pause_s in self._pauses_s if method in READS else ():
            try:
                answer = ask()
                if answer.status not in PASSING:
                    return answer
            except RegistryUnreachable as error:
                if not may_pass(error):
                    raise
            self._sleep(pause_s)
        return ask()

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, cap_bytes: int, follow: bool
    ) -> Answer:
        need = scope_of(method, path)

        def send(authorization: str) -> Answer:
            signed = {**headers, "Authorization": authorization} if authorization else headers
            return self._wire.send(method, self.url + path, signed, body, cap_bytes=cap_bytes)

        sent = self._sign_in.authorization(need)
        answer = send(sent)
        if answer.status == UNAUTHORISED:
            another = self._sign_in.after_refusal(need, answer.headers.get("WWW-Authenticate", ""), sent)
            answer = send(another) if another else answer
        for _hop in range(MOST_REDIRECTS if follow else 0):
            if answer.status not in REDIRECTS:
                break
            answer = self._wire.send(method, _target(answer), headers, body, cap_bytes=cap_bytes)
        return answer


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
