"""The key that each dialog of a removal carries: pressing its button twice, in whatever tab, is one removal.

It is signed, so that the server knows again what it had asked: about what, and how many tags went with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

MOST_TAGS_UNNAMED = 20
KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class DialogKey:
    """What one dialog asked: `tag` is None for the whole image, `tags` is how many would go."""

    key: str
    repository: str
    tag: str | None
    tags: int

    @property
    def asks_name(self) -> bool:
        """Whether the repository's name has to be typed."""
        return self.tag is None or self.tags > MOST_TAGS_UNNAMED

    @property
    def is_large(self) -> bool:
        """Whether the removal takes so long that its page is shown instead of waiting for its end."""
        return self.tags > MOST_TAGS_UNNAMED


def new_key(repository: str, tag: str | None, tags: int) -> DialogKey:
    """A key for a dialog that is shown for the first time."""
    return DialogKey(secrets.token_urlsafe(KEY_BYTES), repository, tag, tags)


def write_key(key: DialogKey) -> str:
    """The key as the form carries it."""
    return _serializer().dumps([key.key, key.repository, key.tag, key.tags])


def read_key(text: str, repository: str, tag: str | None) -> DialogKey | None:
    """The key that a form brought back; None where it is not ours, or another dialog's."""
    try:
        key = DialogKey(*_serializer().loads(text))
    except (BadSignature, TypeError):
        return None
    return key if (key.repository, key.tag) == (repository, tag) else None


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="removal-dialog")
