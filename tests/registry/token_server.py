"""A token server for a test, and a registry that takes its tokens only: both small, both by HTTP."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.registry.odd_registry import JSON, Asked, OddRegistry, Reply, odd_registry

ANSWERS = {"/v2/_catalog": {"repositories": ["team/api"]}, "/v2/team/api/tags/list": {"tags": ["1.4"]}}


@dataclass
class Tokens:
    """What the token server gives out. `life` is its `expires_in`; `more` is added to each answer.

    `granted` are the scopes of each token that is good at present: empty it, and they all are bad.
    """

    life: object = None
    more: dict[str, Any] = field(default_factory=dict)
    granted: dict[str, str] = field(default_factory=dict)
    reply: Callable[[Asked], Reply | None] = lambda _asked: None
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, asked: Asked) -> Reply:
        """The token server's answer."""
        scopes = parse_qs(asked.body.decode() if asked.method == "POST" else urlsplit(asked.path).query).get("scope")
        own = self.reply(asked)
        if own is not None:
            return own
        with self._lock:
            token = f"token-{next(self._numbers)}"
            self.granted[token] = " ".join(scopes or [])
        life = {} if self.life is None else {"expires_in": self.life}
        return Reply(200, json.dumps({"token": token, **life, **self.more}).encode())

    def allows(self, asked: Asked, scope: str) -> bool:
        """Whether a request carries a token that is good for a scope."""
        kind, _, token = asked.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and self.granted.get(token) == scope


@dataclass
class TokenHouse:
    """A registry and its token server."""

    registry: OddRegistry
    server: OddRegistry
    tokens: Tokens


def wanted_scope(asked: Asked) -> str:
    """What distribution 2.8 asks for (`appendAccessRecords`)."""
    path = urlsplit(asked.path).path
    if path == "/v2/_catalog":
        return "registry:catalog:*"
    if path == "/v2/" or asked.method == "OPTIONS":
        return ""
    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(asked.method, "pull,push")
    return f"repository:team/api:{actions}"


def challenge(realm: str, scope: str = "", error: str = "") -> dict[str, str]:
    """The header of a 401."""
    more = (f',scope="{scope}"' if scope else "") + (f',error="{error}"' if error else "")
    return {**JSON, "WWW-Authenticate": f'Bearer realm="{realm}",service="registry.example"{more}'}


@contextmanager
def token_house(
    wanted: Callable[[Asked], str] = wanted_scope, realm: Callable[[str], str] = lambda url: f"{url}/token?of=us"
) -> Iterator[TokenHouse]:
    """Serve both; `wanted` says which scope a request needs, `realm` makes the realm of the server's address."""
    tokens = Tokens()

    def reply(asked: Asked) -> Reply:
        scope = wanted(asked)
        if not tokens.allows(asked, scope):
            has_token = asked.headers.get("Authorization", "").startswith("Bearer ")
            return Reply(401, b"", challenge(realm(server.url), scope, "invalid_token" if has_token else ""))
        return Reply(202 if asked.method == "DELETE" else 200, json.dumps(ANSWERS.get(asked.path, {})).encode())

    with odd_registry(tokens.answer) as server, odd_registry(reply) as registry:
        yield TokenHouse(registry, server, tokens)
