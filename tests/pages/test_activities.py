"""The list of activities."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Activities outlive registries."""
    return make_app()


def deleted(app: Flask, count: int, **more: object) -> None:
    parts = parts_of(app)
    with parts.writing() as session:
        for number in range(count):
            given = {
                "at": parts.now() - timedelta(minutes=number),
                "actor": "alice",
                "kind": ActivityKind.TAG_DELETED,
                "outcome": Outcome.DONE,
                "repository": "team/api",
                "tag": f"1.{number}",
                "digest": f"sha256:{number:064x}",
                "place": "10.0.0.7",
                **more,
            }
            record(session, **given)  # type: ignore[arg-type]


def test_every_outcome_but_done_has_a_word(app: Flask) -> None:
    deleted(app, 1, tag="a", outcome=Outcome.DONE)
    deleted(app, 1, tag="b", outcome=Outcome.FAILED, reason="The registry is read-only at present.")
    deleted(app, 1, tag="c", outcome=Outcome.UNKNOWN)
    deleted(app, 1, tag="d", outcome=Outcome.ALREADY_GONE)
    text = text_of(Visitor(app).sign_in("bob").get("/activities"))
    assert "alice tried to delete team/api:b failed" in text
    assert "The registry is read-only at present." in text
    assert "team/api:c unknown" in text
    assert "alice deleted team/api:d already gone" in text
    assert "team/api:a failed" not in text


def test_filters_leave_what_was_asked_for(app: Flask) -> None:
    deleted(app, 2)
    deleted(app, 1, repository="team/web", actor="carol")
    bob = Visitor(app).sign_in("bob")
    assert "team/web" not in text_of(bob.get("/activities?repository=team/api"))
    assert "team/api" not in text_of(bob.get("/activities?person=carol"))
    assert "No activity matches these filters." in text_of(bob.get("/activities?kind=run_started"))
    assert "No activity matches these filters." in text_of(bob.get("/activities?until=2001-01-01"))
    assert "team/web" in text_of(bob.get("/activities?since=nonsense&kind=nonsense&until=9999-12-31"))
    assert "<html" not in bob.get("/activities?person=carol", htmx=True).get_data(as_text=True)


def test_older_activities_are_on_the_next_page(app: Flask) -> None:
    deleted(app, 120)
    bob = Visitor(app).sign_in("bob")
    path, seen = "/activities?repository=team/api", list[str]()
    while path:
        page = bob.get(path).get_data(as_text=True)
        seen += re.findall(r"team/api:1\.(\d+)", page.replace("<wbr>", ""))
        found = re.search(r'href="([^"]+)" rel="next"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [str(number) for number in range(120)]


def test_sign_ins_are_shown_to_administrators_only(app: Flask) -> None:
    Visitor(app).post("/sign-in", name="mallory", password="guess")
    alice, bob = Visitor(app).sign_in("alice"), Visitor(app).sign_in("bob")
    text = text_of(alice.get("/activities"))
    assert "(unknown) tried to sign in from 127.0.0.1 failed" in text
    assert "bob signed in from 127.0.0.1" in text
    assert "Nothing has been deleted yet." in text_of(bob.get("/activities"))
    assert "signed in" not in text_of(bob.get("/activities?kind=signed_in"))


def test_a_manifest_that_was_deleted_by_its_digest_is_named_by_it(app: Flask) -> None:
    digest = f"sha256:{'ab' * 32}"
    deleted(app, 1, kind=ActivityKind.MANIFEST_DELETED, tag=None, digest=digest)
    deleted(app, 1, kind=ActivityKind.MANIFEST_DELETED, tag=None, repository="team/web", outcome=Outcome.FAILED)
    text = text_of(Visitor(app).sign_in("bob").get("/activities?kind=manifest_deleted"))
    assert "alice deleted the manifest abababababab of team/api" in text
    assert "alice tried to delete the manifest 000000000000 of team/web failed" in text
    assert digest in text
    assert "Deleted manifests" in text


def test_manifests_that_went_together_are_counted_in_one_line(app: Flask) -> None:
    deleted(app, 3, kind=ActivityKind.MANIFEST_DELETED, tag=None, removal_id=7)
    assert "alice deleted 3 manifests of team/api" in text_of(Visitor(app).sign_in("bob").get("/activities"))


def test_tags_and_manifests_that_went_together_are_one_line_that_counts_the_tags(app: Flask) -> None:
    deleted(app, 1, kind=ActivityKind.MANIFEST_DELETED, tag=None, removal_id=7)
    deleted(app, 2, removal_id=7)
    assert "alice deleted 2 tags of team/api" in text_of(Visitor(app).sign_in("bob").get("/activities"))
