"""Light or dark: the person's own choice, kept in a cookie; without one the page follows the system."""

from __future__ import annotations

from flask import Blueprint, Response, request

from webapp.pages.addresses import path_of
from webapp.pages.answers import go_to
from webapp.pages.kept_choices import keep

bp = Blueprint("theme", __name__)

COOKIE = "holystone-theme"
THEMES = ("light", "dark")


@bp.post("/account/theme")
def choose() -> Response:
    """Keep the choice, and show the same page again. Anything but a theme is the system's."""
    answer = go_to(path_of(request.referrer))
    theme = request.form.get("theme", "")
    keep(answer, COOKIE, theme if theme in THEMES else "")
    return answer


def chosen_theme() -> str:
    """'light' or 'dark', or '' where the page follows the system."""
    theme = request.cookies.get(COOKIE, "")
    return theme if theme in THEMES else ""
