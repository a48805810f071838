"""Only a proof that writes are refused starts a collection (laws 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from demo.build import Built
from tests.maintenance.house import (
    House,
    a_client,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    proof_of,
)
from tests.registry.odd_registry import Asked, Reply, odd_registry
from tests.registry_process import RegistryProcess
from webapp.maintenance.models import Run, RunOutcome, StepName
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted, prove_writes_refused, wait_until_accepted
from webapp.registry.client import RegistryClient
from webapp.runtime import orders


@pytest.fixture
def goes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens of every 'go' that is written."""
    written: list[str] = []
    write = orders.send_go

    def noted(folder: Path, token: str, until_boottime_s: float) -> None:
        written.append(token)
        write(folder, token, until_boottime_s)

    monkeypatch.setattr(orders, "send_go", noted)
    return written


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RegistryProcess]:
    """Another registry, read-write."""
    with RegistryProcess(tmp_path / "other") as process:
        yield process


def assert_no_go_was_given(house: House, gone: Built, row: Run, goes: list[str]) -> None:
    assert goes == []
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_registry_that_still_takes_writes_keeps_the_go_back(
    house: House, gone: Built, other: RegistryProcess, goes: list[str]
) -> None:
    house.client_url = other.url
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.PROVE_READ_ONLY)
    assert row.reason.startswith(f"{other.url} still takes writes")
    assert_no_go_was_given(house, gone, row, goes)


@pytest.mark.parametrize("is_running", [True, False], ids=["writable", "silent"])
def test_another_registry_on_the_store_that_does_not_refuse_writes_keeps_a_run_from_beginning(
    house: House, gone: Built, other: RegistryProcess, goes: list[str], is_running: bool
) -> None:
    house.other_urls = (other.url,)
    if not is_running:
        other.stop()
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.SKIPPED, StepName.PREFLIGHT)
    assert other.url in row.reason
    assert house.keeper.started("dry-run") == 0
    assert_no_go_was_given(house, gone, row, goes)


@pytest.mark.parametrize("is_running", [True, False], ids=["writable", "silent"])
def test_another_registry_that_does_not_refuse_writes_any_more_keeps_the_go_back(
    house: House, gone: Built, other: RegistryProcess, goes: list[str], is_running: bool
) -> None:
    other.restart(read_only=True)
    house.other_urls = (other.url,)
    house.at[StepName.PROVE_READ_ONLY] = lambda: other.restart(read_only=False) if is_running else other.stop()
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.PROVE_READ_ONLY)
    assert other.url in row.reason
    assert_no_go_was_given(house, gone, row, goes)


def test_every_registry_on_the_store_is_asked(
    house: House, gone: Built, other: RegistryProcess, goes: list[str]
) -> None:
    other.restart(read_only=True)
    house.other_urls = (other.url,)
    row = house.run()
    assert (row.outcome, goes) == (RunOutcome.SUCCEEDED, [row.token])
    assert proof_of(row, StepName.PROVE_READ_ONLY).startswith("7 write methods were refused at 2 addresses.")


def test_a_run_does_not_begin_where_the_registry_refuses_writes_already(
    house: House, gone: Built, other: RegistryProcess
) -> None:
    other.restart(read_only=True)
    house.client_url = other.url
    row = house.run()
    assert (row.outcome, [step.name for step in row.steps]) == (RunOutcome.SKIPPED, [StepName.PREFLIGHT])
    assert "read-only" in row.reason


def test_a_read_only_registry_refuses_writes_also_with_deletes_disabled(other: RegistryProcess) -> None:
    other.restart(read_only=True, deletes=False)
    prove_writes_refused([a_client(other.url)])
    with pytest.raises(ProofFailed, match="read-only"):
        prove_writes_accepted(a_client(other.url))


def test_deletes_disabled_are_no_proof_that_writes_are_refused(other: RegistryProcess) -> None:
    other.restart(deletes=False)
    with pytest.raises(ProofFailed):
        prove_writes_refused([a_client(other.url)])
    prove_writes_accepted(a_client(other.url))


def test_a_proof_changes_nothing(other: RegistryProcess) -> None:
    with pytest.raises(ProofFailed):
        prove_writes_refused([a_client(other.url)])
    prove_writes_accepted(a_client(other.url))
    assert list(other.store.rglob("*")) == []


def test_a_registry_that_is_gone_is_no_writable_one(other: RegistryProcess) -> None:
    client = a_client(other.url)
    other.stop()
    with pytest.raises(ProofFailed) as failed:
        prove_writes_accepted(client)
    assert failed.value.is_unreachable
    with pytest.raises(ProofFailed):
        wait_until_accepted(client, iter(range(1000)).__next__, 2)


PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
READ_ONLY = Reply(405, b"Method not allowed\n", PLAIN)
NO_MANIFEST = Reply(400, b'{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}')
UNKNOWN_MANIFEST = Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
NO_ANSWERS = {
    "nothing": Reply(0),
    "unauthorised": Reply(401, b"{}"),
    "denied": Reply(403, b'{"errors":[{"code":"DENIED","message":"You may not push here."}]}'),
    "too many": Reply(429, b"{}"),
    "failed": Reply(500, b"{}"),
    "away": Reply(503, b"<html>"),
    "carried out": Reply(202),
}


@contextmanager
def swallowing_options(put: Reply, delete: Reply) -> Iterator[RegistryClient]:
    """A registry behind a proxy that answers OPTIONS itself."""
    answers = {"OPTIONS": READ_ONLY, "PUT": put, "DELETE": delete}
    with odd_registry(lambda asked: answers[asked.method]) as odd:
        yield a_client(odd.url)


def test_where_a_proxy_swallows_options_the_refusal_of_a_write_is_the_proof() -> None:
    with swallowing_options(READ_ONLY, READ_ONLY) as client:
        prove_writes_refused([client])
        with pytest.raises(ProofFailed):
            prove_writes_accepted(client)
    with swallowing_options(NO_MANIFEST, UNKNOWN_MANIFEST) as client:
        prove_writes_accepted(client)
        with pytest.raises(ProofFailed):
            prove_writes_refused([client])


@pytest.mark.parametrize("reply", list(NO_ANSWERS.values()), ids=list(NO_ANSWERS))
def test_an_answer_of_another_meaning_proves_nothing(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.registry.transport._retry_after_s", lambda _answer: 0.0)  # a 429 is asked again
    for put, delete in ((reply, READ_ONLY), (READ_ONLY, reply)):
        with swallowing_options(put, delete) as client, pytest.raises(ProofFailed):
            prove_writes_refused([client])
    with swallowing_options(reply, reply) as client, pytest.raises(ProofFailed):
        prove_writes_accepted(client)


ELSEWHERE = "http://registry.test"


@contextmanager
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch, reply: Callable[[Asked], Reply]) -> Iterator[RegistryClient]:
    """A registry that HTTP_PROXY is the way to."""
    with odd_registry(reply) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        yield a_client(ELSEWHERE)


@pytest.mark.parametrize("status", [503, 403, 405])
def test_a_proxy_on_the_way_that_refuses_is_no_proof_that_the_registry_does_or_is_away(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with behind_a_proxy(monkeypatch, lambda _asked: Reply(status, b"<html>", PLAIN)) as client:
        for asked, may_be_away in (([], [client]), ([client], [])):
            with pytest.raises(ProofFailed, match="NO_PROXY"):
                prove_writes_refused(asked, may_be_away)


def test_nor_is_that_nobody_listens_where_the_way_leads_past_the_proxy(
    monkeypatch: pytest.MonkeyPatch, other: RegistryProcess
) -> None:
    monkeypatch.setattr("webapp.maintenance.proofs.refuses_connections", lambda _url: True)
    with (
        behind_a_proxy(monkeypatch, passing_on(other)) as client,
        pytest.raises(ProofFailed, match="still takes writes"),
    ):
        prove_writes_refused([], [client])


def test_what_the_registry_itself_says_through_a_proxy_is_proof(
    monkeypatch: pytest.MonkeyPatch, other: RegistryProcess
) -> None:
    other.restart(read_only=True)
    with behind_a_proxy(monkeypatch, passing_on(other)) as client:
        assert prove_writes_refused([client]) == "7 write methods were refused."


def passing_on(registry: RegistryProcess) -> Callable[[Asked], Reply]:
    """What a proxy answers that passes everything on."""

    session = requests.Session()
    session.trust_env = False  # or it would ask itself

    def reply(asked: Asked) -> Reply:
        url = registry.url + asked.path.removeprefix(ELSEWHERE)
        answer = session.request(asked.method, url, data=asked.body, headers=dict(asked.headers), timeout=5)
        headers = {name: answer.headers[name] for name in ("Allow", "Content-Type") if name in answer.headers}
        return Reply(answer.status_code, answer.content, headers)

    return reply
