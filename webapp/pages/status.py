"""Status: what is well and what is not, each with its remedy, and a fresh look at the registry."""

from __future__ import annotations

import platform

from flask import Blueprint, Response, request, url_for
from pysqlite3 import dbapi2
from sqlalchemy.orm import Session

from webapp.catalogue.doubt import accept
from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryState
from webapp.catalogue.totals import is_every_manifest_known, size_of_registry
from webapp.doctor.checks import all_checks
from webapp.maintenance.listing import keeper_seen, version_words
from webapp.notices.listing import open_notices
from webapp.pages.addresses import home, path_of
from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, is_administrator, parts, visibility
from webapp.pages.first_steps import first_steps
from webapp.pages.notices import notice_line

bp = Blueprint("status", __name__)

BELIEVED = "Holystone believes it now, and is reading the registry again."
OTHER_DOUBT = "What seems to be gone has changed since you looked. Look again before you say that it is true."
NO_ANSWER = "The registry has not answered within 5 seconds. The check goes on; load this page again."


@bp.get("/status")
def index() -> Response:
    """List all checks, as they were when the registry was last asked."""
    here = parts()
    with here.reading() as session:
        state = session.get(RegistryState, 1)
        return page_or_fragment(
            "status/index.html",
            "status/_checks.html",
            checks=all_checks(here, session),
            checked_at=state.checked_at if state else None,
            size=size_of_registry(session, visibility()),
            all_known=is_every_manifest_known(session),
            open_now=[notice_line(each) for each in open_notices(session)],
            doubt=state.doubt if state else None,
            doubt_digest=state.doubt_digest if state else "",
            first_steps=first_steps(session) if is_administrator() else [],
            facts=_facts(session, state) if is_administrator() else [],
        )


@bp.post("/status/check")
def check_again() -> Response:
    """Ask the registry now."""
    catalogue = parts().catalogue
    try:
        background().ask(lambda: check_registry(catalogue))
    except StillLooking:
        return go_to(_back(), trouble=NO_ANSWER)
    return go_to(_back(), "Checked just now.")


@bp.post("/status/vanished")
def confirm_vanished() -> Response:
    """Take an administrator's word that the repositories in doubt are gone."""
    with parts().writing() as session:
        believed = accept(session, request.form.get("digest", ""))
    if not believed:
        return go_to(url_for(".index"), trouble=OTHER_DOUBT)
    background().sync_all_soon()
    return go_to(url_for(".index"), BELIEVED)


def _back() -> str:
    """The page that the button stands on: this one, or the first steps on the list of repositories."""
    page = path_of(request.referrer)
    return page if page.partition("?")[0] == home() and request.referrer else url_for(".index")


def _facts(session: Session, state: RegistryState | None) -> list[tuple[str, str]]:
    settings, seen = parts().settings, keeper_seen(session)
    generation = state.generation if state else ""
    generation_words = f"registry {generation}.x" if generation.isdecimal() else ""
    version = (version_words(seen.registry_version) if seen else "") or generation_words or "version not known"
    return [
        ("Registry", f"{settings.REGISTRY_URL}, {version}"),
        ("Records", settings.database_url.removeprefix("sqlite:///")),
        ("SQLite", dbapi2.sqlite_version),
        ("Python", platform.python_version()),
    ]
