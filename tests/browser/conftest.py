"""A real Chromium, once per worker, and the whole product behind it: keeper, registry, dashboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.dashboard_process import PASSWORD, DashboardProcess
from tests.pages.conftest import app, cast_template, fleet_pusher, make_app, shown_app, synced_template  # noqa: F401
from tests.records import cheap_passwords, records_template  # noqa: F401
from tests.runtime.keeper_process import KeeperProcess, wait_for
from tests.served_app import served

WAIT_MS = 20_000
SAID_OF_EVERY_REFUSAL = ("Failed to load resource", "Response Status Error Code")
SAID_OF_WHAT_WAS_GIVEN_UP = ("htmx:afterRequest", "htmx:sendAbort")  # a failure has a line of its own besides
EXPECTED = (*SAID_OF_EVERY_REFUSAL, *SAID_OF_WHAT_WAS_GIVEN_UP)
expect.set_options(timeout=WAIT_MS)


@dataclass(frozen=True)
class Product:
    """Everything that `make run` starts, without supervisord."""

    keeper: KeeperProcess
    dashboard: DashboardProcess


@pytest.fixture
def product(tmp_path: Path, fleet_store: Path) -> Iterator[Product]:
    """The demo fleet behind the keeper, and the dashboard with the administrator alice."""
    home = tmp_path / "keeper"
    shutil.copytree(fleet_store, home / "store")
    with KeeperProcess(home) as keeper:
        dashboard = DashboardProcess(
            tmp_path / "dashboard",
            keeper.url,
            REGISTRY_STORE=keeper.store,
            REGISTRY_CONFIG=keeper.config,
            KEEPER_FOLDER=keeper.folder,
        )
        dashboard.prepare("alice")
        with dashboard:
            yield Product(keeper, dashboard)


def new_context(browser: Browser, url: str, javascript: bool = True, width: int = 1280, **more: Any) -> BrowserContext:
    """A fresh visitor of the dashboard at `url`; ends with its `with`."""
    context = browser.new_context(
        base_url=url, java_script_enabled=javascript, viewport={"width": width, "height": 800}, **more
    )
    context.set_default_timeout(WAIT_MS)
    return context


def errors_of(page: Page) -> list[str]:
    """What goes wrong from now on: answers of 500 and more, scripts that fail, what the policy of the page forbids."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: errors.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)
    return errors


def sign_in(page: Page, name: str = "alice") -> None:
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/repositories")


def open_repository(page: Page, name: str) -> None:
    link = page.get_by_role("link", name=name, exact=True)
    until_shown(page, link)  # the first sync may still be under way
    link.click()
    page.wait_for_url(f"**/repositories/{name}")


def until_shown(page: Page, locator: Locator) -> None:
    """Load the page anew until it has what is looked for."""

    def is_there() -> bool:
        if locator.count():
            return True
        page.reload()
        return bool(locator.count())

    wait_for(is_there, f"there is {locator}")


@pytest.fixture
def address(app: Flask) -> Iterator[str]:  # noqa: F811
    """The address of `app`: the demo fleet, synced, in front of a real registry."""
    with served(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page on which alice, who administers, has signed in; it fails the test for what the browser complains of."""
    with new_context(browser, address) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        yield page
        assert errors == []
