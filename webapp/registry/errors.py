"""What can go wrong with a registry: one named error per meaning, each with a sentence for a person.

Callers branch on the class; people read `sentence`. `error_for` is the one place that reads a status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from webapp.registry.text import plain_text

LONGEST_DETAIL = 300


class RegistryError(Exception):
    """Something about the registry went wrong. Base of all named errors, never raised itself.

    Attributes:
        sentence: what happened, for a person.
        detail: the part of the sentence that says why; may be empty.
        code: the registry's own word for it, such as MANIFEST_UNKNOWN; empty where it gave none.
        outcome_is_unknown: a request that changes something may have been carried out all the same.
    """

    meaning: ClassVar[str]
    outcome_is_unknown: ClassVar[bool] = False

    def __init__(self, detail: str = "", code: str = "") -> None:
        self.code = code
        why = self.detail = plain_text(detail, LONGEST_DETAIL).strip().rstrip(".")
        self.sentence = f"{self.meaning}: {why}." if why else f"{self.meaning}."
        super().__init__(self.sentence)


class RegistryUnreachable(RegistryError):
    """No connection, or a proxy says that nobody is behind it. The request was not carried out."""

    meaning = "The registry cannot be reached"


class RegistryTimeout(RegistryUnreachable):
    """The request was sent, and no whole answer came: whether it was carried out is unknown."""

    meaning = "The registry did not answer in time"
    outcome_is_unknown = True


class ProxyFailed(RegistryTimeout):
    """The proxy that the environment names does not answer, lets nobody through or cannot be used.

    Nothing was sent, and nothing was learned of the registry: it may be there all the same.
    """

    meaning = "The registry cannot be reached through the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)"
    outcome_is_unknown = False


class RegistryFailed(RegistryError):
    """The registry says that it failed inside (500): whether it carried the request out is unknown."""

    meaning = "The registry reports an error of its own"
    outcome_is_unknown = True


class Unauthorised(RegistryError):
    """401: it wants a sign-in, or does not accept the one given."""

    meaning = "The registry does not accept the user name and password that Holystone has for it"


class RealmRefused(Unauthorised):
    """The registry asks for a token of an address that Holystone does not send the password to."""

    meaning = (
        "The registry asks for a token of a server that Holystone does not trust"
        " (HOLYSTONE_TOKEN_REALMS names hosts to trust)"
    )


class NoToken(RegistryError):
    """The registry wants a token, and its token server gives none. Nothing was carried out."""

    meaning = "The registry's token server gives Holystone no token"


class Denied(RegistryError):
    """403, or a token without the right: the sign-in is good, the act is not allowed; a proxy in front may say why."""

    meaning = "The registry does not allow this"


class NotFound(RegistryError):
    """404, said by a registry: the repository, manifest or blob is not there."""

    meaning = "The registry does not have this"


class ReadOnly(RegistryError):
    """405 in plain text: the registry runs read-only (distribution.md 1.1)."""

    meaning = "The registry is read-only at present"


class DeletesDisabled(RegistryError):
    """405 with the code UNSUPPORTED: `storage.delete.enabled` is not set (distribution.md 1.1)."""

    meaning = "Deleting is switched off in the registry's configuration (storage.delete.enabled)"


class Throttled(RegistryError):
    """429, also after the pauses that it asked for: too many requests. Nothing was carried out."""

    meaning = "The registry asks for fewer requests; try again later"


class Refused(RegistryError):
    """The registry understood and said no for a reason of its own, found in `code`."""

    meaning = "The registry refused this"


class Nonsense(RegistryError):
    """What came makes no sense: another digest, too large, not JSON, not a registry's answer."""

    meaning = "What the registry answered makes no sense"
    outcome_is_unknown = True


PAUSED = "The registry is read-only for maintenance."
"""How nginx refuses a write while the registry is collected (deploy/nginx/registry.conf): with a 403, whose text clients print."""


def error_for(method: str, status: int, headers: Mapping[str, str], body: bytes) -> RegistryError:
    """The named error that an answer means.

    Args:
        method: of the request, in capitals.
        headers: case-insensitive.
        body: the first part of the answer; empty for a HEAD.
    """
    code, message = first_error(body)
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    meaning = ReadOnly if status == 403 and message.startswith(PAUSED) else _meaning(method, status, media_type, code)
    if status == 401 and _lacks_a_right(headers):
        meaning = Denied
    return meaning(_detail(meaning, status, headers, message), code)


_BY_STATUS: Mapping[int, type[RegistryError]] = {
    401: Unauthorised,
    403: Denied,
    429: Throttled,
    502: RegistryUnreachable,
    503: RegistryUnreachable,
    504: RegistryUnreachable,
}


def _meaning(method: str, status: int, media_type: str, code: str) -> type[RegistryError]:
    if status == 404:
        return NotFound if _is_the_registrys_own_404(method, media_type, code) else Nonsense
    if status in (400, 405) and code == "UNSUPPORTED" and method == "DELETE":
        return DeletesDisabled
    if status == 405 and media_type == "text/plain" and not code:
        return ReadOnly
    if status in (502, 504) and method in ("PUT", "DELETE"):
        return RegistryTimeout
    by_hundreds = {4: Refused, 5: RegistryFailed}.get(status // 100, Nonsense)
    return _BY_STATUS.get(status, by_hundreds)


def _is_the_registrys_own_404(method: str, media_type: str, code: str) -> bool:
    """JSON with a code; without a body, JSON's media type. A proxy's page about a wrong address is not that, and must
    never look like a deleted image."""
    return bool(code) or (method == "HEAD" and "json" in media_type)


def _lacks_a_right(headers: Mapping[str, str]) -> bool:
    """Whether a token was good, but not for this (RFC 6750, 3.1)."""
    return "insufficient_scope" in headers.get("WWW-Authenticate", "")


def _detail(meaning: type[RegistryError], status: int, headers: Mapping[str, str], message: str) -> str:
    if status == 401 and meaning is Denied:
        return message or "the token that Holystone gets lacks the right"
    if meaning is Unauthorised and headers.get("WWW-Authenticate", "").lower().startswith("bearer"):
        return "it does not take the token that its token server gave"
    if meaning is Nonsense and status == 404:
        return "status 404, but not as a registry says it: is the address right?"
    if meaning in (NotFound, ReadOnly, DeletesDisabled):
        return ""
    return message or f"status {status}"


def first_error(body: bytes) -> tuple[str, str]:
    """Code and message of the first error in a registry's error body; empty texts for anything else."""
    try:
        first = json.loads(body)["errors"][0]
        return plain_text(str(first.get("code") or ""), 64), str(first.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""
