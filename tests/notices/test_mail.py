"""A mail is plain, named, and nobody can write its headers; it is handed over as the settings say."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.notices.receivers import MailServer, auth_plain, mail_server
from webapp.notices import mail
from webapp.notices.answers import Answer
from webapp.notices.mail import Mailbox, send
from webapp.notices.words import Names, document_of_test

MADE_AT = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {
    "id": "4d1",
    "event": "began",
    "kind": "registry_unreachable",
    "sentence": "The registry does not answer – “connection refused”.",
    "subject": "",
    "began_at": "2026-03-12T09:00:00Z",
    "ended_at": None,
    "link": "https://holystone.example/status",
    "registry": "registry.example",
}


def mailbox(server: MailServer, **changed: Any) -> Mailbox:
    of = Mailbox(
        server=f"localhost:{server.port}",
        security="none",
        username="",
        password="",
        sender="holystone@example.org",
        recipients=("ops@example.org", "second@example.org"),
    )
    return replace(of, **changed)


def sent(server: MailServer, document: dict[str, Any] = DOCUMENT, **changed: Any) -> Answer:
    return send(mailbox(server, **changed), "4d1", document, MADE_AT)


def test_a_mail_says_what_happened_and_the_servers_answer_is_told() -> None:
    with mail_server() as server:
        answer = sent(server)
    assert answer == Answer(True, "localhost answered 250 2.0.0 Ok: queued as 4D1.")
    (got,) = server.mails
    assert got["Subject"] == "Holystone: registry.example cannot be reached"
    assert got["From"] == "Holystone <holystone@example.org>"
    assert got["To"] == "ops@example.org, second@example.org"
    assert got["Date"].datetime == MADE_AT
    assert got["Message-ID"] == "<4d1@example.org>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_content_type() == "text/plain"
    assert got.get_content().splitlines() == [
        "The registry does not answer – “connection refused”.",
        "",
        "Began: 2026-03-12T09:00:00Z",
        "Registry: registry.example",
        "",
        "https://holystone.example/status",
    ]
    assert [each for each in server.commands if each.startswith(("MAIL", "mail", "RCPT", "rcpt"))] == [
        "mail FROM:<holystone@example.org>",
        "rcpt TO:<ops@example.org>",
        "rcpt TO:<second@example.org>",
    ]


def test_a_later_try_is_the_same_mail() -> None:
    with mail_server() as server:
        sent(server)
        sent(server)
    assert server.raw[0] == server.raw[1]


def test_the_end_and_a_test_have_subjects_of_their_own() -> None:
    ended = {**DOCUMENT, "event": "ended", "ended_at": "2026-03-12T09:12:00Z"}
    with mail_server() as server:
        sent(server, ended)
        sent(server, document_of_test(MADE_AT, Names("registry.example", "")))
    assert server.mails[0]["Subject"] == "Holystone: solved: registry.example cannot be reached"
    assert "Ended: 2026-03-12T09:12:00Z" in server.mails[0].get_content()
    assert server.mails[1]["Subject"] == "Holystone: a test of the notices of registry.example"


def test_nobody_writes_a_header() -> None:
    evil = {
        **DOCUMENT,
        "registry": "x\r\nBcc: other@example.org\r\n\r\nbody",
        "sentence": "a\r\n.\r\nMAIL FROM:<x>\r\n",
    }
    with mail_server() as server:
        assert sent(server, evil).is_taken
    (got,) = server.mails
    assert got["Bcc"] is None
    assert got["Subject"] == "Holystone: x Bcc: other@example.org body cannot be reached"
    assert len(server.raw) == 1


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
def test_a_password_goes_over_tls_that_proves_the_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    with mail_server(certificate, implicit) as server:
        box = mailbox(server, security="tls" if implicit else "starttls", username="holystone", password="hush-hush")
        assert send(box, "4d1", DOCUMENT, MADE_AT, context=trusted).is_taken
        login = next(each for each in server.commands if each.startswith("AUTH"))
        assert auth_plain(login) == ["holystone", "hush-hush"]
        untrusted = send(box, "4d1", DOCUMENT, MADE_AT)
        assert "its certificate is not trusted" in untrusted.sentence
        elsewhere = send(replace(box, server=f"127.0.0.1:{server.port}"), "4d1", DOCUMENT, MADE_AT, context=trusted)
        assert "its certificate is not trusted" in elsewhere.sentence
    assert len(server.raw) == 1


def test_a_server_without_starttls_gets_nothing() -> None:
    with mail_server() as server:
        answer = sent(server, security="starttls", username="holystone", password="hush-hush")
    assert answer == Answer(
        False, "localhost cannot do what the settings ask for: STARTTLS extension not supported by server."
    )
    assert not any(each.startswith(("AUTH", "mail")) for each in server.commands)


def test_a_wrong_password_is_said_and_not_repeated() -> None:
    with mail_server() as server:
        server.answers["AUTH"] = "535 5.7.8 hush-hush is wrong"
        answer = sent(server, username="holystone", password="hush-hush")
    assert answer == Answer(False, "localhost answered 535 5.7.8 … is wrong")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("greeting", "554 no"),
        ("MAIL", "451 later"),
        ("RCPT", "550 nobody here for ops@example.org; 550 nobody here for second@example.org"),
        ("DATA", "451 no room"),
        (".", "552 too much"),
    ],
)
def test_a_refusal_is_said(word: str, said: str) -> None:
    with mail_server() as server:
        server.answers[word] = said.partition(" for")[0]
        answer = sent(server)
    assert not answer.is_taken
    assert answer.sentence == f"localhost answered {said}"


def test_a_mail_for_one_of_two_is_taken_and_the_other_is_named() -> None:
    with mail_server() as server:
        server.refused["second@example.org"] = "550 nobody here"
        answer = sent(server)
    assert answer.is_taken
    assert answer.sentence.endswith("But second@example.org was refused: 550 nobody here.")


def test_a_server_that_is_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SILENCE_S", 0.3)
    with mail_server() as server:
        for word in ("EHLO", "RCPT"):
            server.silent_at = word
            assert "it did not answer in time" in sent(server).sentence


def test_the_whole_talk_has_an_end() -> None:
    with mail_server() as server:
        server.silent_at = "MAIL"
        answer = send(mailbox(server), "4d1", DOCUMENT, MADE_AT, talk_s=0.3)
    assert not answer.is_taken
    assert "it did not answer in time" in answer.sentence


def test_where_nobody_listens_it_is_said() -> None:
    with mail_server() as server:
        pass
    assert "connection refused" in sent(server).sentence
