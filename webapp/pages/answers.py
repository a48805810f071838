"""How a view answers: with a page, or with a fragment of it where htmx asks."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, flash, g, get_flashed_messages, make_response, redirect, render_template, request

FRAGMENT_MARK = "X-Holystone"
TOAST, TROUBLE = "toast", "trouble"


def wants_fragment() -> bool:
    """Whether htmx asks for a part of a page. Where it restores one from history it needs the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def page_or_fragment(page: str, fragment: str, status: int = 200, **context: Any) -> Response:
    """Answer with the template `page`, or with its part `fragment`; both get the same context."""
    if wants_fragment():
        return fragment_answer(fragment, status, **context)
    return page_answer(page, status, **context)


def page_answer(template: str, status: int = 200, **context: Any) -> Response:
    """Answer with a whole page."""
    return make_response(render_template(template, **context), status)


def fragment_answer(template: str, status: int = 200, **context: Any) -> Response:
    """Answer with a fragment. Its mark tells our errors from those of a proxy in front of us."""
    g.is_fragment = True  # it has no frame: banner.py
    response = make_response(render_template(template, is_fragment=True, **context), status)
    response.headers[FRAGMENT_MARK] = "fragment"
    return response


def toasts_left() -> list[tuple[str, int | None]]:
    """The toasts that wait for a page, each with the removal that it offers to take back."""
    left = cast("list[tuple[str, str]]", get_flashed_messages(with_categories=True))
    found = [(text, kind.partition(":")) for kind, text in left]
    return [(text, int(undo) if undo else None) for text, (kind, _colon, undo) in found if kind == TOAST]


def troubles_left() -> list[str]:
    """The troubles that wait for a page."""
    return cast("list[str]", get_flashed_messages(category_filter=[TROUBLE]))


def go_to(address: str, toast: str = "", trouble: str = "", undo: int | None = None) -> Response:
    """Send the browser to another page, which shows `toast` for some seconds, or `trouble` until it is left.

    Args:
        undo: the removal that the toast offers to take back.
    """
    if toast:
        flash(toast, TOAST if undo is None else f"{TOAST}:{undo}")
    if trouble:
        flash(trouble, TROUBLE)
    if not wants_fragment():
        return make_response(redirect(address, code=303))
    response = make_response("", 200)
    response.headers["HX-Redirect"] = address
    return response
