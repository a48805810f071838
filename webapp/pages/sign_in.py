"""Signing in and out. A session is a row; its token is in a cookie that scripts cannot read."""

from __future__ import annotations

import math

from flask import Blueprint, Response, request, session, url_for

from webapp.accounts import sign_ins
from webapp.accounts.errors import SignInRefused, TooManyAttempts
from webapp.pages.addresses import safe_next, sub_path
from webapp.pages.answers import go_to, page_answer
from webapp.pages.current import cookie_name, parts, person, place

bp = Blueprint("sign_in", __name__)


@bp.get("/sign-in")
@bp.post("/sign-in")
def sign_in() -> Response:
    """Ask for name and password, and open a session where they belong together."""
    to = safe_next(request.values.get("next"))
    if request.method == "GET":
        return go_to(to) if person() else _form(to)
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    here = parts()
    try:
        agent = request.user_agent.string
        token, _user = sign_ins.sign_in(here.writing, name, password, place(), agent, here.now)
    except SignInRefused as refusal:
        return _form(to, name, refusal.sentence, 401)
    except TooManyAttempts as refusal:
        answer = _form(to, name, refusal.sentence, 429)
        answer.headers["Retry-After"] = str(math.ceil(refusal.wait_s))
        return answer
    _end_session()
    return _with_cookie(go_to(to), token)


@bp.post("/sign-out")
def sign_out() -> Response:
    """End the session, wherever its token has got to."""
    _end_session()
    answer = go_to(url_for("sign_in.sign_in"))
    answer.delete_cookie(cookie_name(), path=sub_path(), secure=request.is_secure, httponly=True, samesite="Lax")
    return answer


def _end_session() -> None:
    """End the session of this browser, if it has one; the tokens of its forms are worth nothing then."""
    token = request.cookies.get(cookie_name())
    if token:
        with parts().writing() as records:
            sign_ins.sign_out(records, token, place(), parts().now)
    session.clear()


def _form(to: str, name: str = "", error: str = "", status: int = 200) -> Response:
    return page_answer("sign_in/form.html", status, name=name, next=to, error=error)


def _with_cookie(answer: Response, token: str) -> Response:
    longest_s = int(parts().settings.SESSION_MAX)
    answer.set_cookie(
        cookie_name(), token, longest_s, path=sub_path(), secure=request.is_secure, httponly=True, samesite="Lax"
    )
    return answer
