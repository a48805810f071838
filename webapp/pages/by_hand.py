"""/maintenance/by-hand: the script that frees space without a keeper, and a look at what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, url_for

from webapp.catalogue.models import RegistryState
from webapp.checks import Check
from webapp.maintenance.afterwards import look_afterwards
from webapp.maintenance.by_hand import BY_HAND, hand_settings, script
from webapp.maintenance.models import Strategy
from webapp.pages.answers import page_answer
from webapp.pages.background import StillLooking
from webapp.pages.current import background, parts
from webapp.pages.maintenance import bp

__all__ = ["bp"]

TITLES = {
    Strategy.READ_ONLY: "Read-only: pulls work meanwhile, but for a moment twice",
    Strategy.STOP: "Stop: neither pulls nor pushes are answered meanwhile",
}
STILL_LOOKING = "The look takes longer than 5 seconds and goes on; load this page again in a while, then check again."


@bp.get("/by-hand")
def by_hand() -> Response:
    """Show the script, made for this registry."""
    return _page([], "")


@bp.post("/by-hand")
def look_after_hand() -> Response:
    """Ask the registry and its store what came of it."""
    maintainer = parts().maintainer
    try:
        return _page(background().ask(lambda: look_afterwards(maintainer)), "")
    except StillLooking:
        return _page([], STILL_LOOKING)


def _page(checks: Sequence[Check], trouble: str) -> Response:
    settings = parts().settings
    with parts().reading() as session:
        state = session.get(RegistryState, 1)
    made_for = hand_settings(
        settings.REGISTRY_URL,
        settings.REGISTRY_CONFIG,
        settings.REGISTRY_STORE,
        state.generation if state else "",
        settings.REGISTRY_USERNAME,
        settings.REGISTRY_CA,
        settings.REGISTRY_OTHER_URLS,
    )
    return page_answer(
        "maintenance/by_hand.html",
        scripts=[{"title": TITLES[each], "lines": script(each, made_for)} for each in BY_HAND],
        action=url_for(".look_after_hand"),
        checks=checks,
        trouble=trouble,
    )
