"""Getting in and out: sessions, cookies, forged forms."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.pages.conftest import PASSWORD, MakeApp, Visitor, parts_of, text_of
from webapp.accounts.users import disable_user, set_password


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """No registry is needed to sign in."""
    return make_app()


def test_a_stranger_is_asked_to_sign_in_and_comes_back_to_the_page(app: Flask) -> None:
    visitor = Visitor(app)
    asked = visitor.get("/activities?person=bob")
    assert asked.status_code == 303
    assert asked.location == "/sign-in?next=/activities?person%3Dbob"
    form = visitor.get(asked.location)
    assert 'name="next" value="/activities?person=bob"' in form.get_data(as_text=True)
    answer = visitor.post("/sign-in", name="bob", password=PASSWORD, next="/activities?person=bob")
    assert answer.location == "/activities?person=bob"
    assert "bob" in text_of(visitor.get(answer.location))


def test_the_first_page_leads_to_the_list_of_repositories(app: Flask) -> None:
    visitor = Visitor(app)
    assert visitor.get("/").location == "/sign-in"
    assert visitor.post("/sign-in", name="bob", password=PASSWORD).location == "/repositories"
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(app: Flask, to: str) -> None:
    visitor = Visitor(app)
    assert f'value="{to}"' not in visitor.client.get("/sign-in", query_string={"next": to}).get_data(as_text=True)
    assert visitor.post("/sign-in", name="bob", password=PASSWORD, next=to).location == "/repositories"


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_or_password_is_refused_with_one_sentence(app: Flask, name: str, password: str) -> None:
    visitor = Visitor(app)
    answer = visitor.post("/sign-in", name=name, password=password)
    assert answer.status_code == 401
    assert "Name and password do not belong together, or the user is disabled." in text_of(answer)
    assert password == "" or password not in answer.get_data(as_text=True)
    assert visitor.get("/repositories").status_code == 303


def test_who_guesses_has_to_wait_and_is_told_how_long(app: Flask) -> None:
    visitor = Visitor(app)
    answers = [visitor.post("/sign-in", name="alice", password=f"wrong {number}") for number in range(8)]
    slowed = [answer for answer in answers if answer.status_code == 429]
    assert slowed
    assert int(slowed[0].headers["Retry-After"]) > 0
    assert "Too many attempts failed. Try again in" in text_of(slowed[0])


def test_the_cookie_is_kept_from_scripts_and_bound_to_the_host_over_tls(app: Flask) -> None:
    for secure, name in ((False, "holystone"), (True, "__Host-holystone")):
        visitor = Visitor(app, secure=secure)
        answer = visitor.post("/sign-in", name="alice", password=PASSWORD)
        cookies = answer.headers.getlist("Set-Cookie")
        [cookie] = [each for each in cookies if each.startswith(f"{name}=")]
        for wanted in ("HttpOnly", "SameSite=Lax", "Path=/"):
            assert wanted in cookie
        assert ("; Secure" in cookie) is secure
        assert "Domain" not in cookie
        assert visitor.get("/repositories").status_code == 200


def test_signing_out_ends_the_session_wherever_its_token_has_got_to(app: Flask) -> None:
    visitor = Visitor(app).sign_in("alice")
    cookie = visitor.client.get_cookie("holystone")
    assert cookie
    visitor.post("/sign-out")
    assert visitor.get("/repositories").status_code == 303
    thief = Visitor(app)
    thief.client.set_cookie("holystone", cookie.value)
    assert thief.get("/repositories").status_code == 303


def test_signing_in_anew_ends_the_session_from_before(app: Flask) -> None:
    visitor = Visitor(app).sign_in("bob")
    before = visitor.client.get_cookie("holystone")
    assert before
    visitor.sign_in("alice")
    assert "alice Administrator" in text_of(visitor.get("/repositories"))
    other = Visitor(app)
    other.client.set_cookie("holystone", before.value)
    assert other.get("/repositories").status_code == 303


def test_a_changed_password_or_a_disabled_user_ends_the_session(app: Flask) -> None:
    bob, carol = Visitor(app).sign_in("bob"), Visitor(app).sign_in("carol")
    parts = parts_of(app)
    with parts.writing() as session:
        set_password(session, "bob", "another soft stone", parts.now, actor="test", place="test")
        disable_user(session, "carol", parts.now, actor="test", place="test")
    assert bob.get("/repositories").status_code == 303
    assert carol.get("/repositories").status_code == 303


def test_a_session_ends_after_the_time_that_is_set(make_app: MakeApp) -> None:
    app = make_app(SESSION_IDLE="0.001s")
    visitor = Visitor(app).sign_in("alice")
    assert visitor.get("/repositories").location == "/sign-in"


def test_htmx_without_a_session_gets_a_fragment_that_leads_back(app: Flask) -> None:
    visitor = Visitor(app)
    answer = visitor.get("/removals/1", htmx=True, HX_Current_URL="http://localhost/repositories/team/api?q=1")
    assert answer.status_code == 401
    assert answer.headers["X-Holystone"] == "fragment"
    body = answer.get_data(as_text=True)
    assert "<html" not in body
    assert "You have been signed out." in text_of(answer)
    assert 'href="/sign-in?next=/repositories/team/api?q%3D1"' in body


def test_htmx_on_a_foreign_page_is_not_led_there(app: Flask) -> None:
    answer = Visitor(app).get("/activities", htmx=True, HX_Current_URL="https://evil.example/x")
    assert "evil" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/status/check", "/repositories/a/-/delete"])
@pytest.mark.parametrize("token", ["", "forged"])
def test_a_form_without_its_token_does_nothing(app: Flask, path: str, token: str) -> None:
    visitor = Visitor(app).sign_in("alice")
    answer = visitor.post(path, token=token)
    assert answer.status_code == 400
    assert "so nothing was done." in text_of(answer)
    assert visitor.get("/repositories").status_code == 200


def test_signing_in_makes_tokens_from_before_worthless(app: Flask) -> None:
    visitor = Visitor(app)
    before = visitor.token()
    visitor.sign_in("alice")
    assert visitor.post("/status/check", token=before).status_code == 400
    assert visitor.post("/status/check", token=before, htmx=True).headers["X-Holystone"] == "fragment"


def test_a_page_shows_who_is_signed_in(app: Flask) -> None:
    page = text_of(Visitor(app).sign_in("alice").get("/repositories"))
    assert "alice Administrator" in page
    assert "Sign out" in page
