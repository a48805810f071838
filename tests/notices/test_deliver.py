"""What waits is sent once, tried again with longer pauses, given up after a day, and survives a crash."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from logs import LineHandler
from tests.notices.conftest import NAMES, Scene
from tests.notices.receivers import Receiver, Reply, mail_server, receiver
from tests.notices.test_watch import deliveries
from webapp.maintenance.models import RunOutcome
from webapp.notices import deliver
from webapp.notices.channels import Channels
from webapp.notices.connection import Called
from webapp.notices.deliver import KEPT_FOR, Messenger, deliver_due, forget_old, pause_after, send_test
from webapp.notices.mail import Mailbox
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice
from webapp.notices.webhook import Webhook


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A server that takes everything, until a test says otherwise."""
    with receiver() as of:
        yield of


@pytest.fixture
def messenger(scene: Scene, hooks: Receiver) -> Messenger:
    """Sends to `hooks`."""
    channels = Channels(webhook=Webhook(Called(hooks.url, True), "shared"))
    return Messenger(scene.records.reading, scene.records.writing, scene.clock, channels, NAMES)


def fail(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED, reason="The disk is full.")
    scene.look()


def events(hooks: Receiver) -> list[str]:
    return [json.loads(each.body)["event"] for each in hooks.got]


def test_what_waits_is_sent_once(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    fail(scene)
    for _pass in range(3):
        deliver_due(messenger)
        scene.clock.advance(minutes=2)
    assert events(hooks) == ["began"]
    (row,) = deliveries(scene)
    assert (row.state, row.tries) == (DeliveryState.SENT, 1)
    assert row.answer == f"127.0.0.1:{hooks.port} answered 200 OK. OK"
    assert json.loads(hooks.got[0].body)["id"] == hooks.got[0].headers["Holystone-Delivery"] == row.key


def test_a_message_that_is_not_taken_is_tried_again_with_longer_pauses_and_given_up_after_a_day(
    scene: Scene, hooks: Receiver, messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.reply = lambda _got: Reply(503)
    fail(scene)
    began, tried = scene.clock(), []
    while deliveries(scene)[0].state == DeliveryState.WAITING:
        count = len(hooks.got)
        deliver_due(messenger)
        if len(hooks.got) > count:
            tried.append((scene.clock() - began) // timedelta(minutes=1))
        scene.clock.advance(minutes=1 if len(tried) < 8 else 30)
    assert tried[:8] == [0, 1, 3, 7, 15, 31, 63, 123]
    assert 24 * 60 <= tried[-1] < 25 * 60
    assert len({each.headers["Holystone-Delivery"] for each in hooks.got}) == 1
    assert len({each.body for each in hooks.got}) == 1
    assert len({each.headers["Holystone-Timestamp"] for each in hooks.got}) == len(hooks.got)
    deliver_due(messenger)
    assert len(hooks.got) == len(tried)
    (line,) = [vars(each) for each in caplog.records if each.getMessage() == "A message was given up"]
    assert (line["levelname"], line["notice_id"], line["tries"]) == ("ERROR", 1, len(tried))
    assert deliveries(scene)[0].state == DeliveryState.GIVEN_UP


def test_pauses_double_from_a_minute_to_an_hour() -> None:
    assert [pause_after(tries) // timedelta(minutes=1) for tries in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pause_after(10_000) == timedelta(hours=1)


def test_an_end_is_told_after_its_begin(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    hooks.reply = lambda _got: Reply(503)
    fail(scene)
    deliver_due(messenger)
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    hooks.reply = lambda _got: Reply(200)
    deliver_due(messenger)
    assert events(hooks) == ["began"]
    scene.clock.advance(minutes=1)
    deliver_due(messenger)
    assert events(hooks) == ["began", "began", "ended"]


def test_a_channel_that_does_not_answer_keeps_no_other_waiting(
    scene: Scene, hooks: Receiver, messenger: Messenger
) -> None:
    hooks.reply = lambda _got: Reply(503)
    scene.watch = replace(scene.watch, channels=[Channel.WEBHOOK, Channel.MAIL])
    with mail_server() as server:
        box = Mailbox(f"127.0.0.1:{server.port}", "none", "", "", "holystone@example.org", ("ops@example.org",))
        both = replace(messenger, channels=replace(messenger.channels, mailbox=box))
        fail(scene)
        fail(scene)
        deliver_due(both)
    assert len(hooks.got) == 1
    assert len(server.raw) == 2


def test_two_dashboards_send_once(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    """The second one comes while the first one sends."""
    fail(scene)

    def meanwhile(_got: object) -> Reply:
        deliver_due(messenger)
        return Reply()

    hooks.reply = meanwhile
    deliver_due(messenger)
    assert events(hooks) == ["began"]


def test_a_crash_between_sending_and_writing_repeats_once_under_the_same_key(
    scene: Scene, hooks: Receiver, messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(scene)
    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_note", lambda *_given: (_ for _ in ()).throw(SystemExit()))
        with pytest.raises(SystemExit):
            deliver_due(messenger)
    deliver_due(messenger)
    assert len(hooks.got) == 1
    for _pass in range(3):
        scene.clock.advance(minutes=1)
        deliver_due(messenger)
    assert len(hooks.got) == 2
    assert hooks.got[0].headers["Holystone-Delivery"] == hooks.got[1].headers["Holystone-Delivery"]
    assert hooks.got[0].body == hooks.got[1].body


def test_what_cannot_be_written_down_is_not_sent(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    fail(scene)

    def full() -> object:
        raise OperationalError("BEGIN IMMEDIATE", None, Exception("database or disk is full"))

    with pytest.raises(OperationalError):
        deliver_due(replace(messenger, writing=full))  # type: ignore[arg-type]
    assert hooks.got == []


def test_nothing_is_sent_within_a_transaction(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    fail(scene)

    def meanwhile(_got: object) -> Reply:
        with scene.records.writing() as session:
            session.execute(update(Notice).values(sentence="changed meanwhile"))
        return Reply()

    hooks.reply = meanwhile
    deliver_due(messenger)
    assert deliveries(scene)[0].state == DeliveryState.SENT


def test_a_clock_that_is_set_back_delays_nothing(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    hooks.reply = lambda _got: Reply(503)
    fail(scene)
    deliver_due(messenger)
    scene.clock.advance(days=-3)
    deliver_due(messenger)
    assert len(hooks.got) == 2


def test_a_channel_that_is_not_set_any_more_says_so(scene: Scene, messenger: Messenger) -> None:
    fail(scene)
    deliver_due(replace(messenger, channels=Channels()))
    assert deliveries(scene)[0].answer == "It is not set any more."


def test_the_log_names_no_secret(
    scene: Scene, hooks: Receiver, messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hooks.reply = lambda got: Reply(404, f"no {got.path}\x1b[2J".encode())
    fail(scene)
    deliver_due(messenger)
    (line,) = [vars(each) for each in caplog.records if each.getMessage() == "A message was not taken"]
    assert (line["channel"], line["tells"], line["tries"]) == (Channel.WEBHOOK, "began", 1)
    assert "404" in line["reason"]
    handler = LineHandler()
    printed = "\n".join(handler.format(each) for each in caplog.records)
    assert "secret" not in printed
    assert "shared" not in printed
    assert "\x1b" not in printed


def test_a_test_is_sent_once_and_its_answer_kept(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    assert send_test(messenger, Channel.WEBHOOK).is_taken
    hooks.reply = lambda _got: Reply(500)
    assert not send_test(messenger, Channel.WEBHOOK).is_taken
    scene.clock.advance(hours=1)
    deliver_due(messenger)
    assert events(hooks) == ["test", "test"]
    assert [each.state for each in deliveries(scene)] == [DeliveryState.SENT, DeliveryState.GIVEN_UP]
    assert set(json.loads(hooks.got[0].body)) == {
        "id", "event", "kind", "sentence", "subject", "began_at", "ended_at", "link", "registry"
    }  # fmt: skip


def test_notices_and_messages_are_kept_for_a_year(scene: Scene, hooks: Receiver, messenger: Messenger) -> None:
    fail(scene)
    send_test(messenger, Channel.WEBHOOK)
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    fail(scene)
    scene.clock.advance(seconds=1)
    for age, left in ((KEPT_FOR - timedelta(seconds=2), (2, 4)), (KEPT_FOR, (1, 1))):
        with scene.records.writing() as session:
            forget_old(session, scene.clock() + age)
            counts = [session.scalar(select(func.count()).select_from(table)) for table in (Notice, Delivery)]
        assert tuple(counts) == left
