"""Deleting through the pages, against a real registry, with and without htmx."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from demo.build import image, layer
from demo.push import Pusher
from tests.pages.conftest import Visitor, fields_of, parts_of, text_of, wait_for
from tests.registry_process import RegistryProcess
from webapp.catalogue.sync import sync
from webapp.leases import held
from webapp.pages.background import Background
from webapp.registry.client import RegistryClient
from webapp.removal.models import Removal
from webapp.removal.remover import lease_name

LIST = "/repositories/team/api"
IMAGE = "/repositories/team/api/-/delete"


def dialog_of(tag: str, repository: str = "team/api") -> str:
    return f"/repositories/{repository}/-/tags/{tag}/delete"


def removals(app: Flask) -> int:
    with parts_of(app).reading() as session:
        return session.scalar(select(func.count()).select_from(Removal)) or 0


@pytest.mark.parametrize("htmx", [True, False])
def test_the_dialog_names_what_goes_and_what_stays(alice: Visitor, htmx: bool) -> None:
    answer = alice.get(dialog_of("1.3.0"), htmx)
    assert answer.status_code == 200
    assert ("<html" in answer.get_data(as_text=True)) is not htmx
    text = text_of(answer)
    assert "Delete team/api:1.3.0 ?" in text
    assert "1 tag, 1 manifest" in text
    assert "Delete tag" in text


def test_a_tag_goes_alone_unless_its_siblings_are_chosen_too(alice: Visitor) -> None:
    dialog = alice.get(dialog_of("1.4"))
    text = text_of(dialog)
    assert "Only this tag. 1.4.2 and latest stay. All 3 tags of this image." in text
    assert fields_of(dialog)["siblings"] == ["keep"]
    assert "Goes 1 tag tag 1.4 Stays 1.4.2, latest, the same image 1.3, 1.3.0, 1.3.1 and 3 more tags" in text
    assert "Space nothing: the image stays" in text
    assert "Delete tag</button>" in dialog.get_data(as_text=True)


@pytest.mark.parametrize("htmx", [True, False])
def test_the_dialog_of_a_tag_with_its_siblings_names_and_counts_them(alice: Visitor, htmx: bool) -> None:
    fields = fields_of(alice.get(dialog_of("1.4"), htmx))
    dialog = alice.press(dialog_of("1.4"), fields, htmx, siblings="remove", ask="1")
    text = text_of(dialog)
    assert dialog.status_code == 200
    assert fields_of(dialog)["siblings"] == ["remove"]
    assert "Goes 3 tags, 1 manifest, 1 signature" in text
    for name in ("1.4", "1.4.2", "latest"):
        assert f"tag {name} " in text
    assert "kB at the next collection" in text
    assert "Delete 3 tags</button>" in dialog.get_data(as_text=True)
    assert text_of(alice.get(f"{dialog_of('1.4')}?siblings=remove", htmx)).count("Delete 3 tags") == 1


def test_only_the_tag_itself_goes_and_its_siblings_still_pull(alice: Visitor, fleet_client: RegistryClient) -> None:
    digest = fleet_client.head_manifest("team/api", "1.4.2").digest
    answer = alice.delete(dialog_of("1.4"), htmx=True)
    assert "Deleted team/api:1.4. No space comes back, since the image stays." in text_of(answer)
    assert "1.4" not in fleet_client.tags("team/api")
    assert fleet_client.head_manifest("team/api", "1.4.2").digest == digest
    assert fleet_client.head_manifest("team/api", "latest").digest == digest


def test_a_choice_that_was_not_looked_at_is_shown_before_anything_goes(app: Flask, alice: Visitor) -> None:
    answer = alice.delete(dialog_of("1.4"), siblings="remove")
    assert answer.status_code == 409
    assert "This changed since you looked. Nothing was deleted; this is what would go now." in text_of(answer)
    assert "Delete 3 tags" in text_of(answer)
    assert removals(app) == 0
    again = alice.press(dialog_of("1.4"), fields_of(answer))
    assert again.status_code == 303
    assert "Deleted 3 tags of team/api and 1 signature. The space comes back" in text_of(alice.get(LIST))


def test_a_signature_goes_along_unless_it_is_kept(alice: Visitor, fleet_client: RegistryClient) -> None:
    address = f"{dialog_of('1.4')}?siblings=remove"
    assert "Keep its signature" in text_of(alice.get(address))
    dialog = alice.press(dialog_of("1.4"), fields_of(alice.get(address)), referrers="keep", ask="1")
    assert "Goes 3 tags, 1 manifest tag" in text_of(dialog)
    assert "1 signature as chosen" in text_of(dialog)
    assert fields_of(dialog)["referrers"] == ["keep"]
    alice.press(dialog_of("1.4"), fields_of(dialog))
    left = fleet_client.tags("team/api")
    assert [tag for tag in left if tag.endswith(".sig")]
    assert "latest" not in left


def test_an_attestation_by_subject_is_named_as_what_it_is(alice: Visitor, fleet_client: RegistryClient) -> None:
    dialog = alice.get(dialog_of("7.0.0", "team/shop"))
    assert "Goes 1 tag, 1 manifest, 1 list of referrers, 1 attestation" in text_of(dialog)
    assert "Keep its attestation" in text_of(dialog)
    alice.press(dialog_of("7.0.0", "team/shop"), fields_of(dialog))
    assert not [tag for tag in fleet_client.tags("team/shop") if tag.startswith("sha256-")]


def test_an_index_is_counted_with_the_manifests_that_it_names(alice: Visitor) -> None:
    text = text_of(alice.get(dialog_of("2.0", "team/web")))
    assert "Goes 1 tag, 5 manifests tag 2.0" in text
    assert "index" in text


def test_what_a_tag_shares_with_its_siblings_is_counted(alice: Visitor) -> None:
    text = text_of(alice.get(dialog_of("2.1", "team/web")))
    assert "latest, the same image and 4 manifests that they share" in text
    assert "Space nothing: the image stays" in text


@pytest.mark.parametrize("htmx", [True, False])
def test_a_deleted_tag_is_gone_and_its_siblings_stay(alice: Visitor, fleet_client: RegistryClient, htmx: bool) -> None:
    answer = alice.delete(dialog_of("1.3.0"), htmx)
    assert answer.status_code == (200 if htmx else 303), text_of(answer)
    assert "1.3.0" not in fleet_client.tags("team/api")
    assert "1.3.1" in fleet_client.tags("team/api")
    page = alice.get(LIST)
    assert "/-/tags/1.3.0" not in page.get_data(as_text=True)
    assert "Deleted team/api:1.3.0. The space comes back" in text_of(answer if htmx else page)


def test_htmx_gets_the_rows_that_left_the_counts_and_the_toast(alice: Visitor) -> None:
    fields = fields_of(alice.get(f"{dialog_of('1.4')}?siblings=remove", htmx=True))
    token = alice.token()
    answer = alice.client.post(
        dialog_of("1.4"),
        data=fields,
        headers={
            "HX-Request": "true",
            "X-CSRFToken": token,
            "HX-Current-URL": "http://localhost/repositories/team/api?q=1.3",
        },
    )
    body = answer.get_data(as_text=True)
    assert answer.headers["HX-Trigger-After-Settle"] == "dialog-done"
    assert body.count('hx-swap-oob="delete"') == 4
    assert "3 of 5 tags" in text_of(answer)
    assert "Select all 3 that match" in text_of(answer)
    assert "docker pull registry.example/team/api:1.4.1" in text_of(answer)
    assert "Deleted 3 tags of team/api and 1 signature. The space comes back" in text_of(answer)


def test_deleting_from_a_tags_own_page_leads_back_to_the_list(alice: Visitor) -> None:
    answer = alice.delete(dialog_of("1.3.0") + "?then=leave", htmx=True)
    assert answer.headers["HX-Redirect"] == LIST
    assert "Deleted team/api:1.3.0." in text_of(alice.get(LIST))


def test_the_last_tag_leads_to_the_list_of_repositories(app: Flask, fleet_pusher: Pusher, alice: Visitor) -> None:
    fleet_pusher.push("team/once", image([layer("once", 100)]), ["only"])
    sync(parts_of(app).catalogue)
    answer = alice.delete(dialog_of("only", "team/once"), htmx=True)
    assert answer.headers["HX-Redirect"] == "/repositories"


def test_an_image_goes_with_all_its_tags_when_its_name_was_typed(alice: Visitor, fleet_client: RegistryClient) -> None:
    dialog = alice.get(IMAGE)
    assert "Delete image and" in text_of(dialog)
    answer = alice.press(IMAGE, fields_of(dialog), typed_name="team/api")
    assert answer.status_code == 303, text_of(answer)
    assert fleet_client.tags("team/api") == []
    page = alice.get(answer.location)
    assert "Deleted image team/api and" in text_of(page)
    assert f'href="{LIST}"' not in page.get_data(as_text=True)
    assert alice.get(LIST).status_code == 404


@pytest.mark.parametrize("typed", ["", "team/ap", "TEAM/API"])
def test_an_image_stays_when_its_name_was_not_typed(
    app: Flask, alice: Visitor, fleet_client: RegistryClient, typed: str
) -> None:
    answer = alice.delete(IMAGE, typed_name=typed)
    assert answer.status_code == 422
    assert "This is not the repository's name." in text_of(answer)
    assert f'value="{typed}"' in answer.get_data(as_text=True)
    assert "1.3.0" in fleet_client.tags("team/api")
    assert removals(app) == 0


def test_many_tags_are_asked_for_by_name_and_shown_on_a_page_of_their_own(
    app: Flask, alice: Visitor, fleet_pusher: Pusher, fleet_client: RegistryClient
) -> None:
    many = [f"build-{number}" for number in range(21)]
    fleet_pusher.push("team/many", image([layer("many", 100)]), many)
    sync(parts_of(app).catalogue)
    address = f"{dialog_of('build-7', 'team/many')}?siblings=remove"
    assert "Delete 21 tags" in text_of(alice.get(address))
    assert alice.delete(address, htmx=True).status_code == 422
    answer = alice.delete(address, htmx=True, typed_name="team/many")
    page = answer.headers["HX-Redirect"]
    wait_for(lambda: "every 1s" not in alice.get(page, htmx=True).get_data(as_text=True))
    text = text_of(alice.get(page))
    assert "Deleted 21 tags. The space comes back at the next collection." in text
    assert "21 deleted" in text
    assert "Try again" not in text
    assert fleet_client.tags("team/many") == []


def test_what_failed_is_listed_first_and_leads_back_to_the_dialog(
    app: Flask, alice: Visitor, bob: Visitor, fleet_registry: RegistryProcess
) -> None:
    fields = fields_of(alice.get(f"{dialog_of('1.4')}?siblings=remove"))
    fleet_registry.restart(deletes=False)
    assert alice.press(dialog_of("1.4"), fields).status_code == 409
    page = alice.get("/removals/1")
    assert "Deleted 0 of 3 tags." in text_of(page)
    assert "4 failed" in text_of(page)
    assert "Deleting is switched off in the registry's configuration" in text_of(page)
    assert "Try again" not in text_of(bob.get("/removals/1"))
    fleet_registry.restart(deletes=True)
    sync(parts_of(app).catalogue)
    again = alice.post(IMAGE, **fields_of(page, 'class="actions"'))
    assert "Delete 4 tags of team/api ?" in text_of(again)
    assert alice.press(IMAGE, fields_of(again)).status_code == 303


def test_a_single_tag_that_failed_leads_back_to_its_dialog(alice: Visitor, fleet_registry: RegistryProcess) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0")))
    fleet_registry.restart(deletes=False)
    assert alice.press(dialog_of("1.3.0"), fields).status_code == 409
    assert f'href="{dialog_of("1.3.0")}?then=leave"' in alice.get("/removals/1").get_data(as_text=True)


def test_a_button_pressed_twice_is_one_removal_and_one_answer(app: Flask, alice: Visitor) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0")))
    other_tab = Visitor(app).sign_in("alice")
    with ThreadPoolExecutor(2) as executor:
        first, second = executor.map(
            lambda visitor: visitor.press(dialog_of("1.3.0"), fields, htmx=True), (alice, other_tab)
        )
    third = alice.press(dialog_of("1.3.0"), fields, htmx=True)
    assert removals(app) == 1
    for answer in (first, second, third):
        assert answer.status_code == 200
        assert "Deleted team/api:1.3.0." in text_of(answer)


def test_two_browsers_delete_a_tag_once_and_the_second_hears_that_it_was_gone(app: Flask, alice: Visitor) -> None:
    other = Visitor(app).sign_in("alice")
    fields = fields_of(other.get(dialog_of("1.3.0"), htmx=True))
    alice.delete(dialog_of("1.3.0"))
    answer = other.press(dialog_of("1.3.0"), fields, htmx=True)
    assert answer.status_code == 200
    assert "team/api:1.3.0 was already gone." in text_of(answer)
    assert 'hx-swap-oob="delete"' in answer.get_data(as_text=True)
    assert removals(app) == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_what_changed_since_the_dialog_is_shown_anew_and_nothing_is_deleted(
    app: Flask, alice: Visitor, fleet_pusher: Pusher, fleet_client: RegistryClient, htmx: bool
) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0"), htmx))
    fleet_pusher.push("team/api", image([layer("pushed meanwhile", 100)]), ["1.3.0"])
    answer = alice.press(dialog_of("1.3.0"), fields, htmx)
    assert answer.status_code == 409
    assert "This changed since you looked." in text_of(answer)
    assert "1.3.0" in fleet_client.tags("team/api")
    assert removals(app) == 0
    again = alice.press(dialog_of("1.3.0"), fields_of(answer), htmx)
    assert again.status_code in (200, 303), text_of(again)
    assert "1.3.0" not in fleet_client.tags("team/api")


def test_a_tag_that_is_gone_leaves_the_list_when_asked_about(
    app: Flask, alice: Visitor, fleet_client: RegistryClient
) -> None:
    fleet_client.delete_manifest("team/api", fleet_client.head_manifest("team/api", "1.3.0").digest)
    answer = alice.get(dialog_of("1.3.0"), htmx=True)
    assert "team/api:1.3.0 was already gone." in text_of(answer)
    assert 'hx-swap-oob="delete"' in answer.get_data(as_text=True)
    assert alice.get(dialog_of("1.3.0")).location == LIST


def test_a_registry_that_became_read_only_keeps_everything_and_says_so(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess, fleet_client: RegistryClient
) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0"), htmx=True))
    fleet_registry.restart(read_only=True)
    answer = alice.press(dialog_of("1.3.0"), fields, htmx=True)
    assert answer.status_code == 409
    assert "The registry is read-only at present." in text_of(answer)
    assert "1.3.0" in fleet_client.tags("team/api")

    sync(parts_of(app).catalogue)
    dialog = alice.get(dialog_of("1.3.0"))
    assert "The registry is read-only at present." in text_of(dialog)
    assert "Delete tag</button>" not in dialog.get_data(as_text=True)
    assert "Read-only since" in text_of(dialog)

    fleet_registry.restart(read_only=False)
    assert "Delete tag</button>" in alice.get(dialog_of("1.3.0")).get_data(as_text=True)


def test_a_registry_that_refuses_deletes_keeps_everything_and_says_how_to_change_that(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess, fleet_client: RegistryClient
) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0")))
    fleet_registry.restart(deletes=False)
    answer = alice.press(dialog_of("1.3.0"), fields)
    assert answer.status_code == 409
    assert "storage.delete.enabled" in text_of(answer)
    assert "1.3.0" in fleet_client.tags("team/api")

    sync(parts_of(app).catalogue)
    page = alice.get(LIST)
    assert "/delete" not in page.get_data(as_text=True)
    assert "The registry refuses deletes" in text_of(page)
    assert alice.get(dialog_of("1.3.0")).status_code == 502


@pytest.mark.parametrize("htmx", [True, False])
def test_a_registry_that_is_away_keeps_everything_and_the_dialog_says_so(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess, htmx: bool
) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0"), htmx))
    fleet_registry.stop()
    for answer in (alice.get(dialog_of("1.3.0"), htmx), alice.press(dialog_of("1.3.0"), fields, htmx)):
        assert answer.status_code == 503
        assert "The registry cannot be reached: no connection. Nothing was deleted." in text_of(answer)
        assert "Delete tag</button>" not in answer.get_data(as_text=True)
    assert removals(app) == 0


@pytest.mark.parametrize("htmx", [True, False])
def test_a_slow_registry_is_waited_for_and_the_dialog_asks_again_by_itself(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess, htmx: bool
) -> None:
    background: Background = app.extensions["holystone-background"]
    background.look_s = 0.2
    os.kill(fleet_registry.pid, signal.SIGSTOP)
    try:
        answer = alice.get(f"{dialog_of('1.4')}?siblings=remove", htmx)
    finally:
        os.kill(fleet_registry.pid, signal.SIGCONT)
    assert answer.status_code == 200
    text, page = text_of(answer), answer.get_data(as_text=True)
    assert "Still reading the registry; these are the last known facts." in text
    assert "3 tags" in text
    assert "</button>" not in page[page.index('class="dialog-actions"') :] or not htmx
    assert ("load delay:1s" in page) is htmx
    assert ("Refresh" in answer.headers) is not htmx
    background.look_s = 10
    again = alice.press(dialog_of("1.4"), fields_of(answer), htmx, ask="1")
    assert "Delete 3 tags" in text_of(again)


def test_another_removal_in_the_repository_is_waited_for(
    app: Flask, alice: Visitor, fleet_client: RegistryClient
) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0"), htmx=True))
    with held(parts_of(app).writing, lease_name("team/api")):
        answer = alice.press(dialog_of("1.3.0"), fields, htmx=True)
    assert answer.status_code == 409
    assert "Another removal is under way in this repository. Wait until it has ended." in text_of(answer)
    assert "1.3.0" in fleet_client.tags("team/api")
    assert alice.press(dialog_of("1.3.0"), fields, htmx=True).status_code == 200


def test_a_removal_has_a_page_of_its_own(alice: Visitor, bob: Visitor) -> None:
    alice.delete(f"{dialog_of('1.4')}?siblings=remove")
    page = bob.get("/removals/1")
    assert "Delete team/api:1.4" in text_of(page)
    assert "Deleted 3 tags and 1 signature. The space comes back at the next collection." in text_of(page)
    assert "4 deleted" in text_of(page)
    assert bob.get("/removals/2").status_code == 404


@pytest.mark.parametrize("key", ["", "x", "W10.forged"])
def test_a_dialog_that_is_not_ours_deletes_nothing(app: Flask, alice: Visitor, key: str) -> None:
    answer = alice.delete(dialog_of("1.3.0"), request_key=key)
    assert answer.status_code == 400
    assert "This dialog cannot be read." in text_of(answer)
    assert removals(app) == 0


def test_a_dialog_deletes_only_what_it_asked_about(app: Flask, alice: Visitor) -> None:
    fields = fields_of(alice.get(dialog_of("1.3.0")))
    assert alice.press(dialog_of("1.3.1"), fields).status_code == 400
    assert removals(app) == 0


def test_a_tag_without_a_manifest_is_listed_and_says_so(
    app: Flask, fleet_client: RegistryClient, fleet_registry: RegistryProcess, alice: Visitor
) -> None:
    digest = fleet_client.head_manifest("team/api", "1.3.0").digest.partition(":")[2]
    folder = fleet_registry.store / "docker/registry/v2/repositories/team/api/_manifests/revisions/sha256" / digest
    (folder / "link").unlink()
    sync(parts_of(app).catalogue)
    assert "The registry lists this tag but has no manifest for it." in text_of(alice.get("/repositories/team/api"))
    assert alice.get("/repositories/team/api/-/tags/1.3.0").status_code == 200
    dialog = alice.get(dialog_of("1.3.0"))
    assert "Goes 1 half-deleted tag half-deleted tag 1.3.0" in text_of(dialog)
    assert "Space nothing: no image is left" in text_of(dialog)
    alice.press(dialog_of("1.3.0"), fields_of(dialog))
    assert "Deleted team/api:1.3.0." in text_of(alice.get(LIST))
    assert "1.3.0" not in fleet_client.tags("team/api")


def test_there_is_no_dialog_for_a_repository_that_is_not_there(alice: Visitor) -> None:
    answer = alice.get(dialog_of("1.0", "team/nothing"), htmx=True)
    assert answer.status_code == 404
    assert answer.headers["X-Holystone"] == "fragment"
    assert "There is no such repository, or you may not see it." in text_of(answer)


def test_deletions_are_found_among_the_activities(alice: Visitor) -> None:
    alice.delete(dialog_of("1.3.0"))
    alice.delete(f"{dialog_of('1.4')}?siblings=remove&referrers=keep")
    text = text_of(alice.get("/activities"))
    assert "alice deleted team/api:1.3.0" in text
    assert "alice deleted 3 tags of team/api" in text
