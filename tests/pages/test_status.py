"""Status: the checks, a fresh look, and repositories that seem to be gone."""

from __future__ import annotations

import os
import signal

import pytest
from flask import Flask
from sqlalchemy import update

from demo.fleet import FLEET
from tests.pages.conftest import Visitor, parts_of, text_of, wait_for
from tests.registry_process import RegistryProcess
from webapp.accounts.permissions import Visibility
from webapp.catalogue.listing import repositories
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.state import registry_state
from webapp.catalogue.sync import sync


def listed(app: Flask) -> int:
    with parts_of(app).reading() as session:
        return repositories(session, Visibility(sees_everything=True)).total


def test_all_checks_are_listed_with_their_words(alice: Visitor) -> None:
    text = text_of(alice.get("/status"))
    for name in (
        "The registry answers well",
        "Holystone may list what it holds well",
        "Holystone may delete well",
        "The registry is read-write well",
        "The last sync well",
        "The scheduler is alive not known",
    ):
        assert name in text
    assert "<html" not in alice.get("/status", htmx=True).get_data(as_text=True)


def test_it_says_what_the_registry_takes_and_what_that_leaves_out(app: Flask, bob: Visitor) -> None:
    def says(size_bytes: int | None, left_out: int) -> str:
        with parts_of(app).writing() as session:
            state = registry_state(session)
            state.size_bytes, state.left_out = size_bytes, left_out
        return text_of(bob.get("/status")).partition(" Size ")[2]

    assert says(48_200_000, 0).startswith("48.2 MB in the store: all that the next collection keeps, each blob once.")
    assert "could not be read" not in says(48_200_000, 0)
    assert says(48_200_000, 1).startswith("At least 48.2 MB in the store")
    assert "1 manifest could not be read or does not say how large its layers are; what it takes comes on top." in says(
        1, 1
    )
    assert "It is known when the registry has been read for the first time." in says(None, 0)


def test_it_says_that_untagged_manifests_are_not_counted_where_they_are_not_known(app: Flask, bob: Visitor) -> None:
    words = "Manifests without a tag are not counted"
    with parts_of(app).writing() as session:
        session.execute(update(Repository).values(revisions_read_at=None))
    assert words in text_of(bob.get("/status"))
    with parts_of(app).writing() as session:
        session.execute(update(Repository).values(revisions_read_at=parts_of(app).now()))
    assert words not in text_of(bob.get("/status"))


def test_only_administrators_see_paths_and_buttons(alice: Visitor, bob: Visitor) -> None:
    assert "holystone.db" in text_of(alice.get("/status"))
    assert "holystone.db" not in text_of(bob.get("/status"))


def test_checking_again_asks_the_registry_now(alice: Visitor, fleet_registry: RegistryProcess) -> None:
    fleet_registry.restart(read_only=True)
    assert "Read-only" not in text_of(alice.get("/status"))
    assert alice.post("/status/check").location == "/status"
    text = text_of(alice.get("/status"))
    assert "Checked just now." in text
    assert "The registry is read-write look at this" in text
    assert "The registry is read-only: nothing can be pushed or deleted." in text

    fleet_registry.stop()
    alice.post("/status/check")
    text = text_of(alice.get("/status"))
    assert "The registry answers broken" in text
    assert "Holystone may delete not known" in text


def test_a_registry_that_does_not_answer_in_time_is_not_waited_for(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess
) -> None:
    app.extensions["holystone-background"].look_s = 0.1
    os.kill(fleet_registry.pid, signal.SIGSTOP)
    try:
        alice.post("/status/check")
    finally:
        os.kill(fleet_registry.pid, signal.SIGCONT)
    assert "The registry has not answered within 5 seconds." in text_of(alice.get("/status"))


def test_disabled_deletes_come_with_the_lines_that_enable_them(alice: Visitor, fleet_registry: RegistryProcess) -> None:
    fleet_registry.restart(deletes=False)
    alice.post("/status/check")
    page = alice.get("/status")
    assert "The registry refuses deletes, so nothing can be deleted." in text_of(page)
    assert "storage:\n  delete:\n    enabled: true" in page.get_data(as_text=True)


@pytest.fixture
def doubt(app: Flask, fleet_registry: RegistryProcess) -> str:
    """The storage is not mounted any more, as far as can be seen; the digest of what is in doubt."""
    fleet_registry.stop()
    fleet_registry.store.rename(fleet_registry.store.with_name("away"))
    fleet_registry.store.mkdir()
    fleet_registry.start()
    sync(parts_of(app).catalogue)
    with parts_of(app).reading() as session:
        state = session.get(RegistryState, 1)
        assert state
        return state.doubt_digest


def test_vanished_repositories_stay_until_an_administrator_says_that_it_is_true(
    app: Flask, alice: Visitor, bob: Visitor, doubt: str
) -> None:
    assert listed(app) == len(FLEET)
    page = alice.get("/status")
    assert "Much of the registry seems to be gone" in text_of(page)
    assert f'name="digest" value="{doubt}"' in page.get_data(as_text=True)
    assert doubt not in bob.get("/status").get_data(as_text=True)

    alice.post("/status/vanished", digest="another")
    assert "has changed since you looked" in text_of(alice.get("/status"))
    assert listed(app) == len(FLEET)

    alice.post("/status/vanished", digest=doubt)
    wait_for(lambda: listed(app) == 0)
