"""Light or dark: the person's own choice, kept in a cookie; without one the page follows the system."""

from __future__ import annotations

from flask import Blueprint, Response, request

from webapp.pages.addresses import path_of, sub_path
from webapp.pages.answers import go_to

bp = Blueprint("theme", __name__)

COOKIE = "holystone-theme"
THEMES = ("light", "dark")
ONE_YEAR_S = 31_536_000


@bp.post("/account/theme")
def choose() -> Response:
    """Keep the choice, and show the same page again. Anything but a theme is the system's."""
    answer = go_to(path_of(request.referrer))
    theme = request.form.get("theme", "")
    if theme in THEMES:
        answer.set_cookie(
            COOKIE, theme, ONE_YEAR_S, path=sub_path(), secure=request.is_secure, httponly=True, samesite="Lax"
        )
    else:
        answer.delete_cookie(COOKIE, path=sub_path(), secure=request.is_secure, httponly=True, samesite="Lax")
    return answer


def chosen_theme() -> str:
    """'light' or 'dark', or '' where the page follows the system."""
    theme = request.cookies.get(COOKIE, "")
    return theme if theme in THEMES else ""
