"""A notice as a mail of plain text, handed to the mail server of the settings."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from threading import Event
from typing import Any, cast

from webapp.notices.answers import Answer, one_line, why
from webapp.notices.connection import ending_after
from webapp.notices.models import NoticeKind
from webapp.notices.words import ENDED, TEST, title_of

SILENCE_S = 6.0
TALK_S = 12.0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mail server, and from whom to whom. `security` is `starttls`, `tls` or `none`."""

    server: str
    security: str
    username: str
    password: str
    sender: str
    recipients: tuple[str, ...]

    @property
    def host(self) -> str:
        """The name of the server."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self.server.rpartition(":")[2])


class _Refused(Exception):
    """The server said no; the text is what it said."""


def message_of(mailbox: Mailbox, key: str, document: Mapping[str, Any], made_at: datetime) -> EmailMessage:
    """The mail about a notice: the same at each try, with the same name, so that a mail that came twice is one."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Holystone", addr_spec=mailbox.sender)
    message["To"] = tuple(Address(addr_spec=each) for each in mailbox.recipients)
    message["Subject"] = one_line(_subject(document))
    message["Date"] = made_at
    message["Message-ID"] = f"<{key}@{mailbox.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [document["sentence"], "", f"Began: {document['began_at']}"]
    lines += [f"Ended: {document['ended_at']}"] if document["ended_at"] else []
    lines += [f"Registry: {document['registry']}"]
    lines += ["", document["link"]] if document["link"] else []
    message.set_content("\n".join(lines) + "\n")
    return message


def send(
    mailbox: Mailbox,
    key: str,
    document: Mapping[str, Any],
    made_at: datetime,
    *,
    context: ssl.SSLContext | None = None,
    talk_s: float = TALK_S,
) -> Answer:
    """Hand the mail over once. It is taken where the server takes it for one recipient at least.

    Args:
        context: whom to trust; None for whom the system trusts.
        talk_s: the longest time for all of it.
    """
    message = message_of(mailbox, key, document, made_at).as_bytes()
    trusted, ended = context or ssl.create_default_context(), Event()
    try:
        server = _greeted(mailbox, trusted)
        with closing(server), ending_after(cast("socket.socket", server.sock), talk_s, ended):
            return _hand_over(server, mailbox, message, trusted)
    except _Refused as refusal:
        said = f"answered {refusal}"
    except smtplib.SMTPResponseException as error:
        said = f"answered {_said(error.smtp_code, error.smtp_error)}"
    except smtplib.SMTPNotSupportedError as error:
        said = f"cannot do what the settings ask for: {error}"
    except smtplib.SMTPServerDisconnected as error:
        was_silent = ended.is_set() or isinstance(error.__context__, TimeoutError)
        said = f"gave no answer: {why(TimeoutError()) if was_silent else 'it closed the connection'}."
    except (OSError, ValueError) as error:
        said = f"was not reached, or gave no answer: {why(TimeoutError() if ended.is_set() else error)}."
    return Answer(False, one_line(f"{mailbox.host} {said}", [mailbox.password]))


def _greeted(mailbox: Mailbox, trusted: ssl.SSLContext) -> smtplib.SMTP:
    if mailbox.security == "tls":
        return smtplib.SMTP_SSL(mailbox.host, mailbox.port, timeout=SILENCE_S, context=trusted)
    return smtplib.SMTP(mailbox.host, mailbox.port, timeout=SILENCE_S)


def _hand_over(server: smtplib.SMTP, mailbox: Mailbox, message: bytes, trusted: ssl.SSLContext) -> Answer:
    server.ehlo_or_helo_if_needed()
    if mailbox.security == "starttls":
        _want(220, *server.starttls(context=trusted))
        server.ehlo_or_helo_if_needed()
    if mailbox.username:
        server.login(mailbox.username, mailbox.password)
    _want(250, *server.mail(mailbox.sender))
    answers = {each: server.rcpt(each) for each in mailbox.recipients}
    refused = {each: _said(*answer) for each, answer in answers.items() if answer[0] not in (250, 251)}
    if len(refused) == len(answers):
        raise _Refused("; ".join(f"{said} for {each}" for each, said in refused.items()))
    said = _want(250, *server.data(message))
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    but = "".join(f" But {each} was refused: {why_not}." for each, why_not in refused.items())
    return Answer(True, one_line(f"{mailbox.host} answered {said}.{but}", [mailbox.password]))


def _want(code: int, found: int, text: bytes) -> str:
    if found != code:
        raise _Refused(_said(found, text))
    return _said(found, text)


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {words}".strip()


def _subject(document: Mapping[str, Any]) -> str:
    if document["event"] == TEST:
        return f"Holystone: a test of the notices of {document['registry']}"
    title = title_of(NoticeKind(document["kind"]), document["registry"])
    return f"Holystone: solved: {title}" if document["event"] == ENDED else f"Holystone: {title}"
