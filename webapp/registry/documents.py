"""JSON from a stranger: an object, or nonsense."""

from __future__ import annotations

import json
from typing import Any

from webapp.registry.errors import Nonsense


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that some bytes are.

    Raises:
        Nonsense: they are none.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise Nonsense("not JSON") from None
    if not isinstance(document, dict):
        raise Nonsense("not a JSON object")
    return document
