"""Who may open what: one table, asked before every view. What is not in it is refused."""

from __future__ import annotations

import logging
from enum import StrEnum

from flask import Flask, request, url_for
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from webapp.accounts.permissions import may_view
from webapp.pages.addresses import home, this_page
from webapp.pages.answers import go_to, wants_fragment
from webapp.pages.current import is_administrator, may_delete, parts, person

log = logging.getLogger(__name__)


class Who(StrEnum):
    """Groups of people, each with its rule in `_may`."""

    ANYONE = "anyone"
    VIEWERS = "viewers"
    DELETERS = "deleters"
    NAMERS = "namers"
    RESTORERS = "restorers"
    EMPTIERS = "emptiers"
    ADMINISTRATORS = "administrators"


DOINGS = {
    Who.DELETERS: "delete",
    Who.NAMERS: "give names",
    Who.RESTORERS: "restore",
    Who.EMPTIERS: "delete for good",
}
"""What changes the registry, as people say it."""

WHO_MAY = {
    "static": Who.ANYONE,
    "health.healthz": Who.ANYONE,
    "health.readyz": Who.ANYONE,
    "metrics.metrics": Who.ANYONE,  # it asks for a token of its own
    "sign_in.sign_in": Who.ANYONE,
    "sign_in.sign_out": Who.ANYONE,
    "theme.choose": Who.ANYONE,
    "keys.choose": Who.ANYONE,
    "repositories.home": Who.VIEWERS,
    "repositories.index": Who.VIEWERS,
    "search.index": Who.VIEWERS,
    "space.index": Who.VIEWERS,
    "tags.index": Who.VIEWERS,
    "tags.show": Who.VIEWERS,
    "manifests.show": Who.VIEWERS,
    "manifests.raw": Who.VIEWERS,
    "manifests.configuration": Who.VIEWERS,
    "names.give": Who.NAMERS,
    "removals.delete_tag": Who.DELETERS,
    "removals.delete_manifest": Who.DELETERS,
    "removals.delete_repository": Who.DELETERS,
    "removals.show": Who.VIEWERS,
    "removals.stop": Who.DELETERS,
    "trash.index": Who.VIEWERS,
    "trash.restore_items": Who.RESTORERS,
    "trash.delete_items": Who.EMPTIERS,
    "activities.index": Who.VIEWERS,
    "status.index": Who.VIEWERS,
    "status.check_again": Who.ADMINISTRATORS,
    "status.confirm_vanished": Who.ADMINISTRATORS,
    "notices.index": Who.ADMINISTRATORS,
    "notices.test": Who.ADMINISTRATORS,
    "maintenance.index": Who.VIEWERS,
    "maintenance.run": Who.VIEWERS,
    "maintenance.log_file": Who.VIEWERS,
    "maintenance.free_space": Who.ADMINISTRATORS,
    "maintenance.stop_run": Who.ADMINISTRATORS,
    "maintenance.by_hand": Who.ADMINISTRATORS,
    "maintenance.look_after_hand": Who.ADMINISTRATORS,
    "maintenance.confirm_checked": Who.ADMINISTRATORS,
    "maintenance.read_write": Who.ADMINISTRATORS,
    "maintenance.hold": Who.ADMINISTRATORS,
    "maintenance.end_hold": Who.ADMINISTRATORS,
    "windows.show": Who.VIEWERS,
    "windows.new": Who.ADMINISTRATORS,
    "windows.change": Who.ADMINISTRATORS,
    "windows.pause": Who.ADMINISTRATORS,
    "windows.resume": Who.ADMINISTRATORS,
    "windows.skip": Who.ADMINISTRATORS,
    "windows.take_back": Who.ADMINISTRATORS,
    "windows.run": Who.ADMINISTRATORS,
    "windows.delete": Who.ADMINISTRATORS,
    "retention.index": Who.ADMINISTRATORS,
    "retention.preview": Who.ADMINISTRATORS,
    "retention.new": Who.ADMINISTRATORS,
    "retention.change": Who.ADMINISTRATORS,
    "retention.move": Who.ADMINISTRATORS,
    "retention.switch_on": Who.ADMINISTRATORS,
    "retention.switch_off": Who.ADMINISTRATORS,
    "retention.delete": Who.ADMINISTRATORS,
    "retention.run": Who.ADMINISTRATORS,
    "retention.go_on": Who.ADMINISTRATORS,
    "retention.show_run": Who.ADMINISTRATORS,
}


def register(app: Flask) -> None:
    """Ask before every view."""
    app.before_request(check)


def check() -> Response | None:
    """Let the request through to its view, send a stranger to the sign-in page, or refuse.

    Raises:
        Unauthorized: htmx asks without a session.
        Forbidden: whoever asks may not do this.
    """
    if request.endpoint is None:
        return None  # there is no such address: the error says so
    who = WHO_MAY.get(request.endpoint)
    if who is not None and _may(who):
        return None
    user = person()
    if who is None or user:
        log.warning("%s may not %s %s", user.name if user else "Nobody", request.method, ascii(request.path))
        raise Forbidden(why_not(who))
    if wants_fragment():
        raise Unauthorized
    return go_to(url_for("sign_in.sign_in", next=_way_back()))


def why_not(who: Who | None = Who.DELETERS) -> str:
    """Why whoever asks may not do something; empty where they may."""
    user = person()
    if who is None:
        return "Nobody may open this address yet."
    if _may(who):
        return ""
    if who in DOINGS and not parts().settings.DELETE_ENABLED:
        either = "" if who in (Who.DELETERS, Who.EMPTIERS) else f" Nobody can {DOINGS[who]} either."
        return f"Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED).{either}"
    doing = DOINGS.get(who, "do this")
    if user is None:
        return f"Sign in as an administrator to {doing}."
    return f"Your role is {user.role}. Administrators can {doing}."


def _may(who: Who) -> bool:
    if who == Who.ANYONE:
        return True
    if who == Who.VIEWERS:
        return may_view(person(), parts().settings.ANONYMOUS_VIEW)
    if who in (Who.DELETERS, Who.NAMERS, Who.RESTORERS):
        return may_delete()
    if who == Who.EMPTIERS:
        return may_delete() and is_administrator()
    return who == Who.ADMINISTRATORS and is_administrator()


def _way_back() -> str | None:
    """The page to return to after signing in; none for the first one, which comes anyway."""
    page = this_page()
    return None if page == home() else page
