"""Which named error an answer means. Each row is an answer and where it was seen or is described."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from requests.structures import CaseInsensitiveDict

from webapp.registry.errors import (
    PAUSED,
    DeletesDisabled,
    Denied,
    Nonsense,
    NotFound,
    ReadOnly,
    Refused,
    RegistryError,
    RegistryFailed,
    RegistryTimeout,
    RegistryUnreachable,
    Throttled,
    Unauthorised,
    error_for,
)

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"


def body(code: str, message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


@pytest.mark.parametrize(
    ("method", "status", "content_type", "content", "expected"),
    [
        # distribution.md 1.1, DELETE of a manifest
        ("DELETE", 404, JSON_TYPE, body("MANIFEST_UNKNOWN"), NotFound),
        ("DELETE", 405, JSON_TYPE, body("UNSUPPORTED"), DeletesDisabled),
        ("DELETE", 405, TEXT_TYPE, b"Method not allowed\n", ReadOnly),
        ("DELETE", 401, JSON_TYPE, body("UNAUTHORIZED"), Unauthorised),
        ("DELETE", 500, JSON_TYPE, body("UNKNOWN"), RegistryFailed),
        ("DELETE", 400, JSON_TYPE, body("DIGEST_INVALID"), Refused),
        # reliability.md 1.6: the specification allows 400 for 'disabled' as well
        ("DELETE", 400, JSON_TYPE, body("UNSUPPORTED"), DeletesDisabled),
        # distribution.md 2.1 and 6.1, PUT of a manifest
        ("PUT", 405, TEXT_TYPE, b"Method not allowed\n", ReadOnly),
        ("PUT", 405, JSON_TYPE, body("UNSUPPORTED"), Refused),
        ("PUT", 400, JSON_TYPE, body("MANIFEST_BLOB_UNKNOWN"), Refused),
        # machine.md, nginx while a run has the writer away
        ("PUT", 403, JSON_TYPE, body("DENIED", PAUSED), ReadOnly),
        ("PUT", 403, JSON_TYPE, body("DENIED", "You may not push here."), Denied),
        # tags/list of a repository that never had a tag; HEAD has no body (seen on 2.8.2)
        ("GET", 404, JSON_TYPE, body("NAME_UNKNOWN"), NotFound),
        ("HEAD", 404, JSON_TYPE, b"", NotFound),
        # not a registry's own 404: a proxy, another server, a route that 2.8 lacks
        ("GET", 404, "text/html", b"<h1>404 Not Found</h1>", Nonsense),
        ("HEAD", 404, "text/html", b"", Nonsense),
        ("GET", 404, TEXT_TYPE, b"404 page not found\n", Nonsense),
        ("GET", 404, JSON_TYPE, b'{"error": "no such page"}', Nonsense),
        # a proxy in front: nobody is there, or nobody answered in time
        ("GET", 502, "text/html", b"", RegistryUnreachable),
        ("GET", 504, "text/html", b"", RegistryUnreachable),
        ("DELETE", 502, "text/html", b"", RegistryTimeout),
        ("DELETE", 504, "text/html", b"", RegistryTimeout),
        # distribution.md 5.5: the registry's health check failed
        ("GET", 503, JSON_TYPE, body("UNAVAILABLE", "service unavailable"), RegistryUnreachable),
        ("GET", 429, JSON_TYPE, body("TOOMANYREQUESTS"), Throttled),
        ("GET", 405, "text/html", b"", Refused),
        ("GET", 301, "text/html", b"", Nonsense),
        # bodies that try to break the reader
        ("GET", 400, JSON_TYPE, b"[" * 50_000, Refused),
        ("GET", 400, JSON_TYPE, b'{"errors": [3]}', Refused),
        ("GET", 400, JSON_TYPE, b'{"errors": {}}', Refused),
        ("GET", 400, JSON_TYPE, b'{"errors": [{"code": {}, "message": []}]}', Refused),
    ],
)
def test_an_answer_means_one_named_error(
    method: str, status: int, content_type: str, content: bytes, expected: type[RegistryError]
) -> None:
    error = error_for(method, status, CaseInsensitiveDict({"content-type": content_type}), content)
    assert type(error) is expected


@pytest.mark.parametrize("kind", [*RegistryError.__subclasses__(), *RegistryUnreachable.__subclasses__()])
def test_every_error_has_a_sentence(kind: type[RegistryError]) -> None:
    assert kind().sentence[0] in string.ascii_uppercase
    assert kind().sentence.endswith(".")
    assert kind("why it did.").sentence.endswith(": why it did.")


def test_nginx_says_of_maintenance_what_is_understood_as_read_only() -> None:
    assert PAUSED in (Path(__file__).parents[2] / "deploy/nginx/registry.conf").read_text()


def test_a_stranger_cannot_write_into_a_sentence_what_a_terminal_obeys() -> None:
    error = error_for("GET", 400, CaseInsensitiveDict(), body("X", "\x1b[2J\r\u202eevil" + "x" * 10_000))
    assert error.sentence.isprintable()
    assert len(error.sentence) < 400


def test_a_registry_that_wants_a_token_says_so() -> None:
    headers = CaseInsensitiveDict({"Www-Authenticate": 'Bearer realm="https://auth.example/token"'})
    assert "token" in error_for("GET", 401, headers, b"").sentence


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        (RegistryTimeout, True),
        (RegistryFailed, True),
        (Nonsense, True),
        (RegistryUnreachable, False),
        (ReadOnly, False),
    ],
)
def test_an_error_says_whether_a_write_may_have_happened(kind: type[RegistryError], unknown: bool) -> None:
    assert kind().outcome_is_unknown is unknown
