"""What somebody chose for this browser, kept in a cookie: it is nobody's business but the page's."""

from __future__ import annotations

from flask import Response, request

from webapp.pages.addresses import sub_path

ONE_YEAR_S = 31_536_000


def keep(answer: Response, cookie: str, choice: str) -> None:
    """Have the browser keep a choice; the usual one ('') needs no cookie."""
    path, secure = sub_path(), request.is_secure
    if choice:
        answer.set_cookie(cookie, choice, ONE_YEAR_S, path=path, secure=secure, httponly=True, samesite="Lax")
    else:
        answer.delete_cookie(cookie, path=path, secure=secure, httponly=True, samesite="Lax")
