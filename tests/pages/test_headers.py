"""Headers of all answers: what a browser may do with them, and for how long it keeps them."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor

PAGES = ["/repositories", "/sign-in", "/no-such-page", "/healthz", "/activities", "/status", "/maintenance"]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """No registry is needed for headers."""
    return make_app()


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_is_guarded_and_not_kept(app: Flask, path: str) -> None:
    headers = Visitor(app).sign_in("alice").get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for wanted in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert wanted in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "HX-Request" in headers["Vary"]
    assert "Strict-Transport-Security" not in headers


def test_over_tls_the_browser_is_told_to_stay_there(app: Flask) -> None:
    answer = Visitor(app, secure=True).get("/sign-in")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert all("; Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_static_files_are_kept_for_a_year_under_the_address_that_pages_use(app: Flask) -> None:
    visitor = Visitor(app)
    page = visitor.get("/sign-in").get_data(as_text=True)
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    assert len(addresses) > 10
    for address in addresses:
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    path = next(iter(addresses)).partition("?")[0]
    assert visitor.get(path).headers["Cache-Control"] == "no-cache"
    assert visitor.get(f"{path}?v=other").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_script_or_a_style_of_its_own(app: Flask, path: str) -> None:
    page = Visitor(app).sign_in("alice").get(path).get_data(as_text=True)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", page)
    assert not re.search(r'(?:href|src|action)="https?:', page)
