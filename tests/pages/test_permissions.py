"""Every address with every role, against a table. A route that the table lacks fails."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor, text_of


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """Who may what does not depend on a registry."""
    return shown_app


ROLES = ("nobody", "bob", "alice")
SIGN_IN, OPEN, REFUSED = "sign-in", "open", "refused"
FOR_ALL = (OPEN, OPEN, OPEN)
FOR_VIEWERS = (SIGN_IN, OPEN, OPEN)
FOR_ADMINISTRATORS = (SIGN_IN, REFUSED, OPEN)

TABLE = {
    ("GET", "/static/<path:filename>"): FOR_ALL,
    ("GET", "/healthz"): FOR_ALL,
    ("GET", "/readyz"): FOR_ALL,
    ("GET", "/metrics"): FOR_ALL,  # by a token of its own: test_metrics.py
    ("GET", "/sign-in"): FOR_ALL,
    ("POST", "/sign-in"): FOR_ALL,
    ("POST", "/sign-out"): FOR_ALL,
    ("POST", "/account/theme"): FOR_ALL,
    ("POST", "/account/keys"): FOR_ALL,
    ("GET", "/"): FOR_VIEWERS,
    ("GET", "/repositories"): FOR_VIEWERS,
    ("GET", "/search"): FOR_VIEWERS,
    ("GET", "/space"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>/-/tags/<tag:tag>"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>/-/tags/<tag:tag>/delete"): FOR_ADMINISTRATORS,
    ("POST", "/repositories/<repository:repository>/-/tags/<tag:tag>/delete"): FOR_ADMINISTRATORS,
    ("GET", "/repositories/<repository:repository>/-/manifests/<digest:digest>"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>/-/manifests/<digest:digest>/raw"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>/-/manifests/<digest:digest>/configuration"): FOR_VIEWERS,
    ("GET", "/repositories/<repository:repository>/-/manifests/<digest:digest>/delete"): FOR_ADMINISTRATORS,
    ("POST", "/repositories/<repository:repository>/-/manifests/<digest:digest>/delete"): FOR_ADMINISTRATORS,
    ("GET", "/repositories/<repository:repository>/-/manifests/<digest:digest>/name"): FOR_ADMINISTRATORS,
    ("POST", "/repositories/<repository:repository>/-/manifests/<digest:digest>/name"): FOR_ADMINISTRATORS,
    ("GET", "/repositories/<repository:repository>/-/delete"): FOR_ADMINISTRATORS,
    ("POST", "/repositories/<repository:repository>/-/delete"): FOR_ADMINISTRATORS,
    ("GET", "/removals/<row:removal_id>"): FOR_VIEWERS,
    ("POST", "/removals/<row:removal_id>/stop"): FOR_ADMINISTRATORS,
    ("GET", "/trash"): FOR_VIEWERS,
    ("GET", "/trash/restore"): FOR_ADMINISTRATORS,
    ("POST", "/trash/restore"): FOR_ADMINISTRATORS,
    ("GET", "/trash/delete"): FOR_ADMINISTRATORS,
    ("POST", "/trash/delete"): FOR_ADMINISTRATORS,
    ("GET", "/activities"): FOR_VIEWERS,
    ("GET", "/status"): FOR_VIEWERS,
    ("POST", "/status/check"): FOR_ADMINISTRATORS,
    ("POST", "/status/vanished"): FOR_ADMINISTRATORS,
    ("GET", "/notices"): FOR_ADMINISTRATORS,
    ("POST", "/notices/test"): FOR_ADMINISTRATORS,
    ("GET", "/maintenance"): FOR_VIEWERS,
    ("GET", "/maintenance/free-space"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/free-space"): FOR_ADMINISTRATORS,
    ("GET", "/maintenance/by-hand"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/by-hand"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/checked"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/read-write"): FOR_ADMINISTRATORS,
    ("GET", "/maintenance/hold"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/hold"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/holds/<row:hold_id>/end"): FOR_ADMINISTRATORS,
    ("GET", "/maintenance/runs/<row:run_id>"): FOR_VIEWERS,
    ("POST", "/maintenance/runs/<row:run_id>/stop"): FOR_ADMINISTRATORS,
    ("GET", "/maintenance/runs/<row:run_id>/log"): FOR_VIEWERS,
    ("GET", "/maintenance/windows/<row:window_id>"): FOR_VIEWERS,
    **{
        (method, f"/maintenance/windows/{path}"): FOR_ADMINISTRATORS
        for path in ("new", "<row:window_id>/change", "<row:window_id>/run", "<row:window_id>/delete")
        for method in ("GET", "POST")
    },
    ("POST", "/maintenance/windows/<row:window_id>/pause"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/windows/<row:window_id>/resume"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/windows/<row:window_id>/skip"): FOR_ADMINISTRATORS,
    ("POST", "/maintenance/windows/<row:window_id>/take-back"): FOR_ADMINISTRATORS,
    ("GET", "/retention"): FOR_ADMINISTRATORS,
    ("GET", "/retention/preview"): FOR_ADMINISTRATORS,
    ("GET", "/retention/runs/<row:run_id>"): FOR_ADMINISTRATORS,
    **{
        (method, f"/retention/{path}"): FOR_ADMINISTRATORS
        for path in (
            "rules/new",
            "rules/<row:rule_id>/change",
            "rules/<row:rule_id>/delete",
            "run",
            "waiting/<row:part_id>",
        )
        for method in ("GET", "POST")
    },
    **{("POST", f"/retention/rules/<row:rule_id>/{act}"): FOR_ADMINISTRATORS for act in ("move", "on", "off")},
}
"""What nobody in particular, a user and an administrator find."""

EXAMPLES = {
    "filename": "css/base.css",
    "repository": "team/api",
    "tag": "1.3.0",
    "digest": f"sha256:{1:064x}",
    "removal_id": 1,
    "run_id": 1,
    "hold_id": 1,
    "window_id": 1,
    "rule_id": 1,
    "part_id": 1,
}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_the_table_knows_every_route(app: Flask) -> None:
    assert routes(app) == set(TABLE)


@pytest.mark.parametrize("role", ROLES)
def test_every_route_lets_in_whom_the_table_names(app: Flask, role: str) -> None:
    paths = {rule.rule: rule for rule in app.url_map.iter_rules()}
    wrong = []
    for (method, rule), expected in TABLE.items():
        visitor = Visitor(app)
        if role != "nobody":
            visitor.sign_in(role)
        path = app.url_map.bind("localhost").build(
            paths[rule].endpoint, {each: EXAMPLES[each] for each in paths[rule].arguments}
        )
        answer = visitor.get(path) if method == "GET" else visitor.post(path)
        was_sent_to_sign_in = answer.status_code == 303 and answer.location.startswith("/sign-in")
        found = REFUSED if answer.status_code == 403 else SIGN_IN if was_sent_to_sign_in else OPEN
        if rule == "/sign-out":  # it ends there for everybody
            found = OPEN
        if found != expected[ROLES.index(role)]:
            wrong.append((method, rule, found, answer.status_code, answer.location))
    assert wrong == []


def test_a_route_that_nobody_was_given_is_refused(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/new", "new", lambda: "secret")
    answer = Visitor(app).sign_in("alice").get("/new")
    assert answer.status_code == 403
    assert "secret" not in answer.get_data(as_text=True)


def test_anybody_looks_where_anonymous_view_is_set_and_nobody_deletes(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(ANONYMOUS_VIEW="true"))
    assert visitor.get("/repositories").status_code == 200
    assert visitor.get("/activities").status_code == 200
    assert visitor.get("/repositories/team/api/-/delete").location.startswith("/sign-in")
    assert visitor.post("/status/check").location.startswith("/sign-in")


def test_a_user_sees_no_trash_can_but_why(bob: Visitor) -> None:
    page = bob.get("/repositories/team/api")
    assert "/delete" not in page.get_data(as_text=True)
    assert "Your role is user. Administrators can delete." in text_of(page)
    refused = bob.post("/repositories/team/api/-/tags/1.3.0/delete")
    assert refused.status_code == 403
    assert "Your role is user. Administrators can delete." in text_of(refused)


def test_nobody_deletes_where_deleting_is_switched_off(make_app: MakeApp, synced_template: object, app: Flask) -> None:
    alice = Visitor(make_app(DELETE_ENABLED="false")).sign_in("alice")
    page = alice.get("/repositories/team/api")
    assert page.status_code == 200
    assert "/delete" not in page.get_data(as_text=True)
    assert "Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED)." in text_of(page)
    for answer in (alice.get("/repositories/team/api/-/delete"), alice.post("/repositories/team/api/-/delete")):
        assert answer.status_code == 403
        assert "Deleting is switched off" in text_of(answer)
