"""The first steps: each line is looked at again for itself, with htmx in place, without it on the page that it stands on."""

from __future__ import annotations

import os
import signal

import pytest
from flask import Flask

from demo.fleet import FLEET
from tests.pages.conftest import MakeApp, Visitor, text_of
from tests.registry_process import RegistryProcess
from webapp.pages.first_steps import TITLES, Step

HERE = "http://localhost/repositories?sort=name"


def test_each_line_has_a_button_of_its_own_with_a_name_of_its_own(alice: Visitor) -> None:
    text = text_of(alice.get("/status")).partition("First steps")[2]
    for title in TITLES.values():
        assert f"Check again {title}" in text


def test_a_registry_that_is_slow_is_not_waited_for_and_the_line_says_so(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess
) -> None:
    app.extensions["holystone-background"].look_s = 0.1
    os.kill(fleet_registry.pid, signal.SIGSTOP)
    try:
        page = alice.post("/status/check", htmx=True, step="list").get_data(as_text=True)
    finally:
        os.kill(fleet_registry.pid, signal.SIGCONT)
    line = page.partition("Holystone may list what it holds")[2].partition("</li>")[0]
    assert "The registry has not answered within 5 seconds." in line
    assert "checked just now" not in page


def test_a_sync_that_takes_its_time_is_said_to_go_on(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess
) -> None:
    app.extensions["holystone-background"].look_s = 0.1
    os.kill(fleet_registry.pid, signal.SIGSTOP)
    try:
        alice.post("/status/check", step="sync")
    finally:
        os.kill(fleet_registry.pid, signal.SIGCONT)
    assert "Holystone is reading the registry. That goes on." in text_of(alice.get("/status"))


@pytest.mark.parametrize("step", Step)
def test_without_htmx_the_page_comes_again_and_says_what_came_of_it(alice: Visitor, step: Step) -> None:
    answer = alice.client.post(
        "/status/check", data={"csrf_token": alice.token(), "step": step.value}, headers={"Referer": HERE}
    )
    assert answer.location == "/repositories?sort=name#first-steps"
    assert f"{TITLES[step]}: " in text_of(alice.get("/repositories"))


def test_with_htmx_the_lines_come_with_all_that_shows_the_same(alice: Visitor, fleet_registry: RegistryProcess) -> None:
    fleet_registry.restart(deletes=False)
    answer = alice.post("/status/check", htmx=True, step="delete")
    page, text = answer.get_data(as_text=True), text_of(answer)
    assert "<html" not in page
    assert "Holystone may delete: to do. The registry refuses deletes." in text
    assert "storage:\n  delete:\n    enabled: true" in page
    assert "The registry refuses deletes, so nothing can be deleted." in text
    assert 'id="mode" hx-swap-oob="true"' in page


def test_a_registry_that_is_away_is_not_said_to_answer_or_to_allow_anything(
    alice: Visitor, fleet_registry: RegistryProcess
) -> None:
    fleet_registry.stop()
    away = "The registry cannot be reached: no connection."
    assert f"The registry answers: done. Not at the moment: {away}" in text_of(
        alice.post("/status/check", htmx=True, step="answers")
    )
    for step in ("list", "delete"):
        assert f"{away} {TITLES[Step(step)]}: done." in text_of(alice.post("/status/check", htmx=True, step=step))


def test_the_line_of_the_sync_reads_the_registry(make_app: MakeApp, fleet_registry: RegistryProcess) -> None:
    app = make_app(fleet_registry.url)
    app.extensions["holystone-background"].look_s = 60
    alice = Visitor(app).sign_in("alice")
    answer = alice.post("/status/check", htmx=True, step="sync")
    assert answer.headers["HX-Redirect"] == "/status#first-steps"
    assert f"The first sync: done. {len(FLEET)} repositories, " in text_of(alice.get("/repositories"))


def test_the_line_of_maintenance_looks_at_the_keeper(app: Flask, alice: Visitor) -> None:
    text = text_of(alice.post("/status/check", htmx=True, step="maintenance"))
    assert "Maintenance: skipped. Holystone cannot restart this registry yet" in text


def test_what_is_no_line_is_a_look_at_the_registry(alice: Visitor) -> None:
    assert alice.post("/status/check", step="nonsense").location == "/status"
    assert "Checked just now." in text_of(alice.get("/status"))
