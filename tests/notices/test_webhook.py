"""A webhook goes to the address that was checked and to no other, proves that it is ours, and takes a bounded time."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.notices.receivers import Receiver, Reply, receiver
from webapp.notices.answers import Answer
from webapp.notices.connection import Called, call, is_public
from webapp.notices.webhook import Webhook, post
from webapp.version import VERSION

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
DOCUMENT = json.dumps({"sentence": "The disk is full – “really”."}, ensure_ascii=False)
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A server that takes everything, until a test says otherwise."""
    with receiver() as of:
        yield of


def posted(hooks: Receiver, secret: str = "shared", may_be_private: bool = True, **more: Any) -> Answer:
    return post(Webhook(Called(hooks.url, may_be_private), secret), "4d1", DOCUMENT, NOW, **more)


def test_a_notice_is_posted_as_json_with_a_signature_over_time_and_body(hooks: Receiver) -> None:
    answer = posted(hooks)
    assert answer == Answer(True, f"127.0.0.1:{hooks.port} answered 200 OK. OK")
    (got,) = hooks.got
    assert (got.method, got.path) == ("POST", "/hooks/a-secret-path?token=another-secret")
    assert got.body == DOCUMENT.encode()
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Host"] == f"127.0.0.1:{hooks.port}"
    assert got.headers["User-Agent"] == f"holystone/{VERSION}"
    assert got.headers["Holystone-Delivery"] == "4d1"
    assert got.headers["Holystone-Timestamp"] == "1773306000"
    expected = hmac.new(b"shared", b"1773306000." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["Holystone-Signature"] == f"sha256={expected}"


def test_without_a_secret_there_is_no_signature(hooks: Receiver) -> None:
    assert posted(hooks, secret="").is_taken
    assert "Holystone-Signature" not in hooks.got[0].headers


def test_the_example_of_the_guide_verifies_what_is_sent(hooks: Receiver) -> None:
    text = (ROOT / "docs/notices.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example
    names: dict[str, Any] = {}
    exec(example[1], names)
    posted(hooks)
    (got,) = hooks.got
    asked = {"headers": got.headers, "body": got.body, "secret": "shared", "now": NOW.timestamp()}
    assert names["is_from_holystone"](**asked)
    assert not names["is_from_holystone"](**{**asked, "body": got.body + b" "})
    assert not names["is_from_holystone"](**{**asked, "secret": "another"})
    assert not names["is_from_holystone"](**{**asked, "now": NOW.timestamp() + 3600})
    later = {**got.headers, "Holystone-Timestamp": str(int(NOW.timestamp()) + 3600)}
    assert not names["is_from_holystone"](**{**asked, "headers": later, "now": NOW.timestamp() + 3600})


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_an_error_is_not_taken_and_said(hooks: Receiver, status: int) -> None:
    hooks.reply = lambda _got: Reply(status, b"no such\r\n\x1b[31mhook")
    answer = posted(hooks)
    assert not answer.is_taken
    assert f"answered {status} " in answer.sentence
    assert answer.sentence.endswith("no such \ufffd[31mhook")


def test_a_redirect_is_not_followed(hooks: Receiver) -> None:
    hooks.reply = lambda got: Reply(307, headers={"Location": f"http://127.0.0.1:{hooks.port}/elsewhere"})
    answer = posted(hooks)
    assert not answer.is_taken
    assert "answered 307, a redirect, which is not followed" in answer.sentence
    assert len(hooks.got) == 1


def test_a_secret_that_comes_back_is_not_repeated(hooks: Receiver) -> None:
    hooks.reply = lambda got: Reply(404, f"Cannot POST {got.path} (a-secret-path)".encode())
    sentence = posted(hooks).sentence
    assert "secret" not in sentence
    assert sentence.endswith("404 Not Found. Cannot POST …?… (…)")


def test_a_long_answer_is_cut(hooks: Receiver) -> None:
    hooks.reply = lambda _got: Reply(500, b"x" * 1_000_000)
    assert len(posted(hooks).sentence) < 400


def test_a_server_that_goes_on_for_ever_after_its_status_has_taken_the_notice(hooks: Receiver) -> None:
    hooks.reply = lambda _got: Reply(trickles=True)
    assert posted(hooks, talk_s=0.3).is_taken


def test_a_server_that_is_silent_is_left(hooks: Receiver) -> None:
    hooks.reply = lambda _got: Reply(hangs=True)
    answer = posted(hooks, talk_s=0.3)
    assert answer == Answer(
        False, f"127.0.0.1:{hooks.port} was not reached, or gave no answer: it did not answer in time."
    )


def test_a_connection_that_breaks_is_said(hooks: Receiver) -> None:
    hooks.reply = lambda _got: Reply(0)
    assert posted(hooks).sentence.endswith("it closed the connection, or does not speak HTTP.")


def test_a_port_where_nobody_listens_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = call(Called(f"http://127.0.0.1:{port}/secret-path", True), "GET", {})
    assert answer == Answer(False, f"127.0.0.1:{port} was not reached, or gave no answer: connection refused.")


def test_a_private_address_is_refused_unless_it_is_allowed(hooks: Receiver) -> None:
    answer = posted(hooks, may_be_private=False)
    assert not answer.is_taken
    assert answer.sentence.endswith("is a private address. HOLYSTONE_PRIVATE_WEBHOOKS=true allows it.")
    assert hooks.got == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe"],
)  # fmt: skip
def test_addresses_that_are_nobody_elses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


class Lookup:
    """Answers for a name with one address after the other, as a server of names does that wants to be believed once."""

    def __init__(self, port: int, *addresses: str) -> None:
        self.port, self.left, self.asked = port, list(addresses), 0

    def __call__(self, _host: str, _port: int, **_more: Any) -> list[Any]:
        self.asked += 1
        address = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, self.port))]


def test_a_name_that_leads_to_a_private_address_is_refused(hooks: Receiver) -> None:
    look_up = Lookup(hooks.port, "127.0.0.1")
    answer = call(Called("http://hooks.example/secret-path", False), "POST", {}, b"", look_up=look_up)
    assert answer.sentence.startswith("hooks.example is a private address.")
    assert hooks.got == []


def test_a_name_is_looked_up_once_so_that_it_cannot_lead_elsewhere_afterwards(
    hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checked address is connected to; nothing else looks the name up, at no time."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_more: pytest.fail("it was looked up again"))
    look_up = Lookup(hooks.port, "127.0.0.1", "10.0.0.1")
    answer = call(Called("http://hooks.example/", True), "POST", {}, b"", look_up=look_up)
    assert answer.is_taken
    assert hooks.got[0].headers["Host"] == "hooks.example"
    assert look_up.asked == 1


def test_of_several_addresses_only_public_ones_are_connected_to(hooks: Receiver) -> None:
    def look_up(*_given: Any, **_more: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, hooks.port)) for address in ("127.0.0.1", "10.0.0.1")
        ]

    assert "private address" in call(Called("http://hooks.example/", False), "GET", {}, look_up=look_up).sentence


@pytest.fixture
def trusted(certificate: Path) -> ssl.SSLContext:
    """Trusts the certificate of the tests' servers, and nothing else."""
    return ssl.create_default_context(cafile=str(certificate))


def test_tls_proves_the_name_although_the_address_is_connected_to(certificate: Path, trusted: ssl.SSLContext) -> None:
    with receiver(certificate) as hooks:
        look_up = Lookup(hooks.port, "127.0.0.1")
        good = call(Called("https://localhost/hook", True), "POST", {}, b"{}", look_up=look_up, context=trusted)
        assert good == Answer(True, "localhost answered 200 OK. OK")
        assert hooks.got[0].headers["Host"] == "localhost"
        bad = call(Called("https://hooks.example/hook", True), "POST", {}, b"{}", look_up=look_up, context=trusted)
        assert not bad.is_taken
        assert "its certificate is not trusted (Hostname mismatch" in bad.sentence
        untrusted = call(Called("https://localhost/hook", True), "POST", {}, b"{}", look_up=look_up)
        assert "its certificate is not trusted" in untrusted.sentence
        assert len(hooks.got) == 1


def test_a_server_that_does_not_speak_tls_is_said(hooks: Receiver, trusted: ssl.SSLContext) -> None:
    url = f"https://127.0.0.1:{hooks.port}/"
    assert "does not speak TLS" in call(Called(url, True), "GET", {}, context=trusted).sentence


def test_a_name_that_nobody_knows_is_said() -> None:
    def look_up(*_given: Any, **_more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    answer = call(Called("https://hooks.example/secret-path", False), "GET", {}, look_up=look_up)
    assert answer == Answer(False, "hooks.example was not reached, or gave no answer: its name is not known.")
