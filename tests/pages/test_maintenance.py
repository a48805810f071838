"""/maintenance: whether space can be freed, the button, and the runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.pages.conftest import Fields, MakeApp, Visitor, fields_of, parts_of, text_of, wait_for
from tests.runtime.keeper_process import KeeperProcess
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.listing import last_run


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
    app = make_app(keeper.url, synced_template, KEEPER_FOLDER=str(keeper.folder), REGISTRY_STORE=str(keeper.store))
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
    for title in ("Make the registry read-only", "Prove that writes are refused", "Collect"):
        assert title in text
    with parts_of(kept_app).reading() as session:
        run = last_run(session)
    assert run is not None
    assert run.bytes_freed
    assert "blobs marked" in alice.get(f"{its_page}/log").get_data(as_text=True)
    assert "succeeded" in text_of(alice.get("/maintenance"))


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
