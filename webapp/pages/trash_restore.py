"""The dialog that restores items of the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request, url_for

from webapp.activities.models import Outcome
from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, parts, person, place
from webapp.pages.filters import counted
from webapp.pages.removal_dialog import Trouble, remedy_for
from webapp.pages.trash import bp
from webapp.pages.trash_asked import (
    GOES_ON,
    NOT_THERE,
    SLOW,
    WORKS_S,
    asked_items,
    is_agreed,
    status_of,
    subject_of,
    way_back,
)
from webapp.pages.trash_lines import name_of
from webapp.registry.errors import RegistryError
from webapp.removal.restore import restore
from webapp.removal.restore_looks import Look, look_before
from webapp.removal.restores_in_doubt import Restored
from webapp.removal.trash_models import Restorable, TrashItem

__all__ = ["bp"]

MOST_SHOWN = 20
NOT_RESTORED = "Nothing was restored."
FROM_JOURNAL = "Manifests of it are gone from the registry; they are put again as Holystone has kept them."


@bp.route("/trash/restore", methods=["GET", "POST"])
def restore_items() -> Response:
    """Look whether items can be restored, and restore them."""
    items = asked_items()
    return _restore(items) if is_agreed() else _ask(items)


def _ask(items: Sequence[TrashItem], status: int = 200, **more: Any) -> Response:
    remover, name = parts().remover, _typed_name()
    ids = [item.id for item in items]
    try:
        looks = background().ask(lambda: look_before(remover, ids, name))
    except StillLooking:
        return _dialog(items, [], 504, error=Trouble(SLOW, f"{NOT_RESTORED} Try again."))
    except RegistryError as error:
        return _dialog(items, [], status_of(error), error=Trouble(error.sentence, remedy_for(error, NOT_RESTORED)))
    return _dialog(items, looks, status, **more)


def _dialog(items: Sequence[TrashItem], looks: Sequence[Look], status: int, **more: Any) -> Response:
    comes = [look for look in looks if not look.refusal]
    stays = [(_name(look), look.refusal) for look in looks if look.refusal]
    asks_name = _asks_name(items, looks)
    usual = {
        "action": url_for("trash.restore_items"),
        "back": way_back(items),
        "then": request.values.get("then", ""),
        "ids": [item.id for item in items],
        "subject": subject_of(items),
        "error": None,
        "asks_name": asks_name,
        "name": _typed_name(),
        "comes": [(_name(look), look.item.digest) for look in comes[:MOST_SHOWN]],
        "comes_words": counted(len(comes), "item"),
        "stays": stays[:MOST_SHOWN],
        "more_stay": max(0, len(stays) - MOST_SHOWN),
        "from_journal": FROM_JOURNAL if any(look.restorable == Restorable.FROM_JOURNAL for look in comes) else "",
        "as_of": parts().now(),
        "button_label": _button(len(comes), asks_name),
    }
    return page_or_fragment("trash/restore.html", "trash/_restore.html", status, **{**usual, **more})


def _asks_name(items: Sequence[TrashItem], looks: Sequence[Look]) -> bool:
    """Whether one item cannot have the name that it had, or was asked for, and could have another."""
    if len(items) != 1 or not items[0].tag:
        return False
    asked = next((look for look in looks if look.item.id == items[0].id), None)
    return asked is not None and asked.restorable != Restorable.NO and bool(asked.refusal or _typed_name())


def _button(number: int, asks_name: bool) -> str:
    if asks_name:
        return "Restore under this name"
    return "" if not number else "Restore" if number == 1 else f"Restore {counted(number, 'item')}"


def _typed_name() -> str:
    return request.values.get("name", "").strip()


def _name(look: Look) -> str:
    return name_of(look.item.repository, look.tag, look.item.digest)


def _restore(items: Sequence[TrashItem]) -> Response:
    user, remover, where, name = person(), parts().remover, place(), _typed_name()
    actor, ids = user.name if user else "", [item.id for item in items]
    try:
        done = background().ask(lambda: restore(remover, ids, actor, where, name), WORKS_S)
    except StillLooking:
        return go_to(way_back(items), trouble=GOES_ON)
    for repository in sorted({each.repository for each in done}):
        background().sync_soon(repository)
    back = [each for each in done if each.outcome == Outcome.DONE]
    left = [each for each in done if each.outcome != Outcome.DONE]
    if not back:
        return _ask(items, 409, error=Trouble(left[0].reason if left else NOT_THERE, NOT_RESTORED))
    return go_to(way_back(items), _restored_words(back), _left_words(left))


def _restored_words(back: Sequence[Restored]) -> str:
    if len(back) == 1:
        return f"Restored {name_of(back[0].repository, back[0].tag, back[0].digest)}."
    return f"Restored {counted(len(back), 'item')}."


def _left_words(left: Sequence[Restored]) -> str:
    named = [f"{name_of(each.repository, each.tag, each.digest)}: {each.reason}" for each in left[:3]]
    return f"{counted(len(left), 'item')} could not be restored. {' '.join(named)}" if left else ""
