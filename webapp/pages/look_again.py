"""An open list of tags hears what a look at them found: it asks until the look has ended, and is drawn anew where it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Response, make_response, request

from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.pages.answers import fragment_answer, wants_fragment
from webapp.pages.current import background, parts

LOOKED_AT_LATELY = timedelta(minutes=1)
SEEN = "seen"
"""The name under which a list that asks sends the mark of what it shows."""


def look_soon(repository: str, names: Sequence[str], as_of: datetime | None, state: RegistryState | None) -> bool:
    """Have the shown tags looked at, unless that was done a moment ago or the registry is away; whether they are."""
    is_away = state is not None and state.mode == RegistryMode.UNREACHABLE
    is_due = bool(names) and as_of is not None and parts().now() - as_of > LOOKED_AT_LATELY
    return is_due and not is_away and background().check_soon(repository, names)


def seen_mark() -> str:
    """The mark of the list that asks; empty where a person asks."""
    return request.args.get(SEEN, "") if wants_fragment() else ""


def mark_of(*shown: object) -> str:
    """A mark that is another one as soon as anything of it is otherwise."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def nothing_yet() -> Response:
    """The look goes on: the list asks again."""
    return make_response("", 204)


def unchanged(**context: Any) -> Response:
    """The look has ended and found nothing else: only of when the list is changes."""
    answer = fragment_answer("tags/_unchanged.html", **context)
    answer.headers["HX-Reswap"] = "none"
    return answer
