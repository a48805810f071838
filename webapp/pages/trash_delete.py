"""The dialog that deletes items of the trash for good, or empties it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import Response, request, url_for

from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, parts, person, place, visibility
from webapp.pages.filters import counted, in_bytes, thousands
from webapp.pages.plan_words import Staying
from webapp.pages.removal_dialog import Trouble, remedy_for
from webapp.pages.trash import bp
from webapp.pages.trash_asked import GOES_ON, SLOW, WORKS_S, asked_items, is_agreed, status_of, subject_of, way_back
from webapp.registry.errors import RegistryError
from webapp.removal.empty import MOST_AT_ONCE, Emptied, empty, look_at_emptying
from webapp.removal.execute import Preview, space_together
from webapp.removal.remover import Remover
from webapp.removal.space import Space
from webapp.removal.trash_listing import how_many_in_trash, went_along
from webapp.removal.trash_models import TrashItem

__all__ = ["bp"]

MOST_UNASKED = 20
WORD = "trash"
NOT_DELETED = "Nothing was deleted."
WRONG_WORD = f"Type {WORD}."

Shown = tuple[list[Preview], Space]


@bp.route("/trash/delete", methods=["GET", "POST"])
def delete_items() -> Response:
    """Say what deleting items for good would free, and delete them."""
    items = asked_items()
    if not is_agreed():
        return _ask(items)
    if len(items) > MOST_UNASKED and request.form.get("typed", "").strip() != WORD:
        return _ask(items, 422, typed_error=WRONG_WORD)
    return _delete(items)


def _ask(items: Sequence[TrashItem], status: int = 200, **more: Any) -> Response:
    remover, ids = parts().remover, _with_what_went_along(items)
    try:
        shown = background().ask(lambda: _plans(remover, ids))
    except StillLooking:
        return _dialog(items, ids, None, status, bytes_reason=SLOW, **more)
    except RegistryError as error:
        trouble = Trouble(error.sentence, remedy_for(error, NOT_DELETED))
        return _dialog(items, ids, None, status_of(error), error=trouble, goes_words="", button_label="")
    return _dialog(items, ids, shown, status, **more)


def _with_what_went_along(items: Sequence[TrashItem]) -> list[int]:
    with parts().reading() as session:
        along = went_along(session, items)
    return sorted({*(item.id for item in items), *(each.id for found in along.values() for each in found)})


def _plans(remover: Remover, ids: Collection[int]) -> Shown:
    previews = look_at_emptying(remover, ids)
    return previews, space_together(remover, previews)


def _dialog(items: Sequence[TrashItem], ids: Sequence[int], shown: Shown | None, status: int, **more: Any) -> Response:
    previews, space = shown or ([], None)
    is_all = bool(request.values.get("all"))
    goes = counted(len(ids), "item")
    if shown:
        goes += f", {counted(sum(len(each.plan.steps) for each in previews), 'manifest')}"
    usual = {
        "action": url_for("trash.delete_items"),
        "back": way_back(items),
        "ids": [item.id for item in items],
        "is_all": is_all,
        "subject": subject_of(items),
        "error": None,
        "goes_words": goes,
        "portion": _portion(len(items)) if is_all else "",
        "stays": _stays(previews),
        "bytes_freed": space.bytes_freed if space else None,
        "is_exact": bool(space and space.is_exact),
        "bytes_reason": "",
        "ask_word": WORD if len(items) > MOST_UNASKED else "",
        "typed": request.form.get("typed", ""),
        "typed_error": "",
        "as_of": parts().now(),
        "button_label": _button(len(items)),
    }
    return page_or_fragment("trash/delete.html", "trash/_delete.html", status, **{**usual, **more})


def _portion(number: int) -> str:
    """Where the trash has more than goes at once."""
    with parts().reading() as session:
        total = how_many_in_trash(session, visibility())
    if total <= number:
        return ""
    return f"The {thousands(MOST_AT_ONCE)} that are there the longest, of {thousands(total)}. Press again for more."


def _stays(previews: Sequence[Preview]) -> list[Staying]:
    """Manifests that stay, counted by the reason."""
    reasons: dict[str, int] = {}
    for kept in [each for shown in previews for each in shown.plan.kept]:
        reasons[kept.reason] = reasons.get(kept.reason, 0) + 1
    return [Staying(counted(number, "manifest"), reason) for reason, number in list(reasons.items())[:5]]


def _button(number: int) -> str:
    return "Delete for good" if number == 1 else f"Delete {counted(number, 'item')} for good"


def _delete(items: Sequence[TrashItem]) -> Response:
    user, remover, where, ids = person(), parts().remover, place(), _with_what_went_along(items)
    actor = user.name if user else ""
    try:
        done = background().ask(lambda: empty(remover, ids, actor, where), WORKS_S)
    except StillLooking:
        return go_to(way_back(items), trouble=GOES_ON)
    for repository in sorted({item.repository for item in items}):
        background().sync_soon(repository)
    if not (done.deleted or done.kept):
        sentence = done.sentences[0] if done.sentences else "The registry did not let go of it."
        return _ask(items, 409, error=Trouble(sentence, NOT_DELETED))
    return go_to(way_back(items), _done_words(done), _left_words(done))


def _done_words(done: Emptied) -> str:
    kept = f" {counted(done.kept, 'item')} stayed, since something else needs it or it is gone." if done.kept else ""
    if not done.deleted:
        return kept.strip()
    return (
        f"Deleted {counted(done.deleted, 'item')} for good.{kept} {in_bytes(done.bytes_freed)} come back"
        " at the next collection."
    )


def _left_words(done: Emptied) -> str:
    if not (done.left or done.sentences):
        return ""
    return " ".join([f"{counted(done.left, 'item')} could not be deleted.", *done.sentences[:3]])
