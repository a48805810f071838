"""/maintenance: whether space can be freed, the button, and the runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from tests.pages.conftest import Fields, MakeApp, Visitor, fields_of, parts_of, text_of, wait_for
from tests.runtime.keeper_process import KeeperProcess
from webapp.catalogue.mode import note_mode
from webapp.catalogue.models import RegistryMode
from webapp.leases import KEEPER_LEASE, held
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.listing import last_run
from webapp.maintenance.models import Hold, Run, RunOutcome
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.runtime.orders import Kind, Phase


@pytest.fixture
def keeper(tmp_path: Path, fleet_store: Path) -> Iterator[KeeperProcess]:
    """The keeper in front of a registry with the demo fleet."""
    home = tmp_path / "keeper"
    shutil.copytree(fleet_store, home / "store")
    with KeeperProcess(home) as process:
        yield process


@pytest.fixture
def kept_app(make_app: MakeApp, synced_template: Path, keeper: KeeperProcess) -> Flask:
    """The application in front of that registry, which has looked at the keeper."""
    folders = {"KEEPER_FOLDER": keeper.folder, "REGISTRY_STORE": keeper.store, "REGISTRY_CONFIG": keeper.config}
    app = make_app(keeper.url, synced_template, **{name: str(each) for name, each in folders.items()})
    look_at_keeper(parts_of(app).maintainer)
    return app


def test_without_a_keeper_the_page_says_how_to_put_one_there(shown_app: Flask) -> None:
    look_at_keeper(parts_of(shown_app).maintainer)
    alice = Visitor(shown_app).sign_in("alice")

    page = alice.get("/maintenance")
    dialog = alice.get("/maintenance/free-space", htmx=True)

    assert "keeper.py --folder" in text_of(page)
    assert "Free space…" not in text_of(page)
    assert "no keeper is set" in text_of(dialog)
    assert "<button" not in dialog.get_data(as_text=True)
    assert alice.post("/maintenance/free-space").status_code == 409


def test_freeing_space_leads_to_the_page_of_the_run_which_tells_each_step(kept_app: Flask) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    alice.delete("/repositories/team/web/-/tags/1.9/delete")
    dialog = alice.get("/maintenance/free-space")
    assert "pushes are refused" in text_of(dialog).lower()

    answer = alice.post("/maintenance/free-space", **fields_of_page(dialog))
    assert answer.status_code == 303
    its_page = answer.location
    wait_for(lambda: "The run succeeded." in text_of(alice.get(its_page)))

    text = text_of(alice.get(its_page))
    for title in (
        "Compare with the catalogue",
        "Make the registry step aside",
        "Prove that writes are refused",
        "Collect",
    ):
        assert title in text
    with parts_of(kept_app).reading() as session:
        run = last_run(session)
    assert run is not None
    assert run.bytes_freed
    assert "blobs marked" in alice.get(f"{its_page}/log").get_data(as_text=True)
    assert "succeeded" in text_of(alice.get("/maintenance"))


def test_the_dialog_says_what_each_strategy_means_and_what_was_looked_at(kept_app: Flask) -> None:
    dialog = Visitor(kept_app).sign_in("alice").get("/maintenance/free-space", htmx=True)

    text = text_of(dialog)
    assert "Pulls pause twice for some 50 ms." in text
    assert "Neither pulls nor pushes are answered" in text
    assert "Overlapped" not in text  # there is no address for reads
    assert "The keeper answers" in text
    assert "a dry run tells, and changes nothing" in text


def test_a_dry_run_tells_what_a_collection_would_free_and_leads_on_to_it(kept_app: Flask) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    alice.delete("/repositories/team/web/-/tags/1.9/delete")

    its_page = alice.post("/maintenance/free-space", kind="dry-run").location
    wait_for(lambda: "The dry run succeeded" in text_of(alice.get(its_page)))

    assert "Free space…" in text_of(alice.get(its_page))
    assert "by the dry run of" in text_of(alice.get("/maintenance/free-space", htmx=True))


def test_the_strategy_that_was_chosen_is_the_one_that_is_used(kept_app: Flask) -> None:
    alice = Visitor(kept_app).sign_in("alice")

    its_page = alice.post("/maintenance/free-space", strategy="stop").location
    wait_for(lambda: "The run succeeded." in text_of(alice.get(its_page)))

    with parts_of(kept_app).reading() as session:
        run = last_run(session)
    assert run is not None
    assert run.strategy == "stop"
    assert "Nobody listens at" in text_of(alice.get(its_page))


def test_a_run_that_asks_something_offers_the_answer_to_administrators_alone(kept_app: Flask) -> None:
    alice, dave = Visitor(kept_app).sign_in("alice"), Visitor(kept_app).sign_in("dave")
    its_page = alice.post("/maintenance/free-space").location
    wait_for(lambda: "The run succeeded." in text_of(alice.get(its_page)))
    with parts_of(kept_app).writing() as session:
        session.execute(update(Run).values(tags_seen=Run.tags_seen * 2))

    asking = alice.post("/maintenance/free-space").location
    wait_for(lambda: "The run did not begin." in text_of(alice.get(asking)))

    assert "Holystone did not remove them" in text_of(alice.get(asking))
    assert "Free space all the same" in text_of(alice.get(asking))
    assert "Free space all the same" not in text_of(dave.get(asking))
    answered = alice.post("/maintenance/free-space", agreed="lost-tags", strategy="read-only").location
    wait_for(lambda: "The run succeeded." in text_of(alice.get(answered)))


def test_the_emergency_button_ends_what_the_keeper_does(kept_app: Flask, keeper: KeeperProcess) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    token = keeper.order(Kind.COLLECT)
    keeper.wait_for_phase(Phase.HOLDING)

    answer = alice.post("/maintenance/read-write")

    assert answer.status_code == 303
    assert "The registry takes writes." in text_of(alice.get("/maintenance"))
    assert keeper.result(token).ended == "cancelled"
    assert "made the registry read-write" in text_of(alice.get("/activities"))


def test_while_the_registry_is_read_only_every_page_says_until_about_when(kept_app: Flask) -> None:
    now = parts_of(kept_app).now()
    with parts_of(kept_app).writing() as session:
        note_mode(session, RegistryMode.READ_ONLY, "Space is being freed.", now, now + timedelta(minutes=20))

    text = text_of(Visitor(kept_app).sign_in("dave").get("/repositories"))

    assert f"Read-only until about {now + timedelta(minutes=20):%H:%M}" in text


def test_a_run_that_is_under_way_is_named_instead_of_a_second_one(kept_app: Flask, keeper: KeeperProcess) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    hold = keeper.control / "hold garbage-collect"
    hold.touch()
    its_page = alice.post("/maintenance/free-space").location

    again = alice.post("/maintenance/free-space", htmx=True)
    wait_for(lambda: 'class="step now"' in alice.get(its_page).get_data(as_text=True))
    stopped = alice.post(f"{its_page}/stop")
    hold.unlink()

    assert again.status_code == 409
    assert "Another run is under way" in text_of(again)
    assert stopped.status_code == 303
    wait_for(lambda: "The run " in text_of(alice.get(its_page)))


def test_a_viewer_sees_runs_and_may_not_begin_one(kept_app: Flask) -> None:
    dave = Visitor(kept_app).sign_in("dave")

    page = dave.get("/maintenance")

    assert page.status_code == 200
    assert "Free space…" not in text_of(page)
    assert "Administrators can do this" in text_of(page)
    assert dave.post("/maintenance/free-space").status_code == 403


@pytest.mark.parametrize("before", ["x", "0", "-1", str(2**63), "9" * 40])
def test_nonsense_for_a_page_of_runs_is_the_first_page(shown_app: Flask, before: str) -> None:
    assert Visitor(shown_app).sign_in("alice").get(f"/maintenance?before={before}").status_code == 200


def test_a_run_that_does_not_exist_is_not_found(shown_app: Flask) -> None:
    alice = Visitor(shown_app).sign_in("alice")

    assert alice.get("/maintenance/runs/7").status_code == 404
    assert alice.get("/maintenance/runs/7/log").status_code == 404
    assert alice.post("/maintenance/runs/7/stop").status_code == 404


def fields_of_page(dialog: object) -> Fields:
    """The hidden fields of the dialog, without the token, which `post` adds."""
    return {name: value for name, value in fields_of(dialog).items() if name != "csrf_token"}  # type: ignore[arg-type]


def test_the_registry_is_held_and_let_go_from_the_page(kept_app: Flask, keeper: KeeperProcess) -> None:
    alice, bob = Visitor(kept_app).sign_in("alice"), Visitor(kept_app).sign_in("bob")
    dialog = text_of(alice.get("/maintenance/hold", htmx=True))
    assert "A restart of the keeper, or of its machine, ends it early." in dialog

    answer = alice.post("/maintenance/hold", minutes="30", purpose="<b>backup</b>")
    assert answer.status_code == 303
    page = alice.get("/maintenance")
    found = re.search(r"The registry is held read-only until [^.]+ UTC by alice: <b>backup</b>\.", text_of(page))
    assert found is not None
    sentence = found[0]
    assert "The hold by alice (<b>backup</b>) ends by itself at" in text_of(page)
    assert "A restart of the keeper, or of its machine, ends it early." in text_of(page)
    assert "Free space…" not in text_of(page)
    assert "&lt;b&gt;backup&lt;/b&gt;" in page.get_data(as_text=True)
    assert "Hold read-only for a backup…" not in text_of(page)
    assert "End it now" not in text_of(bob.get("/maintenance"))
    for other in ("/maintenance/free-space", "/maintenance/hold"):
        refused = alice.post(other, minutes="5")
        assert refused.status_code == 409
        assert f"{sentence} Runs and other holds can begin after that." in text_of(refused)
    banner = text_of(bob.get("/repositories"))
    assert f"{sentence} Nothing can be pushed or deleted meanwhile." in banner
    refused = alice.get("/repositories/team/web/-/tags/1.9/delete", htmx=True)
    assert f"{sentence} Delete again after that. Nothing was deleted." in text_of(refused)
    assert "<button" not in refused.get_data(as_text=True)

    assert alice.post("/maintenance/holds/1/end").status_code == 303
    wait_for(lambda: "End it now" not in text_of(alice.get("/maintenance")))
    keeper.wait_for_phase(Phase.SERVING)
    assert "held read-only" not in text_of(alice.get("/maintenance"))
    alice.post("/maintenance/holds/1/end")
    assert "This hold has ended already." in text_of(alice.get("/maintenance"))


@pytest.mark.parametrize("minutes", ["", "0", "-5", "1441", "half an hour", "٣", "9" * 40])
def test_a_hold_of_no_sensible_length_is_refused_beside_its_field(shown_app: Flask, minutes: str) -> None:
    answer = Visitor(shown_app).sign_in("alice").post("/maintenance/hold", minutes=minutes, purpose="backup")
    assert answer.status_code == 422
    assert "Write a number of minutes." in text_of(answer)
    assert 'value="backup"' in answer.get_data(as_text=True)


def test_a_hold_that_nobody_could_write_the_end_of_is_being_ended(kept_app: Flask, keeper: KeeperProcess) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    alice.post("/maintenance/hold", minutes="30", purpose="backup")
    with held(parts_of(kept_app).writing, KEEPER_LEASE):
        alice.post("/maintenance/holds/1/end")
        page = text_of(alice.get("/maintenance"))
        assert "The keeper was asked to end the hold." in page
        assert "The hold by alice (backup) is being ended by alice." in page
        assert "is held read-only until" not in page
        assert "ends by itself" not in page
        assert "End it now" not in page
    end_interrupted_runs(parts_of(kept_app).maintainer)
    assert "being ended" not in text_of(alice.get("/maintenance"))


def test_everybody_who_has_signed_in_hears_that_a_hold_did_not_last(make_app: MakeApp, synced_template: Path) -> None:
    shown_app = make_app(template=synced_template, ANONYMOUS_VIEW="true")
    now = datetime.now(UTC)
    with parts_of(shown_app).writing() as session:
        session.add(
            Hold(token="hold", strategy="read-only", actor="alice", place="", purpose="backup", activity_id=1,
                 fencing_token=1, started_at=now, held_at=now, until=now + timedelta(hours=1), finished_at=now,
                 outcome=RunOutcome.INTERRUPTED, reason="The keeper was restarted.")
        )  # fmt: skip

    dave = Visitor(shown_app).sign_in("dave")

    assert "The hold by alice (backup) did not last until" in text_of(dave.get("/repositories"))
    assert "copy it again" in text_of(dave.get("/maintenance"))
    assert "did not last" not in text_of(Visitor(shown_app).get("/repositories"))
