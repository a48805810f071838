"""Filters of the list of tags: in the address, as chips, in forms; and never more deleted than is shown."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests.odd_manifests import ODD, UNTAGGED, add_odd
from tests.pages.conftest import Visitor, fields_of, parts_of, text_of
from tests.pages.test_lists import BUILDER, next_of, tags_on
from tests.pages.test_removals import IMAGE, LIST, removals
from webapp.catalogue.models import Repository, Tag

ALL_FIELDS = "q=build-*&older=2&bigger=1&platform=amd64&but=7"


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """Lists are answered from the records alone."""
    return shown_app


@pytest.fixture
def aged(app: Flask) -> Flask:
    """Tag 1 of tools/builder is a day old, tag 2 two days, and so on."""
    from datetime import timedelta

    parts = parts_of(app)
    with parts.writing() as session:
        row = session.scalars(select(Repository).where(Repository.name == "tools/builder")).one()
        for number, tag in enumerate(session.scalars(select(Tag).where(Tag.repository_id == row.id).order_by(Tag.id))):
            tag.pushed_at = parts.now() - timedelta(days=number, minutes=1)
    return app


def test_filters_stand_in_the_address_and_hold_on_every_page(aged: Flask, bob: Visitor) -> None:
    page = bob.get(f"{BUILDER}?older=100&platform=linux/amd64").get_data(as_text=True)
    assert "141 of 241 tags" in text_of(bob.get(f"{BUILDER}?older=100&platform=linux/amd64"))
    following = next_of(page)
    assert "older=100" in following
    assert "platform=linux%2Famd64" in following
    second = bob.get(following).get_data(as_text=True)
    assert len(tags_on(page) + tags_on(second)) == len(set(tags_on(page) + tags_on(second))) == 141


def test_each_filter_is_a_chip_that_takes_it_away(bob: Visitor) -> None:
    page = bob.get(f"{BUILDER}?{ALL_FIELDS}&sort=name").get_data(as_text=True)
    chips = re.findall(r'<a class="filter-chip" href="([^"]+)"[^>]*><span[^>]*>Without </span>([^<]+)', page)
    assert [words for _address, words in chips] == [
        "older than 2 days", "bigger than 1 MB", "for amd64", "all but the newest 7",
    ]  # fmt: skip
    without_age = chips[0][0].replace("&amp;", "&")
    assert without_age == f"{BUILDER}?q=build-%2A&bigger=1&platform=amd64&but=7&sort=name"
    assert bob.get(without_age).status_code == 200


def test_a_form_sent_with_empty_fields_comes_to_a_clean_address(bob: Visitor) -> None:
    answer = bob.get(f"{BUILDER}?q=&older=&bigger=&platform=&but=5&sort=newest")
    assert (answer.status_code, answer.location) == (303, f"{BUILDER}?but=5&sort=newest")
    answer = bob.get(f"{BUILDER}?q=x&older=&bigger=&platform=&but=&sort=newest", htmx=True)
    assert answer.headers["HX-Push-Url"] == f"{BUILDER}?q=x&sort=newest"


@pytest.mark.parametrize(
    ("given", "words"),
    [("older=never", "age"), ("older=0", "age"), ("bigger=-1", "size"), ("but=1e3", "newest"), ("but=²", "newest")],
)
def test_what_is_no_number_is_said_and_not_filtered_by(bob: Visitor, given: str, words: str) -> None:
    text = text_of(bob.get(f"{BUILDER}?{given}"))
    assert re.search(f"Not filtered by .*{words}: that is no whole number above 0", text)
    assert "241 of 241 tags" in text


def test_a_filter_without_a_match_says_so_and_leads_back(bob: Visitor) -> None:
    answer = bob.get(f"{BUILDER}?q=rc-*&bigger=90000")
    assert "No tag matches rc-* with these filters." in text_of(answer)
    assert f'href="{BUILDER}">Clear filter' in answer.get_data(as_text=True)
    assert 'href="/search?q=rc-*">Search the whole registry' in answer.get_data(as_text=True)
    assert "No tag is left by these filters." in text_of(bob.get(f"{BUILDER}?bigger=90000"))


class TestDeleting:
    @pytest.fixture
    def app(self, make_app: object, synced_template: object, fleet_registry: object) -> Flask:
        """In front of the real registry."""
        return make_app(fleet_registry.url, synced_template)  # type: ignore[operator,attr-defined,no-any-return]

    def test_all_that_match_are_those_that_are_shown(self, aged: Flask, alice: Visitor) -> None:
        path = f"{BUILDER}?q=build-*&older=100&but=5"
        page = alice.get(path).get_data(as_text=True)
        shown = tags_on(page)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)" form="ticks">', page))
        assert fields == {"q": "build-*", "older": "100", "but": "5"}
        assert f"Delete all {len(shown)} that match…" in text_of(alice.get(path))
        dialog = alice.post(f"{BUILDER}/-/delete", matching="1", **fields)
        words = (
            f"Delete {len(shown)} tags of tools/builder that match build-* , older than 100 days, all but the newest 5?"
        )
        assert words in text_of(dialog)
        body = dialog.get_data(as_text=True)
        going = set(re.findall(r'<span class="code">([^<]+)</span>', body.replace("<wbr>", "")))
        assert {name for name in going if name.startswith("build-")} <= set(shown)
        kept = fields_of(dialog)
        assert {name: kept[name] for name in ("q", "older", "but")} == {
            "q": ["build-*"],
            "older": ["100"],
            "but": ["5"],
        }

    def test_a_dialog_cannot_be_turned_to_another_filter(self, app: Flask, alice: Visitor) -> None:
        fields = fields_of(alice.post(IMAGE, matching="1", q="1.3", platform="amd64"))
        for other in ({"platform": []}, {"but": "1"}, {"older": "1"}, {"platform": "arm64"}):
            assert alice.press(IMAGE, fields, **other).status_code == 400  # type: ignore[arg-type]
        assert removals(app) == 0

    @pytest.mark.parametrize("given", [{"older": "never"}, {"but": "0"}, {"bigger": "1 MB"}, {"untagged": "1"}])
    def test_a_filter_that_cannot_be_read_deletes_nothing(
        self, app: Flask, alice: Visitor, given: dict[str, str]
    ) -> None:
        answer = alice.post(IMAGE, matching="1", q="1.", **given)
        assert answer.status_code == 400
        assert "A filter cannot be read. Load the list again; nothing was deleted." in text_of(answer)
        assert removals(app) == 0

    def test_the_count_after_a_removal_is_that_of_the_filter(self, alice: Visitor) -> None:
        path = f"{LIST}/-/tags/1.3.0/delete"
        fields = {
            name: values for name, values in fields_of(alice.get(path, htmx=True)).items() if name != "csrf_token"
        }
        token = alice.token()
        answer = alice.client.post(
            path,
            data=fields,
            headers={
                "HX-Request": "true", "X-CSRFToken": token, "HX-Current-URL": f"http://localhost{LIST}?q=1.*&but=1"
            },
            base_url=alice.base_url,
        )  # fmt: skip
        assert "5 of 8 tags" in text_of(answer)


def test_untagged_manifests_are_listed_in_place_of_the_tags(app: Flask, alice: Visitor, bob: Visitor) -> None:
    with parts_of(app).writing() as session:
        add_odd(session, parts_of(app).now())
    path = f"/repositories/{ODD}?untagged=1"
    page = alice.get(path).get_data(as_text=True)
    assert f'href="/repositories/{ODD}/-/manifests/{UNTAGGED.digest}"' in page
    assert f'href="/repositories/{ODD}/-/manifests/{UNTAGGED.digest}/delete"' in page
    assert 'name="tag"' not in page
    assert "data-matching" not in page
    assert "untagged manifest" in text_of(alice.get(path))
    assert "/delete" not in bob.get(path).get_data(as_text=True)


def test_where_nobody_tells_of_untagged_manifests_the_page_says_so(bob: Visitor) -> None:
    assert "Which manifests have no tag is read in the registry's store" in text_of(bob.get(f"{LIST}?untagged=1"))
