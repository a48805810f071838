"""The search over the whole registry, as a page and as what htmx puts in the place of a list."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.pages.conftest import Visitor, parts_of, text_of
from tests.pages.test_lists import next_of, repositories_on
from webapp.catalogue.models import Tag


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """What is found is in the records alone."""
    return shown_app


def found_on(page: str) -> list[str]:
    return re.findall(r'href="/repositories/([^"]+)"(?: title="[^"]+")? data-open', page)


def test_repositories_and_tags_are_found_together(bob: Visitor) -> None:
    answer = bob.get("/search?q=API")
    page = answer.get_data(as_text=True)
    assert repositories_on(page) == ["team/api"]
    text = text_of(bob.get("/search?q=1.4"))
    assert "API · Search · Holystone" in text_of(answer)
    assert "Tags Tag Repository Digest Pushed 1.4 team/api" in text
    assert found_on(bob.get("/search?q=1.4").get_data(as_text=True))[0] == "team/api/-/tags/1.4"


def test_a_whole_reference_is_found_as_a_pull_command_has_it(bob: Visitor) -> None:
    page = bob.get("/search?q=registry.example/team/api:1.4.2").get_data(as_text=True)
    assert found_on(page) == ["team/api/-/tags/1.4.2"]


def test_a_manifest_is_found_by_the_beginning_of_its_digest(app: Flask, bob: Visitor) -> None:
    with parts_of(app).reading() as session:
        digest = session.query(Tag.digest).filter(Tag.name == "1.4.2").scalar() or ""
    for typed in (digest, digest[:20], digest.removeprefix("sha256:")[:8], f"team/api@{digest}"):
        page = bob.get(f"/search?q={typed}").get_data(as_text=True)
        assert f"team/api/-/manifests/{digest}" in found_on(page), typed


def test_the_rest_of_a_group_is_on_its_own_pages(bob: Visitor) -> None:
    page = bob.get("/search?q=build-").get_data(as_text=True)
    assert len(found_on(page)) == 20
    assert "120 tags" in text_of(bob.get("/search?q=build-"))
    assert 'href="/search?q=build-&amp;kind=tags">All tags that match</a>' in page
    path, seen = "/search?q=build-&kind=tags", list[str]()
    while path:
        page = bob.get(path).get_data(as_text=True)
        seen += found_on(page)
        path = next_of(page)
    assert len(seen) == len(set(seen)) == 120
    assert 'href="/search?q=build-&amp;kind=tags">Back to the start' in page
    assert "more than" not in page


def test_nothing_found_says_so_and_leads_back(bob: Visitor) -> None:
    answer = bob.get("/search?q=nothing<b>")
    assert "Nothing is called nothing<b> , and no digest begins so." in text_of(answer)
    assert "<code>nothing&lt;b&gt;</code>" in answer.get_data(as_text=True)
    assert 'href="/repositories">Show all repositories' in answer.get_data(as_text=True)


def test_what_can_be_typed_is_said_before_anything_is(bob: Visitor) -> None:
    assert "or the beginning of a digest." in text_of(bob.get("/search"))
    assert "only tags that begin with them are found" in text_of(bob.get("/search?q=1."))
    assert "only tags that begin with them are found" not in text_of(bob.get("/search?q=1.4"))


def test_htmx_gets_what_was_found_and_the_count(bob: Visitor) -> None:
    body = bob.get("/search?q=api", htmx=True).get_data(as_text=True)
    assert body.lstrip().startswith('<div id="listing"')
    assert '<div class="arrangement" id="arrangement" hx-swap-oob="true">' in body
    assert "<html" not in body


def test_an_emptied_field_gives_the_list_back(bob: Visitor) -> None:
    answer = bob.get("/search?q=", htmx=True)
    assert answer.headers["HX-Push-Url"] == "/repositories"
    assert '<form class="arrangement" id="arrangement"' in answer.get_data(as_text=True)
    assert len(repositories_on(answer.get_data(as_text=True))) == 6


@pytest.mark.parametrize(
    "path", ["/search?q=1&kind=tags&after=x", "/search?q=1&kind=nonsense&after=W10.W10", "/search?q=%00"]
)
def test_nonsense_in_an_address_does_no_harm(bob: Visitor, path: str) -> None:
    assert bob.get(path).status_code == 200
