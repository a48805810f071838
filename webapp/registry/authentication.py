"""Signing in to a registry: not at all, by user name and password, or by tokens from its token server.

Which of them it wants the registry says with its first 401. Sources: distribution's token specification
(`spec/auth/token.md`, `scope.md`, `oauth.md`), RFC 6750 and RFC 9110, 11.6.1 (the challenge).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from webapp.registry.documents import json_object
from webapp.registry.errors import (
    Denied,
    Nonsense,
    NoToken,
    RealmRefused,
    RegistryError,
    RegistryTimeout,
    RegistryUnreachable,
    Throttled,
    Unauthorised,
    first_error,
)
from webapp.registry.wire import Answer, is_this_machine

CLIENT_ID = "holystone"
IDENTITY_TOKEN_USER = "<token>"  # noqa: S105  how docker's own credential stores mark that the password is a refresh token
TOKEN_CAP_BYTES = 256 * 1024
SHORTEST_LIFE_S = 60.0
"""How long a token is good that does not say: "If omitted, this defaults to 60 seconds" (token.md)."""
LONGEST_LIFE_S = 86_400.0
LAST_PART = 1 / 6
"""A token is renewed when this part of its life is left: a request that has begun should end within it."""
MOST_TOKENS = 1000
LONGEST_CHALLENGE = 8192

AskForToken = Callable[[str, str, Mapping[str, str], str, int], Answer]
"""Method, address, headers, body and cap of a question to the token server."""

_BEARER = re.compile(r"(?:^|,)\s*bearer\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)', re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}", re.ASCII)
_PLACE = re.compile(r"/v2/(.+)/(?:manifests/[^/]+|blobs/uploads/[^/]*|blobs/[^/]+|tags/list|referrers/[^/]+)", re.ASCII)
_ACTIONS = {"GET": "pull", "HEAD": "pull", "PUT": "pull,push", "POST": "pull,push", "PATCH": "pull,push"}


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry says of its token server: its address, the service and scope to name there, what was wrong."""

    realm: str
    service: str = ""
    scope: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    scope: str
    good_until: float


def read_challenge(header: str) -> Challenge | None:
    """The Bearer challenge in a WWW-Authenticate header; None where it has none that names a realm."""
    start = _BEARER.search(header[:LONGEST_CHALLENGE])
    if start is None:
        return None
    found: dict[str, str] = {}
    at = start.end()
    while pair := _PARAMETER.match(header[:LONGEST_CHALLENGE], at):
        quoted, plain = pair[2], pair[3]
        found.setdefault(pair[1].lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
        at = pair.end()
    if not found.get("realm"):
        return None
    return Challenge(found["realm"], found.get("service", ""), found.get("scope", ""), found.get("error", ""))


def scope_of(method: str, path: str) -> str:
    """The scope that a request needs, as distribution asks for it; empty for one that needs none.

    The registry's own word goes before this: it is what its challenge names.
    """
    plain = path.partition("?")[0]
    if plain == "/v2/_catalog":
        return "registry:catalog:*"
    place = _PLACE.fullmatch(plain)
    actions = "delete" if method == "DELETE" else _ACTIONS.get(method, "")
    return f"repository:{place[1]}:{actions}" if place and actions else ""


class SignIn:
    """The `Authorization` of every request to one registry; may be used from many threads at once.

    Args:
        url: of the registry.
        credentials: user name and password, or None.
        realms: hosts, with their port where they have one, whose token servers are asked in any case.
        ask: how a token server is asked, some tries and time-outs included.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        url: str,
        credentials: tuple[str, str] | None,
        realms: tuple[str, ...],
        ask: AskForToken,
        monotonic: Callable[[], float],
    ) -> None:
        self._registry = _parts(url)
        self._realms = frozenset(each.lower() for each in realms)
        self._ask = ask
        self._monotonic = monotonic
        user, password = credentials or ("", "")
        self._refresh_token = password if user == IDENTITY_TOKEN_USER else ""
        self._user = "" if user == IDENTITY_TOKEN_USER else user
        self._basic = _basic(user, password) if self._user else ""
        self._challenge: Challenge | None = None
        self._lock = Lock()
        self._tokens: dict[str, _Token] = {}
        self._fetches: dict[str, Future[_Token]] = {}

    def authorization(self, need: str) -> str:
        """What to send with a request that needs the scope `need`; empty for nothing.

        Raises:
            NoToken, RealmRefused, Unauthorised, Denied, Throttled: a token is wanted, and cannot be had.
        """
        challenge = self._challenge
        if challenge is None:
            return self._basic
        return self._bearer(need, replace(challenge, scope=need))

    def after_refusal(self, need: str, header: str, sent: str) -> str:
        """What to send after a 401, once; empty where there is nothing else to send.

        Args:
            header: WWW-Authenticate of the 401.
            sent: what was sent before.

        Raises:
            NoToken, RealmRefused, Unauthorised, Denied, Throttled: a token is wanted, and cannot be had.
        """
        challenge = read_challenge(header)
        if challenge is None:
            self._challenge = None
            return self._basic if sent != self._basic else ""
        self._challenge = challenge
        return self._bearer(need, replace(challenge, scope=challenge.scope or need), refused=sent)

    def _bearer(self, need: str, challenge: Challenge, refused: str = "") -> str:
        """The token for a scope, from the cache or anew. Whoever comes while it is fetched waits for that one."""
        with self._lock:
            known = self._tokens.get(need)
            if known and known.good_until > self._monotonic() and f"Bearer {known.text}" != refused:
                return f"Bearer {known.text}"
            under_way = self._fetches.get(need)
            fetched = under_way or self._fetches.setdefault(need, Future())
        if under_way is None:
            asked = replace(challenge, scope=known.scope) if known and not refused else challenge
            self._fetch_for_all(need, asked, fetched)
        return f"Bearer {fetched.result().text}"

    def _fetch_for_all(self, need: str, challenge: Challenge, fetched: Future[_Token]) -> None:
        """Fetch a token for all who wait for it. What keeps us from it is everybody's error, and is not kept."""
        try:
            token = self._fetch(challenge)
        except BaseException as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            self._challenge = None  # the token server may have moved: the next 401 tells where it is
            with self._lock:
                del self._fetches[need]
                self._tokens.pop(need, None)
            fetched.set_exception(error)
            return
        with self._lock:
            del self._fetches[need]
            self._tokens.pop(need, None)
            self._tokens[need] = token
            if len(self._tokens) > MOST_TOKENS:
                del self._tokens[next(iter(self._tokens))]
        fetched.set_result(token)

    def _fetch(self, challenge: Challenge) -> _Token:
        realm = self._trusted(challenge.realm)
        began = self._monotonic()
        answer = self._by_refresh_token(realm, challenge) or self._by_password(realm, challenge)
        document = _document(answer, challenge)
        text = document.get("token") or document.get("access_token")
        if not isinstance(text, str) or not _TOKEN.fullmatch(text):
            raise NoToken("its answer has none")
        refresh_token = document.get("refresh_token")
        if isinstance(refresh_token, str) and _TOKEN.fullmatch(refresh_token):
            self._refresh_token = refresh_token
        return _Token(text, challenge.scope, began + _life_s(document.get("expires_in")) * (1 - LAST_PART))

    def _trusted(self, realm: str) -> SplitResult:
        """The parts of an address that may be asked for tokens, with our password; RealmRefused for another one."""
        parts = _parts(realm)
        host, place = parts.hostname or "", parts.netloc.lower()
        if parts.scheme not in ("http", "https") or not host or "@" in place:
            raise RealmRefused(f"{realm} is no address of one")
        is_own = host == self._registry.hostname and (self._registry.scheme == "http" or is_this_machine(host))
        if parts.scheme == "https" or is_own or self._realms & {host, place}:
            return parts
        raise RealmRefused(f"{realm} is neither https nor at the registry's own host")

    def _by_refresh_token(self, realm: SplitResult, challenge: Challenge) -> Answer | None:
        """The answer to a refresh token; None without one, or where it is not taken and a password may be."""
        refresh_token = self._refresh_token
        if not refresh_token:
            return None
        form = {
            "grant_type": "refresh_token",
            "service": challenge.service,
            "client_id": CLIENT_ID,
            "scope": challenge.scope,
            "refresh_token": refresh_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._asked("POST", urlunsplit(realm), headers, urlencode(form))
        if answer.status != 200 and self._basic and answer.status < 500:
            self._refresh_token = ""
            return None
        return answer

    def _by_password(self, realm: SplitResult, challenge: Challenge) -> Answer:
        """The answer to user name and password, or to nobody."""
        query = [*parse_qsl(realm.query, keep_blank_values=True)]
        query += [("service", challenge.service)] if challenge.service else []
        query += [("scope", each) for each in challenge.scope.split()]
        if self._user:
            query += [("account", self._user), ("client_id", CLIENT_ID), ("offline_token", "true")]
        headers = {"Accept": "application/json"} | ({"Authorization": self._basic} if self._basic else {})
        return self._asked("GET", urlunsplit(realm._replace(query=urlencode(query), fragment="")), headers, "")

    def _asked(self, method: str, url: str, headers: Mapping[str, str], body: str) -> Answer:
        host = urlsplit(url).netloc
        try:
            return self._ask(method, url, headers, body, TOKEN_CAP_BYTES)
        except RegistryTimeout as error:
            raise NoToken(f"{host} did not answer in time") from error
        except RegistryUnreachable as error:
            raise NoToken(f"{host} cannot be reached ({error.detail or 'no connection'})") from error
        except Nonsense as error:
            raise NoToken(f"{host} sends {error.detail}") from error


def _document(answer: Answer, challenge: Challenge) -> dict[str, Any]:
    """What a token server answered with, or the error that it means."""
    if answer.status != 200:
        raise _refusal(answer, challenge)
    try:
        return json_object(answer.body)
    except Nonsense as error:
        raise NoToken(f"its answer is {error.detail}") from None


def _refusal(answer: Answer, challenge: Challenge) -> RegistryError:
    host, (code, message) = urlsplit(answer.url).netloc, first_error(answer.body)
    said = f": {message}" if message else ""
    if answer.status in (400, 401):
        return Unauthorised(f"its token server {host} refuses them{said}", code)
    if answer.status == 403:
        return Denied(f"its token server {host} gives no token for {challenge.scope or 'it'}{said}", code)
    if answer.status == 429:
        return Throttled(f"so does its token server {host}", code)
    return NoToken(f"{host} answers with status {answer.status}{said}", code)


def _life_s(value: Any) -> float:
    """How long a token is good, in seconds, from the moment in which it was asked for: clocks differ."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(min(value, LONGEST_LIFE_S)) if is_number else SHORTEST_LIFE_S


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _parts(url: str) -> SplitResult:
    """The parts of an address; empty ones where it cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
