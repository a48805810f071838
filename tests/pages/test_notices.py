"""/notices: what is wrong, what was, where it was told, and a test whose answer is shown at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from tests.notices.receivers import Receiver, Reply, mail_server, receiver
from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice, NoticeKind
from webapp.notices.watch import new_delivery
from webapp.notices.words import path_of

SECRETS = ("a-secret-path", "another-secret", "hush-hush", "shared-secret")


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """Notices are rows."""
    return shown_app


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A server that takes everything, until a test says otherwise."""
    with receiver() as of:
        yield of


def add(app: Flask, kind: NoticeKind, subject: str = "", ended: bool = False, sentence: str = "It is so.") -> int:
    """A notice that began 12 minutes ago."""
    now = parts_of(app).now()
    with parts_of(app).writing() as session:
        notice = Notice(kind=kind, subject=subject, sentence=sentence, began_at=now - timedelta(minutes=12),
                        ended_at=now if ended else None)  # fmt: skip
        session.add(notice)
        session.flush()
        return notice.id


def add_delivery(app: Flask, notice_id: int, state: DeliveryState, tries: int, answer: str) -> None:
    with parts_of(app).writing() as session:
        delivery = new_delivery(Channel.WEBHOOK, "began", {}, parts_of(app).now())
        delivery.notice_id, delivery.state, delivery.tries, delivery.answer = notice_id, state, tries, answer
        session.add(delivery)


def test_open_notices_stand_on_status_for_everybody_and_are_counted_on_every_page(
    app: Flask, alice: Visitor, bob: Visitor
) -> None:
    assert "What is wrong" not in text_of(bob.get("/status"))
    add(app, NoticeKind.KEEPER_SILENT, sentence="No keeper lives there.")
    add(app, NoticeKind.RUN_FAILED, "7", sentence="Run 7 failed.")
    add(app, NoticeKind.NOT_SYNCED, ended=True, sentence="That is over.")
    text = text_of(bob.get("/status"))
    assert "What is wrong The keeper of registry.example does not answer began 12 minutes ago No keeper lives" in text
    assert "That is over." not in text
    assert 'href="/maintenance/runs/7"' in bob.get("/status").get_data(as_text=True)
    assert "Status 2 open" in text_of(bob.get("/repositories"))
    assert 'href="/notices"' not in bob.get("/status").get_data(as_text=True)
    assert 'href="/notices"' in alice.get("/status").get_data(as_text=True)


def test_what_was_told_stands_with_what_was_answered(app: Flask, alice: Visitor) -> None:
    now = add(app, NoticeKind.REGISTRY_UNREACHABLE, sentence="It does not answer.")
    add_delivery(app, now, DeliveryState.WAITING, 3, "hooks.example answered 503 busy")
    before = add(app, NoticeKind.DISK_NEARLY_FULL, "store", ended=True, sentence="0.6 GB of 20.0 GB are free.")
    add_delivery(app, before, DeliveryState.GIVEN_UP, 29, "hooks.example answered 404 <b>no</b>")
    text = text_of(alice.get("/notices"))
    assert "Its begin by webhook: not taken yet in 3 tries . hooks.example answered 503 busy Next try at" in text
    assert "A disk of registry.example is nearly full solved after 12 minutes" in text
    assert "given up after 29 tries . hooks.example answered 404 <b>no</b>" in text
    assert "<b>" not in alice.get("/notices").get_data(as_text=True)


def test_a_notice_that_was_sent_nowhere_says_so(app: Flask, alice: Visitor) -> None:
    add(app, NoticeKind.NOT_SYNCED, ended=True)
    assert "On these pages only." in text_of(alice.get("/notices"))


def test_older_notices_are_on_the_next_page(app: Flask, alice: Visitor) -> None:
    for number in range(52):
        add(app, NoticeKind.RUN_FAILED, str(number), ended=True, sentence=f"Run {number} failed.")
    page = alice.get("/notices").get_data(as_text=True)
    assert page.count('<details class="activity">') == 50
    following = alice.get(page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0])
    text = text_of(following)
    assert following.get_data(as_text=True).count('<details class="activity">') == 2
    assert "Run 0 failed." in text
    assert "Send a test" not in text
    assert "Back to the start" in text
    assert alice.get("/notices?before=nonsense").status_code == 200


def test_channels_that_are_not_set_name_their_settings_and_have_no_button(alice: Visitor) -> None:
    text = text_of(alice.get("/notices"))
    for name, setting in (
        ("Webhook", "WEBHOOK_URL"),
        ("E-mail", "MAIL_SERVER"),
        ("Dead man's switch", "DEAD_MANS_SWITCH_URL"),
    ):
        assert f"{name} not set HOLYSTONE_{setting} sets it." in text
    assert "Send a test" not in text
    assert alice.post("/notices/test", channel="webhook").status_code == 404
    assert alice.post("/notices/test", channel="nonsense").status_code == 404


def test_a_test_tells_the_servers_answer(make_app: MakeApp, hooks: Receiver) -> None:
    app = make_app(WEBHOOK_URL=hooks.url, PRIVATE_WEBHOOKS="true", DEAD_MANS_SWITCH_URL=hooks.url)
    alice = Visitor(app).sign_in("alice")
    assert alice.post("/notices/test", channel="webhook").location == "/notices"
    text = text_of(alice.get("/notices"))
    assert f"The test was taken: 127.0.0.1:{hooks.port} answered 200 OK. OK" in text
    hooks.reply = lambda _got: Reply(500, b"on fire")
    alice.post("/notices/test", channel="dead_mans_switch")
    text = text_of(alice.get("/notices"))
    assert f"The test was not taken. 127.0.0.1:{hooks.port} answered 500 Internal Server Error. on fire" in text
    assert "not taken . 127.0.0.1" in text_of(alice.get("/notices")), "the answer stays with the channel"
    assert [each.method for each in hooks.got] == ["POST", "GET"]


def test_a_test_by_mail_tells_the_servers_answer(make_app: MakeApp) -> None:
    with mail_server() as server:
        mail = {"MAIL_FROM": "holystone@example.org", "MAIL_TO": "ops@example.org", "MAIL_SECURITY": "none"}
        app = make_app(MAIL_SERVER=f"127.0.0.1:{server.port}", **mail)
        alice = Visitor(app).sign_in("alice")
        alice.post("/notices/test", channel="mail")
        assert "127.0.0.1 answered 250 2.0.0 Ok: queued as 4D1." in text_of(alice.get("/notices"))
        assert server.mails[0]["Subject"] == "Holystone: a test of the notices of registry.example"


def test_a_server_that_does_not_answer_in_time_is_not_waited_for(
    make_app: MakeApp, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.pages.notices.TEST_S", 0.1)
    hooks.reply = lambda _got: Reply(hangs=True)
    alice = Visitor(make_app(WEBHOOK_URL=hooks.url, PRIVATE_WEBHOOKS="true")).sign_in("alice")
    alice.post("/notices/test", channel="webhook")
    text = text_of(alice.get("/notices"))
    assert "The other server has not answered within 20 seconds." in text
    assert "It is not known what was answered." in text


def test_a_private_address_is_said_to_be_refused(make_app: MakeApp, hooks: Receiver) -> None:
    alice = Visitor(make_app(WEBHOOK_URL=hooks.url)).sign_in("alice")
    alice.post("/notices/test", channel="webhook")
    assert "is a private address. HOLYSTONE_PRIVATE_WEBHOOKS=true allows it." in text_of(alice.get("/notices"))
    assert hooks.got == []


def test_no_secret_is_shown(make_app: MakeApp, hooks: Receiver) -> None:
    hooks.reply = lambda got: Reply(404, f"{got.path} and {got.headers}".encode())
    app = make_app(
        WEBHOOK_URL=hooks.url, DEAD_MANS_SWITCH_URL=hooks.url, PRIVATE_WEBHOOKS="true", WEBHOOK_SECRET="shared-secret",
        MAIL_SERVER="127.0.0.1:9", MAIL_FROM="a@example.org", MAIL_TO="b@example.org", MAIL_USERNAME="holystone",
        MAIL_PASSWORD="hush-hush",
    )  # fmt: skip
    alice = Visitor(app).sign_in("alice")
    for channel in Channel:
        alice.post("/notices/test", channel=channel.value)
        page = alice.get("/notices").get_data(as_text=True)
        assert [each for each in SECRETS if each in page] == []
    with parts_of(app).reading() as session:
        answers = " ".join(each.answer for each in session.query(Delivery))
    assert [each for each in SECRETS if each in answers] == []


def test_what_is_not_safe_is_warned_of(make_app: MakeApp) -> None:
    app = make_app(
        WEBHOOK_URL="http://hooks.example/x", MAIL_SERVER="mail.example:25", MAIL_SECURITY="none", MAIL_USERNAME="x",
        MAIL_PASSWORD="x", MAIL_FROM="a@example.org", MAIL_TO="b@example.org,c@example.org",
    )  # fmt: skip
    text = text_of(Visitor(app).sign_in("alice").get("/notices"))
    assert "Webhook hooks.example What is sent there is not encrypted" in text
    assert "HOLYSTONE_WEBHOOK_SECRET lets the receiver know that it is ours." in text
    assert "E-mail b@example.org, c@example.org by mail.example The password is sent unencrypted" in text


def test_the_page_looks_no_name_up(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = Visitor(make_app(WEBHOOK_URL="https://hooks.example/x")).sign_in("alice")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: pytest.fail("a page asked outside"))
    assert alice.get("/notices").status_code == 200


def test_notices_lead_to_pages_that_exist(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    for kind in NoticeKind:
        if kind != NoticeKind.WINDOW_MISSED:
            assert adapter.match(path_of(kind, "7"))
    assert path_of(NoticeKind.WINDOW_MISSED, "3/2026-03-12T03:00Z") == "/maintenance/windows/3"
