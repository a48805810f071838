"""What went wrong, as a page or as a fragment for htmx: what happened, what it means, what to do."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, make_response, request, url_for
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response as PlainResponse

from webapp.pages.addresses import this_page
from webapp.pages.answers import fragment_answer, page_answer, wants_fragment
from webapp.pages.current import person, request_id

log = logging.getLogger(__name__)

WORDS = {
    400: ("This cannot be read", "Holystone could not read what the browser sent.", "Load the page again."),
    403: ("You may not do this", "You may not do this.", ""),
    404: ("Not found", "There is no such page, or you may not see it.", ""),
    405: ("Not like this", "This address cannot be used in this way.", "Open the page and use its buttons."),
    413: ("Too much", "What the browser sent is too large.", ""),
    429: ("Too many requests", "Too many requests came from you.", "Wait a moment, then try again."),
}
WITHOUT_PAGES = "Should the registry be read-only: `flask --app wsgi maintenance read-write` makes it read-write, and needs no records."
UNTOUCHED = "Holystone failed; the registry was not touched."
NOT_KNOWN = "Holystone failed. It is not known whether what you asked for has happened."


def register(app: Flask) -> None:
    """Answer errors ourselves."""
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, failed)


def forged(_error: CSRFError) -> Response:
    """A form without a token that is good: from another site, or from before a sign-in."""
    if wants_fragment() and person() is None:
        return signed_out()
    sentence = "This page is from before you signed in or out, so nothing was done."
    return _answer(400, WORDS[400][0], sentence, "Load the page again, then repeat it.")


def refused(error: HTTPException) -> PlainResponse:
    """An error that has a status, raised by a view or by Flask; redirects pass."""
    code = error.code or 500
    if error.response is not None or code < 400:
        return PlainResponse.force_type(error.get_response(request.environ))
    if code >= 500:
        return failed(error)
    if code == 401 and wants_fragment():
        return signed_out()
    title, sentence, remedy = WORDS.get(code, (error.name.capitalize(), error.description or "", ""))
    if error.description and error.description != default_exceptions[code].description:
        sentence = error.description
    answer = _answer(code, title, sentence, remedy)
    answer.headers.extend((name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After"))
    return answer


def failed(error: Exception) -> Response:
    """Anything else: logged with an id that the person can name."""
    name = request_id()
    log.error("Request %s (%s %s) failed", name, request.method, request.path, exc_info=error)
    changes_something = request.method not in ("GET", "HEAD", "OPTIONS")
    sentence = NOT_KNOWN if changes_something else UNTOUCHED
    remedy = "See the activities, then load the page again." if changes_something else "Load the page again."
    if isinstance(error, SQLAlchemyError):
        remedy = f"{remedy} {WITHOUT_PAGES}"
    try:
        return _answer(500, "Holystone failed", sentence, remedy, name)
    except (SQLAlchemyError, TemplateError):
        log.exception("Nor can a page be shown for request %s", name)
        remedy = remedy.removesuffix(WITHOUT_PAGES).strip()
        plain = make_response(f"{sentence} {remedy} Request {name}.\n\n{WITHOUT_PAGES}\n", 500)
        plain.mimetype = "text/plain"
        return plain


def signed_out() -> Response:
    """What htmx gets without a session; it ends polling, and leads back to the page after signing in."""
    address = url_for("sign_in.sign_in", next=this_page())
    return fragment_answer("errors/_signed_out.html", 401, sign_in_address=address)


def _answer(code: int, title: str, sentence: str, remedy: str = "", of_request: str = "") -> Response:
    words: dict[str, Any] = {"title": title, "sentence": sentence, "remedy": remedy, "request_id": of_request}
    if wants_fragment():
        return fragment_answer("errors/_error.html", code, **words)
    page = f"errors/{code}.html" if code in (403, 404, 500) else "errors/other.html"
    return page_answer(page, code, **words)
