"""Deleting a tag, a manifest or an image: the dialog, its button, and how far a removal is."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound

from webapp.catalogue import listing
from webapp.catalogue.models import RegistryState
from webapp.maintenance.records import freed_since
from webapp.pages.answers import fragment_answer, go_to, page_or_fragment, wants_fragment
from webapp.pages.asked import Asked, manifest_asked, repository_asked, tag_asked
from webapp.pages.background import StillLooking
from webapp.pages.current import background, may_delete, parts, person, place, visibility
from webapp.pages.dialog_keys import DialogKey, read_key
from webapp.pages.removal_dialog import (
    CHANGED,
    WRONG_NAME,
    Trouble,
    plan_dialog,
    remedy_for,
    trouble_dialog,
    waiting_dialog,
)
from webapp.pages.removal_progress import progress_of, retry_of
from webapp.pages.removal_words import gone_tags, groups_of, toast_of, trouble_of, why_nothing_went
from webapp.pages.tag_filters import read_filters
from webapp.pages.tags import can_delete, key_of, lines, pull_command_of, repository_or_404, summary_of
from webapp.registry.errors import RegistryError, RegistryUnreachable
from webapp.removal.execute import PlanChanged, Preview
from webapp.removal.journal import Agreement, ask_to_stop, removal_by_key
from webapp.removal.models import Removal, RemovalState
from webapp.removal.remover import RemovalUnderWay
from webapp.removal.trash_listing import items_of_removal

bp = Blueprint("removals", __name__)

NO_REMOVAL = "There is no such removal, or you may not see it."
OLD_DIALOG = "This dialog cannot be read. Close it and open it again; nothing was deleted."
SLOW = Trouble(
    "The registry has not answered within 20 seconds.",
    "The deletion may still begin. See the activities before you try again.",
)
REFRESH_S = "2"


@bp.route("/repositories/<repository:repository>/-/tags/<tag:tag>/delete", methods=["GET", "POST"])
def delete_tag(repository: str, tag: str) -> Response:
    """Ask about deleting a tag, and delete it."""
    return _ask_or_delete(tag_asked(repository, tag))


@bp.route("/repositories/<repository:repository>/-/manifests/<digest:digest>/delete", methods=["GET", "POST"])
def delete_manifest(repository: str, digest: str) -> Response:
    """Ask about deleting a manifest without a tag, and delete it."""
    return _ask_or_delete(manifest_asked(repository, digest))


@bp.route("/repositories/<repository:repository>/-/delete", methods=["GET", "POST"])
def delete_repository(repository: str) -> Response:
    """Ask about deleting some tags or a whole image, and delete them."""
    with parts().reading() as session:
        asked = repository_asked(session, repository)
    return _ask_or_delete(asked)


@bp.get("/removals/<row:removal_id>")
def show(removal_id: int) -> Response:
    """How far a removal is, or how it ended."""
    with parts().reading() as session:
        removal = _removal_or_404(session, removal_id)
        freed_at = freed_since(session, removal.finished_at) if removal.finished_at else None
        return page_or_fragment(
            "removals/show.html",
            "removals/_progress.html",
            removal=progress_of(removal, parts().now(), freed_at),
            freed_at=freed_at,
            groups=groups_of(removal),
            retry=retry_of(removal) if may_delete() else None,
            restore=_restore_address(session, removal) if may_delete() else "",
            may_stop=may_delete(),
        )


@bp.post("/removals/<row:removal_id>/stop")
def stop(removal_id: int) -> Response:
    """Ask a removal to end after the step in hand."""
    user = person()
    with parts().reading() as session:
        _removal_or_404(session, removal_id)
    with parts().writing() as session:
        ask_to_stop(session, removal_id, user.name if user else "")
    return go_to(url_for(".show", removal_id=removal_id))


def _restore_address(session: Session, removal: Removal) -> str:
    """Of the dialog that takes a removal back; '' where nothing of it is in the trash."""
    is_there = removal.until and items_of_removal(session, visibility(), removal.id, 1)
    return url_for("trash.restore_items", removal=removal.id) if is_there else ""


def _removal_or_404(session: Session, removal_id: int) -> Removal:
    removal = session.get(Removal, removal_id)
    if removal is None or not visibility().sees_everything:
        raise NotFound(NO_REMOVAL)
    return removal


def _ask_or_delete(asked: Asked) -> Response:
    """A form without the dialog's key, or one that says `ask`, wants to know what would go; any other deletes."""
    if request.method == "POST" and "request_key" in request.form and "ask" not in request.form:
        return _delete(asked)
    return _ask(asked, typed=request.form.get("typed_name", ""))


def _ask(asked: Asked, status: int = 200, **more: str) -> Response:
    """The dialog, from facts read now."""
    with parts().reading() as session:
        repository_or_404(session, asked.repository)
    try:
        shown = background().look(asked.wanted)
    except StillLooking:
        return _still_reading(asked)
    except RegistryError as error:
        return _trouble(asked, Trouble(error.sentence, remedy_for(error)), _status_of(error))
    return _plan(asked, shown, status, **more)


def _plan(asked: Asked, shown: Preview, status: int, **more: str) -> Response:
    if asked.tags and set(asked.tags) <= set(shown.plan.gone):
        return _was_gone(asked)
    with parts().reading() as session:
        return _dialog(status, **plan_dialog(session, asked, shown, **more))


def _still_reading(asked: Asked) -> Response:
    with parts().reading() as session:
        answer = _dialog(200, **waiting_dialog(session, asked, parts().now()))
    if request.method == "GET" and not wants_fragment():
        answer.headers["Refresh"] = REFRESH_S
    return answer


def _trouble(asked: Asked, trouble: Trouble, status: int) -> Response:
    return _dialog(status, **trouble_dialog(asked, trouble, parts().now()))


def _dialog(status: int, **context: object) -> Response:
    return page_or_fragment("removals/dialog.html", "removals/_dialog.html", status, **context)


def _delete(asked: Asked) -> Response:
    """Delete what was agreed to; the same dialog's button twice is one removal, and one answer."""
    key = read_key(request.form.get("request_key", ""), asked)
    if key is None:
        raise BadRequest(OLD_DIALOG)
    known = _known(key)
    if known:
        return _outcome(asked, key, known)
    typed = request.form.get("typed_name", "").strip()
    if key.asks_name and typed != asked.repository:
        return _ask(asked, 422, typed=typed, typed_error=WRONG_NAME)
    return _carry_out(asked, key)


def _carry_out(asked: Asked, key: DialogKey) -> Response:
    user = person()
    agreement = Agreement(key.fingerprint, key.key, user.name if user else "", place())
    try:
        removal_id = background().remove(asked.wanted, agreement).wait(to_its_end=not key.is_large)
    except StillLooking:
        return _trouble(asked, SLOW, 504)
    except PlanChanged as changed:
        return _plan(asked, changed.preview, 409, notice=CHANGED)
    except RemovalUnderWay as error:
        return _trouble(asked, Trouble(error.sentence, ""), 409)
    except RegistryError as error:
        return _trouble(asked, Trouble(error.sentence, remedy_for(error)), _status_of(error))
    return _outcome(asked, key, removal_id)


def _known(key: DialogKey) -> int | None:
    with parts().reading() as session:
        removal = removal_by_key(session, key.key)
        return removal.id if removal else None


def _outcome(asked: Asked, key: DialogKey, removal_id: int) -> Response:
    """How a removal ended, or its page while it goes on."""
    its_page = url_for(".show", removal_id=removal_id)
    with parts().reading() as session:
        removal = session.get_one(Removal, removal_id)
        if key.is_large or removal.state == RemovalState.OPEN:
            return go_to(its_page)
        gone = gone_tags(removal)
        nothing = why_nothing_went(removal)
        if nothing:
            return _trouble(asked, nothing, 409)
        repository = listing.find_repository(session, visibility(), asked.repository)
        toast, trouble = toast_of(removal, repository is not None), trouble_of(removal)
        stays_on_list = wants_fragment() and repository and not (asked.is_image or asked.digests or asked.then)
        if stays_on_list:
            touched = [each.name for each in removal.tags]
            return _done(session, asked, gone, touched, toast, trouble, undo=_undo(removal))
    if trouble:
        return go_to(its_page)
    return go_to(asked.list_address if repository else url_for("repositories.index"), toast, undo=_undo(removal))


def _undo(removal: Removal) -> int | None:
    """What a toast offers to take back."""
    return removal.id if removal.until and removal.state == RemovalState.DONE else None


def _was_gone(asked: Asked) -> Response:
    """The tags are not there any more: their rows leave."""
    background().sync_soon(asked.repository)
    toast = f"{asked.name} {'was' if len(asked.tags) == 1 else 'were'} already gone."
    if asked.then or not wants_fragment():
        return go_to(asked.list_address, toast)
    with parts().reading() as session:
        return _done(session, asked, list(asked.tags), [], toast, "")


def _done(
    session: Session,
    asked: Asked,
    gone: list[str],
    touched: list[str],
    toast: str,
    trouble: str,
    undo: int | None = None,
) -> Response:
    """The parts of the list that changed: rows that left, rows that are otherwise, counts, toast."""
    row = repository_or_404(session, asked.repository)
    shown_by = read_filters(dict(parse_qsl(urlsplit(request.headers.get("HX-Current-URL", "")).query)))
    changed = listing.some_tag_rows(session, row, [name for name in touched if name not in gone])
    answer = fragment_answer(
        "removals/_done.html",
        repository=asked.repository,
        gone_keys=[key_of(name) for name in gone],
        changed_rows=lines(session, row, changed),
        summary=summary_of(row),
        shown=listing.tags(session, row, shown_by.wanted(parts().now()), size=1).matching,
        total=row.tag_count,
        filters=shown_by,
        pull_command=pull_command_of(session, row),
        may_delete=can_delete(session.get(RegistryState, 1)),
        toast=toast,
        undo=undo,
        trouble=trouble or None,
    )
    answer.headers["HX-Trigger-After-Settle"] = "dialog-done"
    return answer


def _status_of(error: RegistryError) -> int:
    return 503 if isinstance(error, RegistryUnreachable) else 502
