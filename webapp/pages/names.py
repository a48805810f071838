"""The dialog that gives a manifest without a tag a name."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, parts, person, place
from webapp.pages.filters import short_digest
from webapp.pages.manifest_view import KINDS
from webapp.pages.manifests import manifest_or_404
from webapp.pages.removal_dialog import Trouble, remedy_for
from webapp.registry.errors import RegistryError, RegistryUnreachable
from webapp.removal.naming import Naming, NeedsAnotherName, NotNamed, give_name
from webapp.removal.remover import RemovalUnderWay

bp = Blueprint("names", __name__)

NOT_GIVEN = "The name was not given."
GIVES_S = 20.0
TROUBLES = (StillLooking, NotNamed, RemovalUnderWay, RegistryError)
SLOW = Trouble("The registry has not answered within 20 seconds.", "The name may still be given: see the activities.")


@bp.route("/repositories/<repository:repository>/-/manifests/<digest:digest>/name", methods=["GET", "POST"])
def give(repository: str, digest: str) -> Response:
    """Ask for a name, and give it."""
    if request.method == "GET":
        return _dialog(repository, digest)
    tag, user = request.form.get("tag", "").strip(), person()
    try:
        _give(Naming(repository, digest, tag, user.name if user else "", place()))
    except NeedsAnotherName as error:
        return _dialog(repository, digest, 422, tag=tag, tag_error=error.sentence)
    except TROUBLES as error:
        status, trouble = _trouble(error)
        return _dialog(repository, digest, status, tag=tag, error=trouble)
    background().sync_soon(repository)
    its_page = url_for("tags.show", repository=repository, tag=tag)
    return go_to(its_page, f"The manifest {short_digest(digest)} is called {repository}:{tag} now.")


def _give(naming: Naming) -> None:
    remover = parts().remover
    background().ask(lambda: give_name(remover, naming), GIVES_S)


def _trouble(error: Exception) -> tuple[int, Trouble]:
    """The status, and what to say, where the name was not given, or nobody knows."""
    if isinstance(error, StillLooking):
        return 504, SLOW
    if isinstance(error, NotNamed):
        return 409, Trouble(error.sentence, "")
    if isinstance(error, RegistryError):
        status = 503 if isinstance(error, RegistryUnreachable) else 502
        return status, Trouble(error.sentence, remedy_for(error, NOT_GIVEN))
    return 409, Trouble(RemovalUnderWay.sentence, NOT_GIVEN)


def _dialog(
    repository: str, digest: str, status: int = 200, tag: str = "", tag_error: str = "", error: Trouble | None = None
) -> Response:
    with parts().reading() as session:
        _row, details = manifest_or_404(session, repository, digest)
    return page_or_fragment(
        "names/dialog.html",
        "names/_dialog.html",
        status,
        action=url_for(".give", repository=repository, digest=digest),
        back=url_for("manifests.show", repository=repository, digest=digest),
        repository=repository,
        digest=digest,
        kind=KINDS[details.kind],
        size_bytes=details.size_bytes,
        size_reason=details.size_reason,
        public_name=parts().settings.public_name,
        tag=tag,
        tag_error=tag_error,
        error=error,
    )
