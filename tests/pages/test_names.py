"""The list of untagged manifests says what holds each, and a dialog gives one a name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from demo.build import Built, image, layer
from demo.fleet import API
from demo.push import Pusher
from tests.pages.conftest import MakeApp, Visitor, fields_of, parts_of, text_of
from tests.registry_process import RegistryProcess
from webapp.activities.models import Activity, ActivityKind
from webapp.catalogue.sync import sync
from webapp.leases import held
from webapp.registry.client import RegistryClient
from webapp.removal.models import Removal, RemovalState
from webapp.removal.remover import lease_name
from webapp.removal.trash_models import TrashItem, TrashState

LIST = f"/repositories/{API}?untagged=1"


@pytest.fixture
def app(make_app: MakeApp, synced_template: Path, fleet_registry: RegistryProcess) -> Flask:
    """In front of a registry whose store can be read."""
    return make_app(fleet_registry.url, synced_template, REGISTRY_STORE=str(fleet_registry.store))


@pytest.fixture
def left(app: Flask, fleet_pusher: Pusher) -> Built:
    """An image that lost its tag to a newer one."""
    old = fleet_pusher.push(API, image([layer("left behind", 5_000)]), ["nightly"])
    fleet_pusher.push(API, image([layer("newer")]), ["nightly"])
    sync(parts_of(app).catalogue)
    return old


@pytest.fixture
def left_index(app: Flask, fleet_pusher: Pusher) -> tuple[Built, Built]:
    """The same of an index with one child; both."""
    child = image([layer("of an index", 5_000)])
    old = fleet_pusher.push_index(API, [child], ["nightly"])
    fleet_pusher.push(API, image([layer("newer")]), ["nightly"])
    sync(parts_of(app).catalogue)
    return old, child


def dialog_of(built: Built) -> str:
    return f"/repositories/{API}/-/manifests/{built.digest}/name"


def short(built: Built) -> str:
    return built.digest[7:19]


def given(app: Flask) -> list[tuple[str, str]]:
    with parts_of(app).reading() as session:
        rows = session.scalars(select(Activity).where(Activity.kind == ActivityKind.TAG_GIVEN).order_by(Activity.id))
        return [(row.tag or "", row.outcome.value) for row in rows]


class TestTheList:
    def test_what_nothing_holds_can_be_named_and_deleted(self, alice: Visitor, left: Built) -> None:
        answer = alice.get(LIST)
        page = answer.get_data(as_text=True)
        assert f"{short(left)} image amd64" not in text_of(answer)
        assert "nothing" in text_of(answer)
        assert f'href="{dialog_of(left)}"' in page
        assert f'href="/repositories/{API}/-/manifests/{left.digest}/delete"' in page

    def test_a_child_names_its_index_and_goes_with_it(self, alice: Visitor, left_index: tuple[Built, Built]) -> None:
        old, child = left_index
        answer = alice.get(LIST)
        page = answer.get_data(as_text=True)
        assert f"the index {short(old)}" in text_of(answer)
        assert f'href="/repositories/{API}/-/manifests/{old.digest}/delete"' in page
        assert f'href="/repositories/{API}/-/manifests/{child.digest}/delete"' not in page
        assert f'href="{dialog_of(child)}"' in page

    def test_what_the_trash_holds_says_until_when(self, app: Flask, alice: Visitor, left: Built) -> None:
        now = parts_of(app).now()
        with parts_of(app).writing() as session:
            removal = Removal(
                repository=API, tag="nightly", actor="alice", place="", request_key="k", fingerprint="f",
                state=RemovalState.DONE, started_at=now, fencing_token=1,
            )  # fmt: skip
            session.add(removal)
            session.flush()
            item = TrashItem(
                removal_id=removal.id, repository=API, tag="nightly", digest=left.digest, actor="alice",
                deleted_at=now, until=now + timedelta(days=14), state=TrashState.IN_TRASH,
            )  # fmt: skip
            session.add(item)
        until = now + timedelta(days=14)
        answer = alice.get(LIST)
        assert f"the trash until {until.day} {until:%b %Y}" in text_of(answer)
        assert f"{left.digest}/delete" not in answer.get_data(as_text=True)

    def test_who_may_not_delete_is_offered_neither(self, bob: Visitor, left: Built) -> None:
        page = bob.get(LIST).get_data(as_text=True)
        assert left.digest in page
        assert "/name" not in page
        assert "/delete" not in page

    def test_a_manifests_page_offers_a_name_only_where_it_has_none(
        self, alice: Visitor, bob: Visitor, left: Built, app: Flask
    ) -> None:
        page = f"/repositories/{API}/-/manifests/{left.digest}"
        assert "Give it a name…" in text_of(alice.get(page))
        assert "Give it a name…" not in text_of(bob.get(page))
        alice.post(dialog_of(left), tag="kept")
        assert "Give it a name…" not in text_of(alice.get(page))


class TestTicked:
    PATH = f"/repositories/{API}/-/delete"

    @pytest.fixture
    def others(self, app: Flask, left: Built, fleet_pusher: Pusher) -> list[Built]:
        """Three that nothing holds."""
        more = [fleet_pusher.push(API, image([layer(f"without a tag {number}")])) for number in range(2)]
        sync(parts_of(app).catalogue)
        return [left, *more]

    @pytest.mark.parametrize("htmx", [False, True])
    def test_several_go_together(
        self, alice: Visitor, others: list[Built], fleet_client: RegistryClient, htmx: bool
    ) -> None:
        before = set(fleet_client.tags(API))
        dialog = alice.post(self.PATH, htmx, digest=[each.digest for each in others])
        assert "Delete 3 manifests of team/api ?" in text_of(dialog)
        answer = alice.press(self.PATH, fields_of(dialog), htmx)
        assert (answer.headers["HX-Redirect"] if htmx else answer.location) == LIST
        page = alice.get(LIST)
        assert "Deleted 3 manifests of team/api." in text_of(page)
        assert not [each for each in others if each.digest in page.get_data(as_text=True)]
        assert set(fleet_client.tags(API)) == before

    def test_a_form_cannot_be_turned_to_other_manifests(self, alice: Visitor, others: list[Built]) -> None:
        fields = fields_of(alice.post(self.PATH, digest=[others[0].digest]))
        assert alice.press(self.PATH, fields, digest=[others[1].digest]).status_code == 400

    def test_what_is_no_digest_deletes_nothing(self, alice: Visitor) -> None:
        answer = alice.post(self.PATH, digest=["sha256:abc"])
        assert answer.status_code == 400
        assert "nothing was deleted" in text_of(answer)

    def test_only_what_nothing_holds_can_be_ticked(
        self, alice: Visitor, bob: Visitor, left_index: tuple[Built, Built]
    ) -> None:
        old, child = left_index
        page = alice.get(LIST).get_data(as_text=True)
        assert f'name="digest" value="{old.digest}"' in page
        assert f'name="digest" value="{child.digest}"' not in page
        assert "data-tick" not in bob.get(LIST).get_data(as_text=True)


class TestTheDialog:
    @pytest.mark.parametrize("htmx", [False, True])
    def test_it_asks_and_gives(
        self, app: Flask, alice: Visitor, left: Built, fleet_client: RegistryClient, htmx: bool
    ) -> None:
        dialog = text_of(alice.get(dialog_of(left), htmx))
        assert f"Give team/api@{short(left)} a name?" in dialog
        assert "registry.example/team/api :TAG" in dialog or "registry.example/team/api:TAG" in dialog
        answer = alice.post(dialog_of(left), htmx, tag=" 0.9 ")
        its_page = f"/repositories/{API}/-/tags/0.9"
        assert (answer.headers["HX-Redirect"] if htmx else answer.location) == its_page
        assert f"The manifest {short(left)} is called team/api:0.9 now." in text_of(alice.get(its_page))
        assert fleet_client.get_manifest(API, "0.9").raw == left.raw
        assert given(app) == [("0.9", "done")]

    def test_a_tag_that_is_taken_asks_for_another_and_keeps_what_was_typed(
        self, app: Flask, alice: Visitor, left: Built
    ) -> None:
        answer = alice.post(dialog_of(left), htmx=True, tag="nightly")
        assert answer.status_code == 422
        assert "nightly is taken: it is on another manifest." in text_of(answer)
        assert 'value="nightly"' in answer.get_data(as_text=True)
        assert given(app) == []

    @pytest.mark.parametrize("tag", ["", "<b>", f"sha256-{1:064x}.sig"])
    def test_what_can_be_no_name_is_refused(self, app: Flask, alice: Visitor, left: Built, tag: str) -> None:
        answer = alice.post(dialog_of(left), tag=tag)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.get_data(as_text=True)
        assert "<b>" not in answer.get_data(as_text=True)
        assert given(app) == []

    def test_a_manifest_that_is_gone_says_so(
        self, alice: Visitor, left: Built, fleet_client: RegistryClient, app: Flask
    ) -> None:
        fleet_client.delete_manifest(API, left.digest)
        answer = alice.post(dialog_of(left), tag="0.9")
        assert answer.status_code == 409
        assert "The registry does not have this manifest any more." in text_of(answer)

    def test_during_a_removal_it_waits_for_its_end(self, alice: Visitor, left: Built, app: Flask) -> None:
        with held(parts_of(app).writing, lease_name(API)):
            answer = alice.post(dialog_of(left), tag="0.9")
        assert answer.status_code == 409
        assert "Another removal is under way in this repository." in text_of(answer)
        assert "The name was not given." in text_of(answer)

    @pytest.mark.parametrize("state", ["away", "read-only"])
    def test_a_registry_that_takes_nothing_is_a_sentence(
        self, alice: Visitor, left: Built, app: Flask, fleet_registry: RegistryProcess, state: str
    ) -> None:
        if state == "away":
            fleet_registry.stop()
        else:
            fleet_registry.restart(read_only=True)
        answer = alice.post(dialog_of(left), tag="0.9")
        assert answer.status_code == (503 if state == "away" else 502)
        assert "The name was not given. Try again when" in text_of(answer) or (
            "The name was not given. If a run is under way" in text_of(answer)
        )
        assert "Nothing was deleted" not in text_of(answer)

    def test_it_is_shown_without_the_registry(
        self, alice: Visitor, left: Built, fleet_registry: RegistryProcess
    ) -> None:
        fleet_registry.stop()
        assert alice.get(dialog_of(left)).status_code == 200

    def test_of_a_manifest_that_is_not_there_is_404(self, alice: Visitor) -> None:
        assert alice.get(f"/repositories/{API}/-/manifests/sha256:{1:064x}/name").status_code == 404

    def test_who_may_not_is_told_who_may(self, bob: Visitor, left: Built, app: Flask) -> None:
        answer = bob.post(dialog_of(left), tag="0.9")
        assert answer.status_code == 403
        assert "Administrators can give names." in text_of(answer)
        assert given(app) == []


def test_the_activities_tell_of_it(alice: Visitor, left: Built) -> None:
    alice.post(dialog_of(left), tag="0.9")
    assert "alice gave a manifest the name team/api:0.9" in text_of(alice.get("/activities"))
    assert "alice gave a manifest the name team/api:0.9" in text_of(alice.get("/activities?kind=tag_given"))
