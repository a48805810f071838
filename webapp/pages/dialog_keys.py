"""The key that each dialog of a removal carries: pressing its button twice, in whatever tab, is one removal.

It is signed, so that the server knows again what it had asked: about what, which plan was shown, and how many tags
go with it. No form can be turned to other tags, or to a plan that asks for the repository's name without asking.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from webapp.pages.asked import Asked, Scope

MOST_TAGS_UNNAMED = 20
KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class DialogKey:
    """What one dialog asked: `subject` is `Asked.subject`, `tags` is how many would go."""

    key: str
    repository: str
    subject: str
    fingerprint: str
    tags: int

    @property
    def asks_name(self) -> bool:
        """Whether the repository's name has to be typed."""
        return self.subject == Scope.IMAGE or self.is_large

    @property
    def is_large(self) -> bool:
        """Whether the removal takes so long that its page is shown instead of waiting for its end."""
        return self.tags > MOST_TAGS_UNNAMED


def new_key(asked: Asked, fingerprint: str, tags: int) -> DialogKey:
    """A key for a dialog that is shown for the first time."""
    return DialogKey(secrets.token_urlsafe(KEY_BYTES), asked.repository, asked.subject, fingerprint, tags)


def write_key(key: DialogKey) -> str:
    """The key as the form carries it."""
    return _serializer().dumps([key.key, key.repository, key.subject, key.fingerprint, key.tags])


def read_key(text: str, asked: Asked) -> DialogKey | None:
    """The key that a form brought back; None where it is not ours, or another dialog's."""
    try:
        key = DialogKey(*_serializer().loads(text))
    except (BadSignature, TypeError):
        return None
    return key if (key.repository, key.subject) == (asked.repository, asked.subject) else None


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="removal-dialog")
