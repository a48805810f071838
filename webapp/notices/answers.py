"""What another server said, as a sentence for an administrator: bounded, on one line, and without our secrets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException

from webapp.registry.text import plain_text

LONGEST = 300
_SHORTEST_SECRET = 6
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLError, "it does not speak TLS as it should"),
    (TimeoutError, "it did not answer in time"),
    (socket.gaierror, "its name is not known"),
    (HTTPException, "it closed the connection, or does not speak HTTP"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a message was taken, and what was said."""

    is_taken: bool
    sentence: str


def one_line(text: str, secrets: Iterable[str] = (), longest: int = LONGEST) -> str:
    """Text of a stranger, which may repeat what it was sent."""
    for secret in sorted({each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, "…")
    return plain_text(" ".join(text.split()), longest)


def why(error: Exception) -> str:
    """Why a connection failed, in words that follow a colon. Nothing of what was sent is in them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({one_line(error.verify_message)})"
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    strerror = error.strerror if isinstance(error, OSError) else ""
    return one_line(strerror[0].lower() + strerror[1:]) if strerror else "the connection broke"
