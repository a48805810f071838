"""The application on records of its own, with the fixed cast, in front of a real registry that holds the demo fleet."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import read_settings
from demo.push import Pusher
from tests.records import Clock, cheap_passwords, open_records, records_template  # noqa: F401
from tests.registry_process import RegistryProcess
from webapp import create_app
from webapp.accounts import passwords
from webapp.accounts.models import Role
from webapp.accounts.users import create_user
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.sync import sync
from webapp.parts import Parts
from webapp.registry.client import open_registry

PASSWORD = "soft stone on deck"
CAST = {"alice": Role.ADMIN, "bob": Role.USER, "carol": Role.USER, "dave": Role.USER}
HTMX = {"HX-Request": "true"}
NOWHERE = "http://127.0.0.1:9"
"""An address where nobody answers."""

MakeApp = Callable[..., Flask]
Fields = dict[str, list[str]]


@pytest.fixture(scope="session")
def cast_template(records_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """Records with the cast in them; copy them, never change them."""
    hasher, passwords.hasher = passwords.hasher, passwords.make_hasher(memory_kib=8, rounds=1)
    records = open_records(Path(shutil.copy(records_template, tmp_path_factory.mktemp("cast") / "cast.db")))
    with records.writing() as session:
        for name, role in CAST.items():
            create_user(session, name, PASSWORD, role, Clock(), actor="test", place="test")
    records.engine.dispose()
    passwords.hasher = hasher
    return records.path


@pytest.fixture(scope="session")
def synced_template(cast_template: Path, fleet_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with the cast and with the demo fleet; copy them, never change them."""
    folder = tmp_path_factory.mktemp("synced")
    records = open_records(Path(shutil.copy(cast_template, folder / "synced.db")))
    shutil.copytree(fleet_store, folder / "registry" / "store")
    with RegistryProcess(folder / "registry") as process:
        sync(Catalogue(open_registry(process.url), records.reading, records.writing, lambda: datetime.now(UTC), None))
    records.engine.dispose()
    return records.path


@pytest.fixture
def make_app(tmp_path: Path, cast_template: Path, cheap_passwords: None) -> MakeApp:  # noqa: F811
    """Make an application with the cast, for a registry's address and some settings."""

    def make(registry_url: str = NOWHERE, template: Path = cast_template, **settings: str) -> Flask:
        folder = tmp_path / "data"
        if not folder.exists():
            folder.mkdir()
            shutil.copy(template, folder / "holystone.db")
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": str(folder),
            "REGISTRY_URL": registry_url,
            "REGISTRY_PUBLIC_NAME": "registry.example",
            "TRASH_RETENTION": "0",
            "REGISTRY_READ_TIMEOUT": "10s",
            "SYNC_REQUESTS_PER_SECOND": "10000",
            **settings,
        }
        return create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))

    return make


@pytest.fixture
def app(make_app: MakeApp, synced_template: Path, fleet_registry: RegistryProcess) -> Flask:
    """The application in front of the demo fleet, synced."""
    return make_app(fleet_registry.url, synced_template)


@pytest.fixture
def shown_app(make_app: MakeApp, synced_template: Path) -> Flask:
    """The application with the records of the demo fleet, and no registry: for what is only shown."""
    return make_app(template=synced_template)


@pytest.fixture
def fleet_pusher(fleet_registry: RegistryProcess) -> Pusher:
    """Pushes to the registry of `app`."""
    return Pusher(fleet_registry.url)


def parts_of(app: Flask) -> Parts:
    """The parts of an application."""
    parts: Parts = app.extensions["holystone"]
    return parts


class Visitor:
    """A browser without JavaScript, or with htmx where a call says so."""

    def __init__(self, app: Flask, secure: bool = False) -> None:
        self.client: FlaskClient = app.test_client()
        self.base_url = "https://localhost" if secure else "http://localhost"

    def get(self, path: str, htmx: bool = False, follow: bool = False, **headers: str) -> TestResponse:
        sent = {**(HTMX if htmx else {}), **_names(headers)}
        return self.client.get(path, headers=sent, follow_redirects=follow, base_url=self.base_url)

    def post(self, path: str, htmx: bool = False, token: str | None = None, **form: str | list[str]) -> TestResponse:
        """Post a form, with the token of the sign-in page where none is given."""
        given = self.token() if token is None else token
        headers = {"HX-Request": "true", "X-CSRFToken": given} if htmx else {}
        data = form if htmx else {"csrf_token": given, **form}
        return self.client.post(path, data=data, headers=headers, base_url=self.base_url)

    def token(self) -> str:
        """The token against forged forms, from a page that everybody may open."""
        page = self.client.get("/no-such-page", base_url=self.base_url).get_data(as_text=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found
        return found[1]

    def sign_in(self, name: str) -> Visitor:
        answer = self.post("/sign-in", name=name, password=PASSWORD)
        assert answer.status_code == 303, text_of(answer)
        return self

    def delete(self, path: str, htmx: bool = False, **changed: str | list[str]) -> TestResponse:
        """Open the dialog at `path` and press its button."""
        return self.press(path, fields_of(self.get(path, htmx)), htmx, **changed)

    def press(self, path: str, fields: Fields, htmx: bool = False, **changed: str | list[str]) -> TestResponse:
        """Press the button of a dialog that was opened before."""
        given: dict[str, Any] = {k: v for k, v in fields.items() if k != "csrf_token"}
        return self.post(path, htmx, **{**given, **changed})


def wait_for(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "it did not become so in time"
        time.sleep(0.02)


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def text_of(answer: TestResponse) -> str:
    """An answer's text, as a person reads it: without tags, with one space between words."""
    plain = re.sub(r"<wbr>", "", answer.get_data(as_text=True))
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", plain)).split())


def fields_of(answer: TestResponse, of: str = 'class="dialog-body"') -> Fields:
    """What a dialog's form, or another one, sends: its hidden fields, and the choices that are made."""
    page = answer.get_data(as_text=True)
    start = page.index(of)
    form = page[start : page.index("</form>", start)]
    fields: Fields = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        fields.setdefault(unescape(name), []).append(unescape(value))
    for name, value in re.findall(
        r'<input type="(?:radio|checkbox)"[^>]* name="([^"]+)" value="([^"]*)" checked', form
    ):
        fields.setdefault(unescape(name), []).append(unescape(value))
    return fields


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody who has not signed in."""
    return Visitor(app)


@pytest.fixture
def alice(app: Flask) -> Visitor:
    """The administrator, signed in."""
    return Visitor(app).sign_in("alice")


@pytest.fixture
def bob(app: Flask) -> Visitor:
    """A user, signed in."""
    return Visitor(app).sign_in("bob")


@pytest.fixture
def without_registry(app: Flask, fleet_registry: RegistryProcess) -> RegistryProcess:
    """The registry of `app`, stopped, which the application has noticed."""
    fleet_registry.stop()
    sync(parts_of(app).catalogue)
    return fleet_registry
