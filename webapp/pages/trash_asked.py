"""Which items of the trash a request means."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound

from webapp.pages.addresses import row_id
from webapp.pages.current import parts, visibility
from webapp.pages.trash_lines import name_of
from webapp.registry.errors import RegistryError, RegistryUnreachable
from webapp.removal.empty import MOST_AT_ONCE
from webapp.removal.restore_looks import rows_of
from webapp.removal.trash_listing import ids_in_trash, items_of_removal
from webapp.removal.trash_models import TrashItem

NOTHING_TICKED = "Nothing is ticked. Tick what you mean, then press the button again; nothing was changed."
NOT_THERE = "This is not in the trash any more."
GOES_ON = "This takes longer than 20 seconds, and goes on. The activities say how it ended."
SLOW = "The registry has not answered within 5 seconds."
WORKS_S = 20.0
"""For so long a page waits for what it began; the activities say how the rest ended."""


def asked_items() -> list[TrashItem]:
    """The items that are meant: named ones, those of a removal, or all; at most as many as go at once.

    Raises:
        BadRequest: a form names none.
        NotFound: there are none such, or whoever asks may not see them.
    """
    with parts().reading() as session:
        items = rows_of(session, _asked_ids(session))
    if not items or not visibility().sees_everything:
        raise NotFound(NOT_THERE)
    return items


def _asked_ids(session: Session) -> list[int]:
    given = request.values
    if given.get("all"):
        return ids_in_trash(session, visibility(), MOST_AT_ONCE)
    try:
        if given.get("removal"):
            return items_of_removal(session, visibility(), row_id(given["removal"]), MOST_AT_ONCE)
        ids = sorted({row_id(each) for each in given.getlist("item")})
    except ValueError:
        raise NotFound(NOT_THERE) from None
    if not ids:
        raise BadRequest(NOTHING_TICKED)
    return ids[:MOST_AT_ONCE]


def is_agreed() -> bool:
    """Whether a dialog's button was pressed, and not the one that opens it."""
    return request.method == "POST" and "agreed" in request.form


def subject_of(items: Sequence[TrashItem]) -> str:
    """The one item that it is about, as people write it; '' for several."""
    return name_of(items[0].repository, items[0].tag, items[0].digest) if len(items) == 1 else ""


def way_back(items: Sequence[TrashItem]) -> str:
    """The page to return to."""
    if request.values.get("then") == "list":
        return url_for("tags.index", repository=items[0].repository)
    return url_for("trash.index")


def status_of(error: RegistryError) -> int:
    """The status of a page that says why the registry did not do something."""
    return 503 if isinstance(error, RegistryUnreachable) else 502
