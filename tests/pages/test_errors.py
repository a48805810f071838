"""What went wrong, as a page and as a fragment."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from pytest import LogCaptureFixture

from tests.pages.conftest import MakeApp, Visitor, text_of
from webapp.pages.permits import WHO_MAY, Who


@pytest.fixture
def app(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """No registry is needed; one view fails."""
    app = make_app()

    def broken() -> str:
        raise RuntimeError("a secret detail")

    monkeypatch.setitem(WHO_MAY, "broken", Who.VIEWERS)
    app.add_url_rule("/broken", "broken", broken, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("htmx", [True, False])
def test_a_failure_has_an_id_that_the_log_has_too(app: Flask, caplog: LogCaptureFixture, htmx: bool) -> None:
    answer = Visitor(app).sign_in("alice").get("/broken", htmx)
    assert answer.status_code == 500
    text = text_of(answer)
    assert "Holystone failed; the registry was not touched." in text
    assert "a secret detail" not in text
    [record] = [each for each in caplog.records if "failed" in each.message]
    request_id = record.message.split()[1]
    assert request_id in text
    assert "a secret detail" in caplog.text
    assert (answer.headers.get("X-Holystone") == "fragment") is htmx


def test_a_failed_change_does_not_claim_that_nothing_happened(app: Flask) -> None:
    text = text_of(Visitor(app).sign_in("alice").post("/broken"))
    assert "It is not known whether what you asked for has happened." in text


@pytest.mark.parametrize("htmx", [True, False])
def test_an_address_that_does_not_exist_says_so(app: Flask, htmx: bool) -> None:
    answer = Visitor(app).sign_in("bob").get("/no-such-page", htmx)
    assert answer.status_code == 404
    assert "There is no such page, or you may not see it." in text_of(answer)
    assert ("<html" in answer.get_data(as_text=True)) is not htmx


def test_a_wrong_method_names_the_right_ones(app: Flask) -> None:
    answer = Visitor(app).sign_in("alice").get("/sign-out")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_too_large_a_form_is_refused(app: Flask) -> None:
    visitor = Visitor(app)
    answer = visitor.post("/sign-in", name="x" * 2_000_000)
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("address", ["/maintenance", "/status"])
def test_without_records_every_page_prints_the_command_that_makes_the_registry_read_write(
    app: Flask, tmp_path: Path, address: str
) -> None:
    alice = Visitor(app).sign_in("alice")
    for file in tmp_path.rglob("holystone.db*"):
        file.write_bytes(b"no database" * 1000)
    answer = alice.get(address)
    assert answer.status_code == 500
    assert "flask --app wsgi maintenance read-write" in answer.get_data(as_text=True)


def test_without_records_a_page_says_that_nothing_was_touched(app: Flask, tmp_path: Path) -> None:
    alice = Visitor(app).sign_in("alice")
    for file in (tmp_path / "data").glob("holystone.db*"):
        file.unlink()
    app.extensions["holystone"].reading().__enter__().get_bind().dispose()
    page = alice.get("/repositories")
    assert page.status_code == 500
    assert "Holystone failed; the registry was not touched." in text_of(page)
