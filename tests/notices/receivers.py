"""Servers on loopback that notices are sent to: one for webhooks, one for mails. Each does what a test tells it."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import cast

from tests.certificates import server_context
from tests.registry.odd_registry import serving

ENDS_WITHIN_S = 30


@dataclass(frozen=True)
class Got:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer. A status of 0 closes the connection without a word; `trickles` sends a byte of the head at a time."""

    status: int = 200
    body: bytes = b"OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    trickles: bool = False


@dataclass
class Receiver:
    """A server for webhooks: its port, what came so far, and what it answers next."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    reply: Callable[[Got], Reply] = lambda _got: Reply()
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/a-secret-path?token=another-secret"


@contextmanager
def receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """Serve on loopback, by TLS where there is a certificate, until the block is left."""
    of = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            got = Got(
                self.command, self.path, dict(self.headers), self.rfile.read(int(self.headers.get("Content-Length", 0)))
            )
            of.got.append(got)
            reply = of.reply(got)
            if reply.hangs:
                of.ending.wait(ENDS_WITHIN_S)
            if reply.trickles:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not of.ending.wait(0.05):
                    self.wfile.write(b"x")
            if reply.status == 0 or reply.hangs or reply.trickles:
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, certificate) as url:
        of.port = int(url.rpartition(":")[2])
        try:
            yield of
        finally:
            of.ending.set()


@dataclass
class MailServer:
    """A mail server: its port, the commands and mails that came, and answers that differ from the usual ones.

    `answers` is by the first word of a command; `.` is the end of a mail. `silent_at` is a command that is not answered.
    """

    port: int = 0
    commands: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    silent_at: str = ""
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def mails(self) -> list[EmailMessage]:
        return [cast("EmailMessage", message_from_bytes(each, policy=default)) for each in self.raw]


@contextmanager
def mail_server(certificate: Path | None = None, implicit: bool = False) -> Iterator[MailServer]:
    """Take mails on loopback until the block is left; with STARTTLS, or TLS from the start, where there is a certificate."""
    of = MailServer()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    of.port = listening.getsockname()[1]
    context = server_context(certificate) if certificate else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def serve() -> None:
        while not of.ending.is_set():
            with suppress(TimeoutError):
                talk, _ = listening.accept()
                talk.settimeout(ENDS_WITHIN_S)
                threading.Thread(
                    target=_serve_one, args=(of, talk, context, bool(certificate), implicit), daemon=True
                ).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield of
    finally:
        of.ending.set()
        thread.join()
        listening.close()


def _serve_one(of: MailServer, talk: socket.socket, context: ssl.SSLContext, has_tls: bool, implicit: bool) -> None:
    with suppress(OSError):
        if implicit:
            talk = context.wrap_socket(talk, server_side=True)
        _say(talk, of.answers.get("greeting", "220 mail.example"))
        lines = talk.makefile("rb")
        while line := lines.readline():
            command = line.decode().strip()
            of.commands.append(command)
            word = command.partition(" ")[0].upper()
            if of.silent_at == word:
                of.ending.wait(ENDS_WITHIN_S)
                return
            if word == "DATA" and "DATA" not in of.answers:
                _say(talk, "354 go on")
                of.raw.append(_mail(lines))
                word = "."
            _say(talk, _answer(of, word, command, has_tls and not isinstance(talk, ssl.SSLSocket)))
            if word == "STARTTLS":
                talk = context.wrap_socket(talk, server_side=True)
                lines = talk.makefile("rb")
            if word == "QUIT":
                break
    talk.close()


def _answer(of: MailServer, word: str, command: str, may_start_tls: bool) -> str:
    if word in of.answers:
        return of.answers[word]
    if word == "RCPT":
        return next((answer for name, answer in of.refused.items() if name in command), "250 fine")
    if word == "EHLO":
        return "250-mail.example\r\n" + ("250-STARTTLS\r\n" if may_start_tls else "") + "250 AUTH PLAIN"
    return {"STARTTLS": "220 go on", "AUTH": "235 welcome", ".": "250 2.0.0 Ok: queued as 4D1", "QUIT": "221 bye"}.get(
        word, "250 fine"
    )


def _mail(lines: socket.SocketIO) -> bytes:  # type: ignore[name-defined]
    mail = b""
    while (line := lines.readline()) not in (b".\r\n", b""):
        mail += line.removeprefix(b".") if line.startswith(b"..") else line
    return mail


def _say(talk: socket.socket, words: str) -> None:
    talk.sendall(words.encode() + b"\r\n")


def auth_plain(command: str) -> list[str]:
    """The user name and password of an AUTH PLAIN command."""
    return base64.b64decode(command.rsplit(maxsplit=1)[-1]).decode().split("\0")[1:]
