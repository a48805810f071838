"""Deleting several tags at once: ticked ones, and all that a filter finds."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from demo.build import image, layer
from demo.push import Pusher
from tests.pages.conftest import Fields, MakeApp, Visitor, fields_of, parts_of, text_of, wait_for
from tests.pages.test_removals import IMAGE, LIST, removals
from tests.registry_process import RegistryProcess
from webapp.catalogue.refresh import sync_repository
from webapp.catalogue.sync import sync
from webapp.registry.client import RegistryClient

THREE = ["1.3.0", "1.3.1", "1.4"]
MANY = "/repositories/team/many"


@pytest.fixture
def many(app: Flask, fleet_pusher: Pusher) -> list[str]:
    """Thirty images of one tag each, of which twenty-five are release candidates."""
    tags = [f"rc-{number}" for number in range(25)] + [f"1.{number}" for number in range(5)]
    for tag in tags:
        fleet_pusher.push("team/many", image([layer(f"many {tag}", 100)]), [tag])
    sync(parts_of(app).catalogue)
    return tags


def ticks_of(alice: Visitor, path: str = LIST, **more: str | list[str]) -> Fields:
    """What the form of ticks sends without JavaScript, besides what is ticked."""
    page = alice.get(path).get_data(as_text=True)
    found = re.search(r'<input type="hidden" name="q" value="([^"]*)" form="ticks">', page)
    assert found
    return {"q": [found[1]], **more}  # type: ignore[dict-item]


@pytest.mark.parametrize("htmx", [True, False])
def test_ticked_tags_are_asked_about_and_go_together(alice: Visitor, fleet_client: RegistryClient, htmx: bool) -> None:
    dialog = alice.post(IMAGE, htmx, **ticks_of(alice, tag=THREE))
    text = text_of(dialog)
    assert dialog.status_code == 200
    assert "Delete 3 tags of team/api ?" in text
    assert "Only these 3 tags. 1.3, 1.4.2 and latest stay. All 6 tags of these images." in text
    assert "Goes 3 tags, 1 manifest" in text
    assert "Delete 3 tags</button>" in dialog.get_data(as_text=True)
    answer = alice.press(IMAGE, fields_of(dialog), htmx)
    left = fleet_client.tags("team/api")
    assert not set(THREE) & set(left)
    assert {"1.3", "1.4.2", "latest", "1.4.0", "1.4.1"} <= set(left)
    if htmx:
        assert answer.get_data(as_text=True).count('hx-swap-oob="delete"') == 3
        assert answer.headers["HX-Trigger-After-Settle"] == "dialog-done"
    else:
        assert answer.location == LIST
    assert "Deleted 3 tags of team/api. The space comes back at the next collection." in text_of(
        answer if htmx else alice.get(LIST)
    )


def test_one_ticked_tag_is_asked_about_by_its_name(alice: Visitor, fleet_client: RegistryClient) -> None:
    dialog = alice.post(IMAGE, htmx=True, tag="1.3.0")
    assert "Delete team/api:1.3.0 ?" in text_of(dialog)
    assert "Deleted team/api:1.3.0." in text_of(alice.press(IMAGE, fields_of(dialog), htmx=True))
    assert "1.3.0" not in fleet_client.tags("team/api")


@pytest.mark.parametrize("form", [{}, {"q": "1.3"}, {"request_key": "x"}, {"ask": "1"}, {"tag": "-no-tag"}])
def test_a_form_without_a_ticked_tag_is_never_taken_for_the_whole_image(
    app: Flask, alice: Visitor, form: dict[str, str]
) -> None:
    answer = alice.post(IMAGE, htmx=True, **form)
    assert answer.status_code == 400
    assert "nothing was deleted" in text_of(answer)
    assert removals(app) == 0


def test_a_dialog_of_some_tags_cannot_be_turned_to_others(app: Flask, alice: Visitor) -> None:
    fields = fields_of(alice.post(IMAGE, htmx=True, tag=["1.3.0", "1.3.1"]))
    everything = {"tag": [], "image": "1"}
    for other in ({"tag": ["1.3.0", "1.4"]}, {"tag": ["1.3.0"]}, {"matching": "1", "q": ""}, everything):
        assert alice.press(IMAGE, fields, htmx=True, **other).status_code == 400  # type: ignore[arg-type]
    assert alice.press("/repositories/team/web/-/delete", fields, htmx=True).status_code == 400
    assert removals(app) == 0


def test_the_order_of_ticked_tags_does_not_matter(alice: Visitor) -> None:
    fields = fields_of(alice.post(IMAGE, htmx=True, tag=["1.3.1", "1.3.0"]))
    assert alice.press(IMAGE, fields, htmx=True, tag=["1.3.1", "1.3.0", "1.3.0"]).status_code == 200


def test_all_that_a_filter_finds_go_with_the_repositorys_name(
    alice: Visitor, many: list[str], fleet_client: RegistryClient
) -> None:
    address = f"{MANY}/-/delete"
    page = alice.get(f"{MANY}?q=RC-")
    assert "Delete all 25 that match…" in text_of(page)
    dialog = alice.post(address, **ticks_of(alice, f"{MANY}?q=RC-", matching="1"))
    assert "Delete 25 tags of team/many that match RC- ?" in text_of(dialog)
    assert "Type team/many to delete them" in text_of(dialog)
    fields = fields_of(dialog)
    assert "tag" not in fields
    wrong = alice.press(address, fields, typed_name="team/man")
    assert wrong.status_code == 422
    assert "This is not the repository's name." in text_of(wrong)
    assert len(fleet_client.tags("team/many")) == 30
    answer = alice.press(address, fields_of(wrong), typed_name="team/many")
    its_page = answer.location
    wait_for(lambda: "every 1s" not in alice.get(its_page, htmx=True).get_data(as_text=True))
    text = text_of(alice.get(its_page))
    assert "Delete 25 tags of team/many" in text
    assert "Deleted 25 tags. The space comes back at the next collection." in text
    assert sorted(fleet_client.tags("team/many")) == [f"1.{number}" for number in range(5)]


def test_the_filter_is_asked_again_when_the_button_is_pressed(
    app: Flask, alice: Visitor, many: list[str], fleet_pusher: Pusher, fleet_client: RegistryClient
) -> None:
    address = f"{MANY}/-/delete"
    fields = fields_of(alice.post(address, htmx=True, matching="1", q="1."))
    fleet_pusher.push("team/many", image([layer("one more", 100)]), ["1.9"])
    sync_repository(parts_of(app).catalogue, "team/many")
    answer = alice.press(address, fields, htmx=True)
    assert answer.status_code == 409
    assert "This changed since you looked." in text_of(answer)
    assert "Delete 6 tags</button>" in answer.get_data(as_text=True)
    assert len(fleet_client.tags("team/many")) == 31
    assert alice.press(address, fields, htmx=True, q="").status_code == 400
    assert alice.press(address, fields_of(answer), htmx=True).status_code == 200
    assert len(fleet_client.tags("team/many")) == 25


def test_pressing_twice_for_many_is_one_removal_and_one_answer(app: Flask, alice: Visitor, many: list[str]) -> None:
    address = f"{MANY}/-/delete"
    fields = fields_of(alice.post(address, htmx=True, matching="1", q="1."))
    first, second = (alice.press(address, fields, htmx=True) for _ in range(2))
    assert removals(app) == 1
    for answer in (first, second):
        assert "Deleted 5 tags of team/many. The space comes back" in text_of(answer)
        assert answer.get_data(as_text=True).count('hx-swap-oob="delete"') == 5


def test_a_filter_that_finds_nothing_any_more_says_so(alice: Visitor) -> None:
    dialog = alice.post(IMAGE, htmx=True, matching="1", q="nothing-like-this")
    assert "There is nothing left to delete here." in text_of(dialog)
    assert "</button>" not in dialog.get_data(as_text=True)


def test_tags_that_are_gone_by_now_leave_the_list(alice: Visitor, fleet_client: RegistryClient) -> None:
    for tag in ("1.3.0", "1.4.0"):
        fleet_client.delete_manifest("team/api", fleet_client.head_manifest("team/api", tag).digest)
    some = alice.post(IMAGE, htmx=True, tag=["1.3.0", "1.4.1"])
    assert "Already gone: 1.3.0." in text_of(some)
    assert "Delete tag</button>" in some.get_data(as_text=True)
    answer = alice.post(IMAGE, htmx=True, tag=["1.3.0", "1.4.0"])
    assert "2 tags of team/api were already gone." in text_of(answer)
    assert answer.get_data(as_text=True).count('hx-swap-oob="delete"') == 2


def test_a_user_has_no_ticks_and_cannot_ask(bob: Visitor) -> None:
    page = bob.get(LIST).get_data(as_text=True)
    assert "data-tick" not in page
    assert 'id="ticks"' not in page
    assert bob.post(IMAGE, tag=THREE).status_code == 403


class TestProtected:
    @pytest.fixture
    def app(self, make_app: MakeApp, synced_template: object, fleet_registry: RegistryProcess) -> Flask:
        """Version 1.4 and all latest tags are protected."""
        return make_app(fleet_registry.url, synced_template, PROTECTED_TAGS="1.4, lat*")

    def test_a_protected_tag_stays_and_the_dialog_says_why(self, alice: Visitor) -> None:
        dialog = alice.get(f"{LIST}/-/tags/1.4/delete")
        text = text_of(dialog)
        assert "1.4 stays: It is protected (HOLYSTONE_PROTECTED_TAGS). Tick below to delete it all the same." in text
        assert "Delete protected tags, too: 1.4" in text
        assert "Delete tag</button>" not in dialog.get_data(as_text=True)

    def test_an_administrator_includes_it_expressly(self, alice: Visitor, fleet_client: RegistryClient) -> None:
        address = f"{LIST}/-/tags/1.4/delete"
        dialog = alice.press(address, fields_of(alice.get(address)), ask="1", include_protected="1")
        assert "Delete tag</button>" in dialog.get_data(as_text=True)
        assert alice.press(address, fields_of(dialog)).status_code == 303
        left = fleet_client.tags("team/api")
        assert "1.4" not in left
        assert "latest" in left

    def test_the_rest_goes_and_protected_tags_are_named(self, alice: Visitor, fleet_client: RegistryClient) -> None:
        dialog = alice.post(IMAGE, htmx=True, tag=["1.3.0", "1.4"])
        assert "1.4 protected by HOLYSTONE_PROTECTED_TAGS" in text_of(dialog)
        assert "Delete tag</button>" in dialog.get_data(as_text=True)
        alice.press(IMAGE, fields_of(dialog), htmx=True)
        left = fleet_client.tags("team/api")
        assert "1.4" in left
        assert "1.3.0" not in left

    def test_siblings_that_are_protected_stay_when_the_others_go(
        self, alice: Visitor, fleet_client: RegistryClient
    ) -> None:
        address = f"{LIST}/-/tags/1.4.2/delete"
        dialog = alice.get(f"{address}?siblings=remove")
        assert "All 3 tags of this image, but for 2 protected." in text_of(dialog)
        assert "1.4 and latest protected by HOLYSTONE_PROTECTED_TAGS" in text_of(dialog)
        assert "Delete protected tags, too: 1.4 and latest" in text_of(dialog)
        alice.press(address, fields_of(dialog))
        left = fleet_client.tags("team/api")
        assert {"1.4", "latest"} <= set(left)
        assert "1.4.2" not in left

    def test_an_image_keeps_its_protected_tags(self, alice: Visitor, fleet_client: RegistryClient) -> None:
        dialog = alice.get(IMAGE)
        assert "1.4 and latest protected by HOLYSTONE_PROTECTED_TAGS" in text_of(dialog)
        assert "Delete protected tags, too: 1.4 and latest" in text_of(dialog)
        before = len(fleet_client.tags("team/api"))
        assert alice.press(IMAGE, fields_of(dialog), typed_name="team/api").location == LIST
        left = fleet_client.tags("team/api")
        assert sorted(tag for tag in left if not tag.startswith("sha256-")) == ["1.4", "latest"]
        went = before - len(left)
        assert f"Delete {went} tags</button>" in dialog.get_data(as_text=True)
        assert f"Deleted {went} tags of team/api. The space comes back" in text_of(alice.get(LIST))
