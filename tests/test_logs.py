"""The log: one event is one line, whatever is in it, and no secret is."""

from __future__ import annotations

import base64
import logging
import re
import socket
import urllib.error
import urllib.request
from dataclasses import fields
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

import logs
from config import PREFIX, Settings, read_settings
from demo.build import image, layer
from demo.push import Pusher
from tests.dashboard_process import PASSWORD, DashboardProcess
from tests.records import Clock, Records, records, records_template
from tests.runtime.keeper_process import KeeperProcess, wait_for
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record

__all__ = ["records", "records_template"]

log = logging.Logger("tests.logs")  # outside of the tree of loggers, where pytest listens and chokes on odd texts
log.addHandler(logs.LineHandler())

VALUE = r'(?:[^\s"=\\]+|"(?:[^"\\]|\\["\\nrt])*")'
PAIR = re.compile(rf"([a-zA-Z_]+)=({VALUE})")
LINE = re.compile(rf"[a-zA-Z_]+={VALUE}(?: [a-zA-Z_]+={VALUE})*")
LONGEST_LINE_BYTES = 48 * 1024
"""What journald keeps as one entry by default."""

HOSTILE = {
    "a line break": "alice\nat=2026-03-12T09:00:00.000Z level=info event=forged",
    "a carriage return": "alice\rlevel=info",
    "an escape": "\x1b[2J\x1b[31mred\x07",
    "quotes": 'a "b" =c \\ d\\',
    "the end of a quote": '" level=forged x="',
    "writing turned round": "user\u202etxt.exe",
    "line ends of others": "a\u2028b\u0085c\x0bd",
    "half a character": "\udc80",
    "nothing": "",
    "nul": "\0",
    "100 kB": "x" * 100_000,
    "100 kB of line breaks": "\n" * 100_000,
    "100 kB of wide characters": "\U0001f6a2" * 100_000,
    "a secret in many beginnings": "://?token=password" * 5_000,
}


def parse(line: str) -> dict[str, str]:
    """A line's pairs, as somebody who reads logfmt has them. Fails where it is none."""
    assert LINE.fullmatch(line), line
    return {key: _unquoted(value) for key, value in PAIR.findall(line)}


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), value[1:-1])


def the_line(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The only line that was written."""
    written = capsys.readouterr().err
    assert written.endswith("\n")
    assert written[:-1].isprintable()
    assert len(written.encode()) <= LONGEST_LINE_BYTES
    return parse(written[:-1])


def test_a_line_says_when_how_bad_and_what_and_what_belongs_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    log.info(
        "A run has ended", extra={"run_id": 3, "seconds": 1.23456, "outcome": Outcome.DONE, "reason": None, "ok": True}
    )
    line = the_line(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {
        "level": "info", "event": "A run has ended", "run_id": "3", "seconds": "1.235", "outcome": "done", "ok": "true",
        "logger": "tests.logs",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["event", "argument", "value", "error"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_breaks_a_line_or_is_obeyed_by_a_terminal(
    capsys: pytest.CaptureFixture[str], where: str, text: str
) -> None:
    if where == "event":
        log.warning(text.replace("%", "%%"))
    elif where == "argument":
        log.warning("Request %s failed", text)
    elif where == "value":
        log.warning("Sign-in", extra={"actor": text})
    else:
        log.error("Failed", exc_info=ValueError(text))
    line = the_line(capsys)
    assert line["level"] in ("warning", "error")
    assert line["logger"] == "tests.logs"


@given(st.text(max_size=300))
def test_what_is_short_and_can_be_printed_is_read_back_as_it_was(text: str) -> None:
    handler = logs.LineHandler()
    record = log.makeRecord("x", logging.INFO, "", 0, "Event", (), None, extra={"tag": text})
    found = parse(handler.format(record))["tag"]
    if not re.search(r"://|\?|[:=]|bearer|basic", text, re.IGNORECASE):
        assert found == "".join(each if each.isprintable() or each in "\n\r\t" else "\ufffd" for each in text)


def test_a_traceback_is_folded_into_its_line_and_keeps_both_ends(capsys: pytest.CaptureFixture[str]) -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        raise KeyError("x" * 20_000 + " the end")

    try:
        deeper(3)
    except KeyError as error:
        log.error("Failed", exc_info=error)  # noqa: TRY400 how other libraries do it
    line = the_line(capsys)
    assert line["error"].startswith("KeyError: ")
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("the end'\n")
    assert "characters are left out" in line["traceback"]


def test_arguments_that_do_not_fit_cost_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("%d of %d", "many")  # noqa: PLE1206 that is the mistake
    assert the_line(capsys)["event"] == "%d of %d"


class FullDisk:
    """A stream to which nothing can be written."""

    def write(self, _text: str) -> None:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", FullDisk())
    log.warning("Nobody reads this")


SECRETS = [each.name for each in fields(Settings) if "is_secret" in each.metadata]
HUSH = "hush-Hush/0123456789abcdef0123456789"


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("form", ["{}", "GET /x?key={}", "{}x", "url: {path}", "{quoted}"])
def test_a_secret_of_the_settings_never_stands_in_a_line(name: str, form: str) -> None:
    value = f"http://127.0.0.1:9/{HUSH}" if name.endswith("URL") else HUSH
    settings = read_settings({f"{PREFIX}SECRET_KEY": "k" * 64, PREFIX + name: value})
    assert HUSH not in repr(settings)
    handler = logs.LineHandler()
    handler.hidden = logs.forms(settings.secrets)
    text = form.format(value, path="/" + HUSH, quoted=quote(value, safe=""))
    at_the_cut = "x" * (logs.LONGEST_EVENT // 2 - 10) + text + "x" * 100_000
    record = log.makeRecord("x", logging.ERROR, "", 0, at_the_cut, (), None, extra={"reason": text})
    line = handler.format(record)
    assert "hush" not in line.lower()
    assert logs.HIDDEN in line


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic YWxpY2U6aHVzaC1odXNo",
        "headers={'Authorization': 'Bearer hush-hush-hush'}",
        "Cookie: holystone=hush-hush",
        "https://alice:hush-hush@registry.example/v2/",
        "GET /sign-in?next=/&password=hush-hush HTTP/1.1",
        'csrf_token="hush-hush"',
        "password=hush-hush&name=alice",
    ],
)
def test_what_looks_like_a_secret_is_hidden_although_nobody_told(capsys: pytest.CaptureFixture[str], text: str) -> None:
    log.warning(text)
    written = the_line(capsys)["event"]
    assert "hush" not in written
    assert "YWxp" not in written


def test_a_value_whose_name_says_that_it_is_secret_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("Sent", extra={"webhook_secret": "hush", "order_token": "hush"})
    assert "hush" not in the_line(capsys).values()


def test_what_is_taken_back_is_not_told(records: Records, caplog: pytest.LogCaptureFixture) -> None:
    def act(session: Session) -> None:
        record(session, at=Clock()(), actor="alice", kind=ActivityKind.SIGNED_IN, outcome=Outcome.DONE)

    caplog.set_level(logging.INFO)
    with pytest.raises(RuntimeError), records.writing() as session:
        act(session)
        raise RuntimeError("the disk is full")
    assert caplog.records == []
    with records.writing() as session:
        act(session)
        assert caplog.records == []
    [told] = caplog.records
    assert (told.message, told.kind) == ("Activity", "signed_in")  # type: ignore[attr-defined]


JOURNEY_SECRETS = {
    "SECRET_KEY": "key-of-the-forms-0123456789-0123456789",
    "REGISTRY_USERNAME": "holystone",
    "REGISTRY_PASSWORD": "password-of-the-registry",
    "WEBHOOK_SECRET": "secret-of-the-webhook",
    "WEBHOOK_URL": "http://127.0.0.1:9/path-of-the-webhook",
    "DEAD_MANS_SWITCH_URL": "http://127.0.0.1:9/path-of-the-switch",
    "PRIVATE_WEBHOOKS": "true",
    "MAIL_PASSWORD": "password-of-the-mail",
    "METRICS_TOKEN": "token-of-the-metrics-0123456789",
}
TYPED = "a password typed as a name"


class Person:
    """Somebody with a browser, of whom every secret is remembered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = CookieJar()
        self.tokens: set[str] = set()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def ask(self, path: str, headers: dict[str, str] | None = None, **form: str) -> str:
        """GET, or POST a form."""
        data = urlencode({"csrf_token": self._token(), **form}).encode() if form else None
        try:
            with self._opener.open(urllib.request.Request(self.url + path, data, headers or {}), timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def _token(self) -> str:
        page = self.ask("/no-such-page")
        token = re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
        self.tokens.add(token)
        return str(token)

    def secrets(self) -> set[str]:
        """What the browser sent that nobody else may know."""
        return self.tokens | {str(each.value) for each in self.cookies}


def test_every_line_of_a_dashboard_parses_and_none_tells_a_secret(tmp_path: Path) -> None:
    """As deployed: people sign in and do things, an attacker tries, the registry goes away, then the records."""
    with KeeperProcess(tmp_path / "keeper") as keeper:
        Pusher(keeper.url).push("team/api", image([layer("one")]), ["1.0", "2.0"])
        dashboard = DashboardProcess(
            tmp_path / "dashboard",
            keeper.url,
            KEEPER_FOLDER=keeper.folder,
            REGISTRY_CONFIG=keeper.config,
            SYNC_INTERVAL="1s",
            **JOURNEY_SECRETS,
        )
        dashboard.prepare("alice")
        with dashboard:
            alice = Person(dashboard.url)
            alice.ask("/sign-in", name=TYPED, password="another password")
            alice.ask("/sign-in", name="x\nlevel=forged\x1b[31m" + "y" * 100_000, password=PASSWORD)
            alice.ask("/sign-in", name="alice", password=PASSWORD)
            wait_for(lambda: "team/api" in alice.ask("/repositories?token=hush-hush"), "the sync")
            alice.ask("/no%0Asuch%1b%5B31m-page?token=hush-hush")
            alice.ask("/repositories/team/api/-/delete")
            alice.ask("/metrics", {"Authorization": f"Bearer {JOURNEY_SECRETS['METRICS_TOKEN']}"})
            alice.ask("/metrics", {"Authorization": "Bearer hush-hush"})
            with socket.create_connection(("127.0.0.1", dashboard.port), timeout=10) as stranger:
                stranger.sendall(b"no request\x1b[31m at all\r\n\r\n")
                assert stranger.recv(100).startswith(b"HTTP/1.1 400")
            alice.ask("/maintenance/free-space", strategy="read-only")
            wait_for(lambda: 'event="A run has ended"' in dashboard.log.read_text(), "the run's end")
            keeper.end()
            wait_for(lambda: "The sync is not complete" in dashboard.log.read_text(), "a sync without registry")
            for file in (tmp_path / "dashboard" / "data").glob("holystone.db*"):
                file.write_bytes(b"no database" * 1000)
            wait_for(lambda: "The records cannot be read" in dashboard.log.read_text(), "a look at the records")
            alice.ask("/repositories")
    written = dashboard.log.read_text()
    lines = [parse(line) for line in written.splitlines()]
    events = {each["event"] for each in lines}
    assert {"Holystone serves", "Activity", "Request", "A run has begun", "A run has ended", "Holystone ends"} <= events
    assert any(each["logger"] == "gunicorn.error" for each in lines)
    failed = [each for each in lines if each.get("kind") == "sign_in_failed"]
    assert [each["actor"] for each in failed] == ["(unknown)", "(unknown)"]
    [ended] = [each for each in lines if each["event"] == "A run has ended"]
    assert (ended["run_id"], ended["outcome"]) == ("1", "succeeded")
    [told] = [each for each in lines if each["event"].startswith("The records cannot be read")]
    assert "DatabaseError" in told["event"]
    assert any(each.get("path") == "/no\nsuch\ufffd[31m-page" and each["status"] == "404" for each in lines)
    assert {each["user"] for each in lines if each.get("path") == "/maintenance/free-space"} == {"alice"}
    secrets = alice.secrets() | {
        value for name, value in JOURNEY_SECRETS.items() if name not in ("REGISTRY_USERNAME", "PRIVATE_WEBHOOKS")
    }
    pair = base64.b64encode(f"holystone:{JOURNEY_SECRETS['REGISTRY_PASSWORD']}".encode()).decode()
    for secret in secrets | {pair, PASSWORD, TYPED, "another password", "hush-hush", "path-of-the-webhook", "$argon2"}:
        assert secret not in written, secret
