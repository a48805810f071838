"""/trash: what was deleted and can be restored, and what became of it."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from webapp.catalogue.models import RegistryState
from webapp.catalogue.space_listing import measured_space
from webapp.pages.answers import page_or_fragment
from webapp.pages.current import is_administrator, may_delete, parts, visibility
from webapp.pages.permits import Who, why_not
from webapp.pages.repositories import held_when
from webapp.pages.trash_lines import EMPTY, STATES, trash_lines
from webapp.removal.trash_listing import TrashFilter, how_many_in_trash, is_touched_by_others, trash_page
from webapp.removal.trash_models import TrashState

bp = Blueprint("trash", __name__)

LONGEST_FILTER = 300
FILTERS = ("state", "repository", "person")


@bp.get("/trash")
def index() -> Response:
    """List what is in the trash, or, where the address asks for it, what has left it."""
    asked = {name: request.args.get(name, "").strip()[:LONGEST_FILTER] for name in FILTERS}
    given = {name: value for name, value in asked.items() if value}
    cursor = request.args.get("after", "")
    state = TrashState(asked["state"]) if asked["state"] in {each.value for each in STATES} else TrashState.IN_TRASH
    wanted = TrashFilter(state, asked["repository"], asked["person"])

    def address(**more: str) -> str:
        said = {**given, **more}
        return f"{url_for('.index')}{'?' if said else ''}{urlencode(said)}"

    with parts().reading() as session:
        found = trash_page(session, visibility(), wanted, cursor)
        lines = trash_lines(session, found.rows)
        return page_or_fragment(
            "trash/list.html",
            "trash/_rows.html",
            lines=lines,
            shown=found.matching,
            state=state.value,
            states=[(each.value, words) for each, words in STATES.items()],
            empty=EMPTY[state],
            filter=asked,
            is_filtered=bool(asked["repository"] or asked["person"]),
            next_page=address(after=found.next) if found.next else "",
            first_page=address() if cursor else "",
            retention=parts().settings.TRASH_RETENTION,
            total=how_many_in_trash(session, visibility()),
            held_bytes=_held_bytes(session),
            is_touched=is_touched_by_others(session),
            may_restore=may_delete(),
            may_empty=may_delete() and is_administrator(),
            why_not=why_not(Who.RESTORERS),
            unreachable=held_when(session.get(RegistryState, 1)),
        )


def _held_bytes(session: Session) -> int | None:
    """What only the trash holds, as it was last added up."""
    whole = measured_space(session, visibility())
    return whole.in_trash_bytes if whole else None
