"""The page of the trash, and its dialogs: restore, delete for good, empty."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from demo.build import image, layer
from demo.fleet import API, WEB
from demo.push import Pusher
from tests.pages.conftest import MakeApp, Visitor, fields_of, parts_of, text_of
from tests.registry_process import RegistryProcess
from webapp.activities.models import Activity, ActivityKind
from webapp.catalogue.sync import sync
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound
from webapp.removal.models import Removal
from webapp.removal.trash_models import Restorable, TrashItem, TrashState
from webapp.removal.trash_upkeep import check_items

RESTORE, DELETE = "/trash/restore", "/trash/delete"


@pytest.fixture
def app(make_app: MakeApp, synced_template: Path, fleet_registry: RegistryProcess) -> Flask:
    """With a trash, in front of a registry whose store can be read."""
    app = make_app(fleet_registry.url, synced_template, REGISTRY_STORE=str(fleet_registry.store), TRASH_RETENTION="14")
    sync(parts_of(app).catalogue)
    return app


def remove(alice: Visitor, tag: str, repository: str = API, **choices: str) -> None:
    path = f"/repositories/{repository}/-/tags/{tag}/delete"
    answer = alice.press(path, fields_of(alice.post(path, ask="1", **choices)))
    assert answer.status_code == 303, text_of(answer)


def items(app: Flask) -> list[TrashItem]:
    with parts_of(app).reading() as session:
        return list(session.scalars(select(TrashItem).order_by(TrashItem.id)))


def item_of(app: Flask, tag: str) -> TrashItem:
    return next(each for each in items(app) if each.tag == tag)


def add_items(app: Flask, number: int) -> None:
    """So many more, on the manifest of 1.4.1."""
    item = item_of(app, "1.4.1")
    rows = [
        {
            "removal_id": item.removal_id,
            "repository": API,
            "tag": f"many-{each:03}",
            "digest": item.digest,
            "actor": "alice",
            "deleted_at": item.deleted_at,
            "until": item.until,
            "state": TrashState.IN_TRASH,
        }
        for each in range(number)
    ]
    with parts_of(app).writing() as session:
        session.add_all(TrashItem(**row) for row in rows)


def until_of(item: TrashItem) -> str:
    assert item.until
    return f"{item.until.day} {item.until:%b %Y}"


class TestTheList:
    def test_it_says_what_by_whom_until_when_and_how_large(self, app: Flask, alice: Visitor, bob: Visitor) -> None:
        remove(alice, "1.4.1")
        check_items(parts_of(app).remover)
        item = item_of(app, "1.4.1")
        text = text_of(bob.get("/trash"))
        assert "team/api:1.4.1 alice" in text
        assert until_of(item) in text
        assert "yes" in text
        assert "1 item" in text

    def test_what_went_along_is_in_the_row_of_its_image(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.2", siblings="remove")
        carried = [each for each in items(app) if each.refers_to]
        assert carried
        text = text_of(alice.get("/trash"))
        assert "with 1 signature" in text
        assert not [each for each in carried if each.tag and each.tag in text]

    def test_the_empty_one_says_so(self, alice: Visitor) -> None:
        text = text_of(alice.get("/trash"))
        assert "The trash is empty." in text
        assert "Empty the trash…" not in text
        assert "kept for 14 days" in text

    def test_without_a_retention_it_says_that_it_is_off(self, make_app: MakeApp, synced_template: Path) -> None:
        app = make_app(template=synced_template)
        text = text_of(Visitor(app).sign_in("bob").get("/trash"))
        assert "The trash is off (HOLYSTONE_TRASH_RETENTION is 0)" in text

    def test_its_filters_are_by_repository_person_and_what_became_of_it(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        remove(alice, "2.1", WEB)
        assert "team/api:1.4.1" not in text_of(alice.get(f"/trash?repository={WEB}"))
        assert f"{WEB}:2.1" in text_of(alice.get(f"/trash?repository={WEB}"))
        assert "No match" in text_of(alice.get("/trash?person=bob"))
        assert f"{WEB}:2.1" in text_of(alice.get("/trash?person=alice"))
        assert "Nothing has been restored yet." in text_of(alice.get("/trash?state=restored"))
        assert f"{WEB}:2.1" in text_of(alice.get("/trash?state=no-such-state"))

    def test_it_is_paged(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        add_items(app, 120)
        first = alice.get("/trash").get_data(as_text=True)
        assert "many-119" in first
        assert "many-000" not in first
        address = first.split('rel="next"')[0].rpartition('href="')[2].split('"')[0]
        assert "many-000" in alice.get(address.replace("&amp;", "&")).get_data(as_text=True).replace("<wbr>", "")

    def test_who_may_not_delete_looks_only(self, alice: Visitor, bob: Visitor) -> None:
        remove(alice, "1.4.1")
        page = bob.get("/trash").get_data(as_text=True)
        assert "/trash/restore" not in page
        assert "/trash/delete" not in page
        assert "data-tick" not in page
        assert "Administrators can restore." in text_of(bob.get("/trash"))

    def test_what_others_deleted_is_warned_of(self, app: Flask, alice: Visitor, fleet_client: RegistryClient) -> None:
        remove(alice, "1.4.1")
        assert "outside of Holystone" not in text_of(alice.get("/trash"))
        fleet_client.delete_manifest(API, item_of(app, "1.4.1").digest)
        check_items(parts_of(app).remover)
        assert item_of(app, "1.4.1").restorable == Restorable.FROM_JOURNAL
        text = text_of(alice.get("/trash"))
        assert "Manifests in the trash were deleted outside of Holystone." in text
        assert "from what Holystone has kept" in text

    def test_texts_of_others_are_escaped(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        with parts_of(app).writing() as session:
            session.get_one(TrashItem, item_of(app, "1.4.1").id).actor = "<b>alice"
        assert "<b>alice" not in alice.get("/trash").get_data(as_text=True)


class TestRestoring:
    @pytest.mark.parametrize("htmx", [False, True])
    def test_a_tag_comes_back_byte_for_byte(
        self, app: Flask, alice: Visitor, fleet_client: RegistryClient, htmx: bool
    ) -> None:
        before = fleet_client.get_manifest(API, "1.4.1")
        remove(alice, "1.4.1")
        path = f"{RESTORE}?item={item_of(app, '1.4.1').id}"
        dialog = alice.get(path, htmx)
        assert "Restore team/api:1.4.1 ?" in text_of(dialog)
        assert "Comes back 1 item" in text_of(dialog)
        answer = alice.press(RESTORE, fields_of(dialog), htmx)
        assert (answer.headers["HX-Redirect"] if htmx else answer.location) == "/trash"
        assert "Restored team/api:1.4.1." in text_of(alice.get("/trash"))
        assert fleet_client.get_manifest(API, "1.4.1") == before
        assert item_of(app, "1.4.1").state == TrashState.RESTORED
        with parts_of(app).reading() as session:
            kinds = session.scalars(select(Activity.kind).order_by(Activity.id.desc())).all()
        assert ActivityKind.TAG_RESTORED in kinds
        assert "alice restored team/api:1.4.1" in text_of(alice.get("/activities"))

    def test_a_tag_that_is_there_again_asks_for_another_name(
        self, app: Flask, alice: Visitor, fleet_pusher: Pusher, fleet_client: RegistryClient
    ) -> None:
        old = fleet_client.get_manifest(API, "1.4.1")
        remove(alice, "1.4.1")
        new = fleet_pusher.push(API, image([layer("pushed again")]), ["1.4.1"])
        dialog = alice.get(f"{RESTORE}?item={item_of(app, '1.4.1').id}")
        assert "1.4.1 is there again, on another manifest." in text_of(dialog)
        assert "Restore under the name" in text_of(dialog)
        answer = alice.press(RESTORE, fields_of(dialog), name="1.4.1-old")
        assert answer.status_code == 303, text_of(answer)
        assert fleet_client.get_manifest(API, "1.4.1-old").raw == old.raw
        assert fleet_client.get_manifest(API, "1.4.1").raw == new.raw

    def test_another_name_that_is_taken_keeps_what_was_typed(
        self, app: Flask, alice: Visitor, fleet_pusher: Pusher
    ) -> None:
        remove(alice, "1.4.1")
        fleet_pusher.push(API, image([layer("pushed again")]), ["1.4.1"])
        fields = fields_of(alice.get(f"{RESTORE}?item={item_of(app, '1.4.1').id}"))
        for name in ("1.3.0", "no tag"):
            answer = alice.press(RESTORE, fields, name=name)
            assert answer.status_code == 409
            assert f'value="{name}"' in answer.get_data(as_text=True)
            assert "Nothing was restored." in text_of(answer)

    def test_several_are_restored_together(self, app: Flask, alice: Visitor, fleet_client: RegistryClient) -> None:
        for tag in ("1.4.1", "1.3.0"):
            remove(alice, tag)
        ids = [str(each.id) for each in items(app)]
        dialog = alice.post(RESTORE, item=ids)
        assert "Restore 2 items?" in text_of(dialog)
        answer = alice.press(RESTORE, fields_of(dialog))
        assert answer.status_code == 303
        assert "Restored 2 items." in text_of(alice.get("/trash"))
        assert {"1.4.1", "1.3.0"} <= set(fleet_client.tags(API))

    def test_nothing_ticked_changes_nothing(self, alice: Visitor) -> None:
        assert alice.post(RESTORE).status_code == 400
        assert alice.post(DELETE).status_code == 400

    @pytest.mark.parametrize("item", ["0", "x", "-1", str(2**70), "12345"])
    def test_what_is_not_there_is_404(self, alice: Visitor, item: str) -> None:
        assert alice.get(f"{RESTORE}?item={item}").status_code == 404
        assert alice.get(f"{DELETE}?item={item}").status_code == 404

    def test_a_registry_that_is_away_is_a_sentence(
        self, app: Flask, alice: Visitor, fleet_registry: RegistryProcess
    ) -> None:
        remove(alice, "1.4.1")
        fields = fields_of(alice.get(f"{RESTORE}?item={item_of(app, '1.4.1').id}"))
        fleet_registry.stop()
        assert alice.get(f"{RESTORE}?item={item_of(app, '1.4.1').id}").status_code == 503
        answer = alice.press(RESTORE, fields)
        assert "Nothing was restored." in text_of(answer)
        assert item_of(app, "1.4.1").state == TrashState.IN_TRASH


class TestDeletingForGood:
    def test_one_goes_with_what_went_along(self, app: Flask, alice: Visitor, fleet_client: RegistryClient) -> None:
        remove(alice, "1.4.2", siblings="remove")
        signature = next(each for each in items(app) if each.refers_to)
        images = [each for each in items(app) if not each.refers_to]
        dialog = alice.post(DELETE, item=[str(each.id) for each in images])
        assert "Delete 3 items for good?" in text_of(dialog)
        assert alice.press(DELETE, fields_of(dialog)).status_code == 303
        assert {each.state for each in items(app)} == {TrashState.DELETED}
        with pytest.raises(NotFound):
            fleet_client.head_manifest(API, signature.digest)

    def test_the_dialog_has_the_figures_of_a_fresh_plan(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        text = text_of(alice.get(f"{DELETE}?item={item_of(app, '1.4.1').id}"))
        assert "Goes 1 item, " in text
        assert "at the next collection" in text
        assert "Afterwards it can be restored only until the next collection." in text

    def test_it_is_gone_from_the_registry(self, app: Flask, alice: Visitor, fleet_client: RegistryClient) -> None:
        remove(alice, "1.4.1")
        item = item_of(app, "1.4.1")
        answer = alice.press(DELETE, fields_of(alice.get(f"{DELETE}?item={item.id}")))
        assert answer.status_code == 303, text_of(answer)
        assert "Deleted 1 item for good." in text_of(alice.get("/trash"))
        assert item_of(app, "1.4.1").state == TrashState.DELETED
        page = text_of(alice.get("/trash?state=deleted"))
        assert "team/api:1.4.1" in page

    def test_the_whole_trash_is_emptied_after_a_word_was_typed(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        remove(alice, "1.3.0")
        add_items(app, 30)
        dialog = alice.get(f"{DELETE}?all=1")
        assert "Empty the trash?" in text_of(dialog)
        assert "Type trash to delete them" in text_of(dialog)
        fields = fields_of(dialog)
        assert alice.press(DELETE, fields).status_code == 422
        assert {each.state for each in items(app)} == {TrashState.IN_TRASH}
        assert alice.press(DELETE, fields, typed="trash").status_code == 303
        assert TrashState.IN_TRASH not in {each.state for each in items(app)}

    def test_who_may_not_delete_may_do_neither(self, app: Flask, alice: Visitor, bob: Visitor) -> None:
        remove(alice, "1.4.1")
        item = str(item_of(app, "1.4.1").id)
        for path in (RESTORE, DELETE):
            assert bob.post(path, item=item, agreed="1").status_code == 403
        assert item_of(app, "1.4.1").state == TrashState.IN_TRASH
        with parts_of(app).reading() as session:
            assert len(session.scalars(select(Removal.id)).all()) == 1
            assert timedelta(days=13) < (item_of(app, "1.4.1").until or parts_of(app).now()) - parts_of(app).now()


class TestDeletingIntoIt:
    PATH = f"/repositories/{API}/-/tags/1.4.1/delete"

    def test_the_dialog_says_until_when_and_what_comes_back_when(self, alice: Visitor) -> None:
        text = text_of(alice.get(self.PATH))
        assert re.search(r"Can be restored until \d+ \w+ \d{4}\. ", text)
        assert "come back at the first collection after that." in text
        assert re.search(r"Until \d+ \w+ \d{4} it can still be pulled by its digest\.", text)
        assert "Delete tag" in text

    def test_an_administrator_can_delete_for_good(
        self, app: Flask, alice: Visitor, fleet_client: RegistryClient
    ) -> None:
        digest = fleet_client.head_manifest(API, "1.4.1").digest
        asked = alice.post(self.PATH, ask="1", for_good="1")
        assert "at the next collection" in text_of(asked)
        assert "Can be restored until" not in text_of(asked)
        answer = alice.press(self.PATH, fields_of(asked))
        assert answer.status_code == 303
        assert "The space comes back at the next collection." in text_of(alice.get(answer.location))
        with pytest.raises(NotFound):
            fleet_client.head_manifest(API, digest)
        assert item_of(app, "1.4.1").state == TrashState.DELETED

    def test_a_dialog_into_the_trash_does_not_delete_for_good(self, app: Flask, alice: Visitor) -> None:
        """The plan that was shown is the one that is agreed to."""
        answer = alice.press(self.PATH, fields_of(alice.get(self.PATH)), for_good="1")
        assert answer.status_code == 409
        assert items(app) == []

    def test_without_a_trash_nothing_is_said_of_it(self, make_app: MakeApp, fleet_registry: RegistryProcess) -> None:
        app = make_app(fleet_registry.url, REGISTRY_STORE=str(fleet_registry.store))
        sync(parts_of(app).catalogue)
        text = text_of(Visitor(app).sign_in("alice").get(self.PATH))
        assert "restored" not in text
        assert "for good" not in text

    @pytest.mark.parametrize("htmx", [False, True])
    def test_the_toast_takes_it_back(
        self, app: Flask, alice: Visitor, fleet_client: RegistryClient, htmx: bool
    ) -> None:
        before = fleet_client.get_manifest(API, "1.4.1")
        answer = alice.delete(self.PATH, htmx)
        shown = answer if htmx else alice.get(answer.location)
        assert re.search(r"Deleted team/api:1\.4\.1\. It can be restored until \d+ \w+ \d{4}\. Undo", text_of(shown))
        undo = alice.press(RESTORE, fields_of(shown, 'class="toast"'))
        assert undo.location == f"/repositories/{API}"
        page = text_of(alice.get(undo.location))
        assert "Restored team/api:1.4.1." in page
        assert fleet_client.get_manifest(API, "1.4.1") == before

    def test_the_page_of_a_removal_offers_to_restore_it(self, app: Flask, alice: Visitor, bob: Visitor) -> None:
        remove(alice, "1.4.1")
        page = f"/removals/{item_of(app, '1.4.1').removal_id}"
        text = text_of(alice.get(page))
        assert "Deleted 1 tag. It can be restored until" in text
        assert "Restore…" in text
        assert "Restore…" not in text_of(bob.get(page))
        dialog = alice.get(f"{RESTORE}?removal={item_of(app, '1.4.1').removal_id}")
        assert alice.press(RESTORE, fields_of(dialog)).status_code == 303
        assert "Restore…" not in text_of(alice.get(page))

    def test_the_activities_say_until_when(self, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        assert "It can be restored until" in text_of(alice.get("/activities"))

    def test_a_manifest_that_is_in_the_trash_says_so(self, app: Flask, alice: Visitor) -> None:
        remove(alice, "1.4.1")
        answer = alice.get(f"/repositories/{API}/-/manifests/{item_of(app, '1.4.1').digest}/delete")
        assert "It is in the trash until" in text_of(answer)
        assert "Restore it there, or delete it there for good." in text_of(answer)
        assert 'class="button danger"' not in answer.get_data(as_text=True)
