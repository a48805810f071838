"""The keys can be switched off: who speaks to the computer, or has an aid that types, would press them unawares.

Source: WCAG 2.2, success criterion 2.1.4, "Character Key Shortcuts". The choice is the browser's, as the theme is.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from webapp.pages.addresses import path_of
from webapp.pages.answers import go_to
from webapp.pages.kept_choices import keep

bp = Blueprint("keys", __name__)

COOKIE = "holystone-keys"
OFF = "off"
SWITCHED_OFF = "Keys are off in this browser. “Keys” at the top of the page switches them on again."
SWITCHED_ON = "Keys are on."


@bp.post("/account/keys")
def choose() -> Response:
    """Keep the choice, and show the same page again. Anything but off is on."""
    is_off = request.form.get("keys") == OFF
    answer = go_to(path_of(request.referrer), SWITCHED_OFF if is_off else SWITCHED_ON)
    keep(answer, COOKIE, OFF if is_off else "")
    return answer


def are_keys_on() -> bool:
    """Whether a key does anything in this browser."""
    return request.cookies.get(COOKIE) != OFF
