"""`notices`: what went wrong, and whether it would be told, in a terminal and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask

from tests.notices.conftest import NAMES, Scene, clock, records, records_template, scene
from tests.notices.receivers import Receiver, receiver
from webapp.cli.notices import notices
from webapp.maintenance.models import RunOutcome
from webapp.notices.channels import Channels
from webapp.notices.connection import Called
from webapp.notices.deliver import Messenger
from webapp.notices.webhook import Webhook

__all__ = ["clock", "records", "records_template", "scene"]


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A server that takes everything."""
    with receiver() as of:
        yield of


def run(scene: Scene, channels: Channels, *arguments: str) -> Result:
    app = Flask("commands")
    of = scene.records
    messenger = Messenger(of.reading, of.writing, scene.clock, channels, NAMES)
    app.extensions["holystone"] = SimpleNamespace(reading=of.reading, messenger=messenger)
    return app.test_cli_runner().invoke(notices, arguments)


def test_notices_are_listed_the_open_ones_first(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED, reason="The disk is full.")
    scene.look()
    scene.clock.advance(minutes=1)
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    scene.run(RunOutcome.INTERRUPTED)
    scene.look()
    assert run(scene, Channels(), "list").stdout.splitlines() == [
        "2026-03-12 09:01:00Z  open  Run 3 was interrupted.",
        "2026-03-12 09:00:00Z  solved after 1 minute  Run 1 failed. The disk is full.",
    ]
    first, second = json.loads(run(scene, Channels(), "list", "--json").stdout)["notices"]
    assert (first["kind"], first["subject"], first["ended_at"]) == ("run_failed", "3", None)
    assert [(each["channel"], each["event"], each["state"]) for each in second["sent"]] == [
        ("webhook", "began", "waiting"),
        ("webhook", "ended", "waiting"),
    ]


def test_a_test_prints_the_answer_and_its_code_says_how_it_went(scene: Scene, hooks: Receiver) -> None:
    good, bad = Called(hooks.url, True), Called(hooks.url, False)
    done = run(scene, Channels(webhook=Webhook(good, "")), "test")
    assert done.exit_code == 0
    assert done.stdout == f"webhook  taken  127.0.0.1:{hooks.port} answered 200 OK. OK\n"
    partly = run(scene, Channels(webhook=Webhook(good, ""), switch=bad), "test", "--json")
    assert partly.exit_code == 3
    assert [each["taken"] for each in json.loads(partly.stdout)["tests"]] == [True, False]
    assert run(scene, Channels(switch=bad), "test", "dead-mans-switch").exit_code == 1


def test_a_channel_that_is_not_set_is_said(scene: Scene) -> None:
    none = run(scene, Channels(), "test", "--json")
    assert none.exit_code == 1
    assert json.loads(none.stdout)["reason"].startswith("No channel is set: HOLYSTONE_WEBHOOK_URL")
    switch = Channels(switch=Called("https://switch.example", False))
    assert "mail is not set." in run(scene, switch, "test", "mail").stderr
    assert run(scene, Channels(), "test", "pigeon").exit_code == 2
