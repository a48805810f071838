"""A notice as a POST of JSON. docs/notices.md says what is in it, and how a receiver proves that it is ours."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime

from webapp.notices.answers import Answer
from webapp.notices.connection import TALK_S, Called, Lookup, call


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where notices are posted to; `secret` signs them, '' for no signature."""

    called: Called
    secret: str


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the time stamp, a dot and the body, so that neither can be changed nor sent again much later."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(
    webhook: Webhook,
    key: str,
    document: str,
    now: datetime,
    *,
    look_up: Lookup = socket.getaddrinfo,
    context: ssl.SSLContext | None = None,
    talk_s: float = TALK_S,
) -> Answer:
    """Post a document once. Its time stamp is this try's, its key that of all tries."""
    body, timestamp = document.encode(), str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Holystone-Delivery": key,
        "Holystone-Timestamp": timestamp,
    }
    if webhook.secret:
        headers["Holystone-Signature"] = f"sha256={signature(webhook.secret, timestamp, body)}"
    return call(webhook.called, "POST", headers, body, look_up=look_up, context=context, talk_s=talk_s)
