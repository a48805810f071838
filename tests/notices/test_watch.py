"""A look begins and ends notices once, whoever looks and however often a process starts anew."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from tests.notices.conftest import Scene
from tests.notices.test_conditions import REFUSED, notices, told
from webapp.catalogue.models import RegistryMode
from webapp.maintenance.models import RunOutcome
from webapp.notices.models import Channel, Delivery
from webapp.notices.watch import Watched


def deliveries(scene: Scene) -> list[Delivery]:
    with scene.records.reading() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def test_what_is_told_has_all_that_a_receiver_needs(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED, reason="The disk is full.")
    scene.look()
    scene.clock.advance(seconds=60)
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    began, ended = (json.loads(each.body) for each in deliveries(scene))
    keys = [each.key for each in deliveries(scene)]
    assert began == {
        "id": keys[0],
        "event": "began",
        "kind": "run_failed",
        "sentence": "Run 1 failed. The disk is full.",
        "subject": "1",
        "began_at": "2026-03-12T09:00:00Z",
        "ended_at": None,
        "link": "https://holystone.example/maintenance/runs/1",
        "registry": "registry.example",
    }
    assert ended == {
        **began,
        "id": keys[1],
        "event": "ended",
        "sentence": "Solved after 1 minute: Run 1 failed. The disk is full.",
        "ended_at": "2026-03-12T09:01:00Z",
    }
    assert keys[0] != keys[1]


def test_what_a_sentence_repeats_of_strangers_is_made_harmless_and_bounded(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED, reason="bad\r\n\x1b[2J " + "x" * 5000)
    scene.look()
    sentence = notices(scene)[0].sentence
    assert sentence.startswith("Run 1 failed. bad \ufffd[2J xxx")
    assert len(sentence) == 1000


def test_its_begin_and_its_end_are_a_line_of_the_log_each(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scene.run(RunOutcome.FAILED, reason="The disk is full.")
    for _look in range(3):
        scene.look()
    scene.clock.advance(seconds=60)
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    lines = [each for each in caplog.records if each.name == "webapp.notices.watch"]
    assert [(each.levelname, each.getMessage()) for each in lines] == [
        ("WARNING", "A notice has begun"),
        ("INFO", "A notice has ended"),
    ]
    began, ended = (vars(each) for each in lines)
    assert (began["kind"], began["subject"], began["reason"]) == ("run_failed", "1", "Run 1 failed. The disk is full.")
    assert (ended["notice_id"], ended["seconds"]) == (began["notice_id"], 60)


def test_without_a_public_address_there_are_no_links(scene: Scene) -> None:
    scene.watch = replace(scene.watch, names=replace(scene.watch.names, public_url=""))
    scene.run(RunOutcome.FAILED)
    scene.look()
    assert json.loads(deliveries(scene)[0].body)["link"] == ""


def test_a_restart_neither_tells_again_nor_ends_what_goes_on(scene: Scene) -> None:
    for _start in range(4):
        scene.watch = replace(scene.watch, watched=Watched())
        scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=7)
    assert told(scene) == ["began registry_unreachable"]
    scene.watch = replace(scene.watch, watched=Watched())
    scene.all_well()
    scene.look()
    scene.look()
    assert told(scene) == ["began registry_unreachable", "ended registry_unreachable"]


def test_two_dashboards_tell_once(scene: Scene) -> None:
    other = Scene(scene.records, scene.clock, scene.records.path.parent)
    scene.run(RunOutcome.FAILED)
    for _look in range(3):
        scene.look()
        other.look()
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    other.look()
    assert told(scene) == ["began run_failed", "ended run_failed"]


def test_the_second_of_two_that_look_at_the_same_moment_finds_the_notice_there(scene: Scene) -> None:
    """Both have read that nothing is told yet; the transaction that writes looks again."""
    other = Scene(scene.records, scene.clock, scene.records.path.parent)
    scene.run(RunOutcome.FAILED)
    writing = scene.watch.writing

    def late() -> object:
        scene.watch = replace(scene.watch, writing=writing)
        other.look()
        return writing()

    scene.watch = replace(scene.watch, writing=late)  # type: ignore[arg-type]
    scene.look()
    assert len(notices(scene)) == 1
    assert told(scene) == ["began run_failed"]


def test_only_channels_that_heard_of_the_begin_hear_of_the_end(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED)
    scene.look()
    scene.watch = replace(scene.watch, channels=[Channel.WEBHOOK, Channel.MAIL])
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    assert [(each.channel, each.event) for each in deliveries(scene)] == [
        (Channel.WEBHOOK, "began"),
        (Channel.WEBHOOK, "ended"),
    ]


def test_notices_are_kept_without_any_channel(scene: Scene) -> None:
    scene.watch = replace(scene.watch, channels=[])
    scene.run(RunOutcome.FAILED)
    scene.look()
    assert len(notices(scene)) == 1
    assert deliveries(scene) == []


def test_a_look_that_finds_nothing_new_writes_nothing(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED)
    scene.look()
    statements: list[str] = []
    event.listen(scene.records.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    scene.look()
    assert statements
    assert [each for each in statements if not each.startswith(("SELECT", "BEGIN"))] == []
