"""A manifest by its digest, tagged or not; its bytes and its configuration as the registry has them now."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, make_response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.catalogue.configurations import keep_configuration, kept_configuration
from webapp.catalogue.details import ManifestDetails, carried_elsewhere, manifest_details, tags_on
from webapp.catalogue.models import RegistryState, Repository
from webapp.pages.answers import page_answer, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, may_delete, parts, visibility
from webapp.pages.filters import short_digest
from webapp.pages.image_view import image_view
from webapp.pages.manifest_view import manifest_view
from webapp.pages.tags import can_delete, repository_or_404, why_no_deletes
from webapp.registry.errors import NotFound as RegistryHasNot
from webapp.registry.errors import RegistryError, RegistryUnreachable
from webapp.registry.manifests import MANIFEST_CAP_BYTES, ManifestKind
from webapp.removal.recorded import recorded_space
from webapp.removal.wanted import Wanted

bp = Blueprint("manifests", __name__)

NO_MANIFEST = "There is no such manifest, or you may not see it."
NO_CONFIGURATION = "This manifest names no configuration."
SLOW = "The registry has not answered within 5 seconds."
AGAIN = "Load the page again."
SEE_STATUS = "Load the page again when Status says that the registry answers."
NOT_READ = "Its configuration could not be read. {}"

Ask = Callable[[], bytes]


@bp.get("/repositories/<repository:repository>/-/manifests/<digest:digest>")
def show(repository: str, digest: str) -> Response:
    """Show one manifest. With `?read` its configuration is read from the registry, where the records do not have it."""
    raw, trouble = _read_configuration(repository, digest) if "read" in request.args else (None, "")
    with parts().reading() as session:
        row, details = manifest_or_404(session, repository, digest)
        view = manifest_view(session, row, details, request.args.get("platform", ""), _here(repository, digest))
        image = view.image
        if details.kind == ManifestKind.IMAGE and (raw is not None or trouble):
            image = image_view(repository, details, raw, ", ".join(details.platforms), trouble)
        state = session.get(RegistryState, 1)
        tags = tags_on(session, row, [digest])[digest]
        space = recorded_space(
            session, row, Wanted(repository, digests=(digest,)), parts().now(), parts().settings.PROTECTED_TAGS
        )
        return page_or_fragment(
            "manifests/show.html",
            "manifests/_image.html",
            repository=repository,
            manifest=view,
            image=image,
            tags=tags,
            elsewhere=carried_elsewhere(session, visibility(), row, details.id),
            reference=f"{parts().settings.public_name}/{repository}@{digest}",
            space=space,
            is_held=bool(tags or view.holders),
            may_delete=can_delete(state) and not (tags or view.holders),
            why_not=why_no_deletes(state),
            may_name=may_delete() and not tags,
        )


@bp.get("/repositories/<repository:repository>/-/manifests/<digest:digest>/raw")
def raw(repository: str, digest: str) -> Response:
    """The manifest's bytes as the registry has them now."""
    with parts().reading() as session:
        repository_or_404(session, repository)
    registry = parts().registry
    return _fresh(lambda: registry.get_manifest(repository, digest).raw, repository, digest, "manifest")


@bp.get("/repositories/<repository:repository>/-/manifests/<digest:digest>/configuration")
def configuration(repository: str, digest: str) -> Response:
    """What the manifest names as its configuration, as the registry has it now."""
    with parts().reading() as session:
        _row, details = manifest_or_404(session, repository, digest)
    if details.content.config is None:
        raise NotFound(NO_CONFIGURATION)
    return _fresh(_configuration_of(repository, details), repository, digest, "configuration")


def manifest_or_404(session: Session, repository: str, digest: str) -> tuple[Repository, ManifestDetails]:
    """A manifest that was seen in a repository and may be seen, and that repository."""
    row = repository_or_404(session, repository)
    details = manifest_details(session, row, digest)
    if details is None:
        raise NotFound(NO_MANIFEST)
    return row, details


def _here(repository: str, digest: str) -> Callable[[str], str]:
    return lambda platform: url_for(".show", repository=repository, digest=digest, platform=platform)


def _configuration_of(repository: str, details: ManifestDetails) -> Ask:
    named, registry = details.content.config, parts().registry
    return lambda: registry.get_blob(repository, named.digest, MANIFEST_CAP_BYTES) if named else b""


def _read_configuration(repository: str, digest: str) -> tuple[bytes | None, str]:
    """Read an image's configuration from the registry, and keep it; else why it cannot be read, as a sentence."""
    with parts().reading() as session:
        _row, details = manifest_or_404(session, repository, digest)
        kept = kept_configuration(session, details.id)
    if kept is not None or details.kind != ManifestKind.IMAGE:
        return kept, ""
    try:
        found = background().ask(_configuration_of(repository, details))
    except StillLooking:
        return None, NOT_READ.format(SLOW)
    except RegistryError as error:
        return None, NOT_READ.format(error.sentence)
    with parts().writing() as session:
        keep_configuration(session, details.id, found)
    return found, ""


def _fresh(ask: Ask, repository: str, digest: str, what: str) -> Response:
    """Bytes that the registry has now, as text that no browser takes for anything else."""
    try:
        body = background().ask(ask)
    except StillLooking:
        return _unread(504, SLOW, AGAIN)
    except RegistryHasNot as error:
        return _unread(404, error.sentence, "It may have been deleted meanwhile.")
    except RegistryUnreachable as error:
        return _unread(503, error.sentence, SEE_STATUS)
    except RegistryError as error:
        return _unread(502, error.sentence, AGAIN)
    answer = make_response(body)
    answer.headers["Content-Type"] = "text/plain; charset=utf-8" if _is_text(body) else "application/octet-stream"
    name = f"{repository.replace('/', '-')}-{short_digest(digest)}-{what}.json"
    kind = "attachment" if "download" in request.args or not _is_text(body) else "inline"
    answer.headers.set("Content-Disposition", kind, filename=name)
    return answer


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _unread(status: int, sentence: str, remedy: str) -> Response:
    words = {"title": "Not read", "sentence": sentence, "remedy": remedy, "request_id": ""}
    return page_answer("errors/other.html", status, **words)
