"""Status: what is well and what is not, each with its remedy, and a fresh look at the registry."""

from __future__ import annotations

import platform

from flask import Blueprint, Response, request, url_for
from pysqlite3 import dbapi2
from sqlalchemy.orm import Session

from webapp.catalogue.doubt import accept
from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.totals import is_every_manifest_known, size_of_registry
from webapp.doctor.checks import all_checks
from webapp.maintenance.listing import keeper_seen, version_words
from webapp.notices.listing import open_notices
from webapp.pages.addresses import home, path_of
from webapp.pages.answers import fragment_answer, go_to, page_or_fragment, wants_fragment
from webapp.pages.background import StillLooking
from webapp.pages.banner import banner, chip
from webapp.pages.current import background, is_administrator, parts, visibility
from webapp.pages.first_steps import Step, first_steps, look_again_at
from webapp.pages.notices import notice_line

bp = Blueprint("status", __name__)

BELIEVED = "Holystone believes it now, and is reading the registry again."
OTHER_DOUBT = "What seems to be gone has changed since you looked. Look again before you say that it is true."
STILL_READING = "Holystone is reading the registry. That goes on."
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
    """Ask the registry now, or look again at one of the first steps."""
    asked, catalogue = request.form.get("step", ""), parts().catalogue
    step = Step(asked) if asked in set(Step) else None
    trouble = ""
    try:
        background().ask(look_again_at(step) if step else lambda: check_registry(catalogue))
    except StillLooking:
        trouble = STILL_READING if step == Step.SYNC else NO_ANSWER
    if step is None:
        return go_to(_back(), "" if trouble else "Checked just now.", trouble)
    return _looked_at(step, trouble)


def _looked_at(step: Step, trouble: str) -> Response:
    """The lines anew, with what shows the same; after a sync, and without htmx, the whole page."""
    with parts().reading() as session:
        steps = first_steps(session)
        said = next(each.words for each in steps if each.step == step)
        state = session.get(RegistryState, 1)
        if step in (Step.LIST, Step.DELETE) and state and state.mode == RegistryMode.UNREACHABLE:
            said = f"{state.mode_sentence} {said}"
        if step == Step.SYNC:  # that it takes its time is no trouble
            return go_to(f"{_back()}#first-steps", trouble or said)
        if not wants_fragment():
            return go_to(f"{_back()}#first-steps", "" if trouble else said, trouble)
        return fragment_answer(
            "status/_looked_at.html",
            first_steps=steps,
            asked=step,
            said=trouble or said,
            trouble=trouble,
            mode=chip(state),
            banner=banner(session, state),
        )


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
