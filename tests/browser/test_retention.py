"""Retention by keyboard alone, in front of a real registry: a rule is made, looked at, switched on and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.browser.conftest import errors_of, new_context, sign_in
from tests.browser.test_windows import press_until
from tests.pages.conftest import MakeApp
from tests.registry_process import RegistryProcess
from tests.served_app import served


@pytest.fixture
def app(make_app: MakeApp, synced_template: Path, fleet_registry: RegistryProcess) -> Flask:
    return make_app(fleet_registry.url, synced_template, RETENTION_MAX_SHARE="100")


def test_a_rule_is_made_looked_at_switched_on_and_run_by_keyboard(browser: Browser, app: Flask) -> None:
    with served(app) as url, new_context(browser, url) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        press_until(page, "Tab", page.get_by_role("link", name="Retention"))
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_role("link", name="New rule"))
        page.keyboard.press("Enter")
        for label, text in (("Name", "CI"), ("Repositories", "team/api"), ("Keep tags like", "1.4*,latest")):
            press_until(page, "Tab", page.get_by_label(label, exact=True))
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="CI")).to_be_visible()
        expect(page.get_by_text("It is switched off: this is what it would delete")).to_be_visible()
        goes = page.locator(".foreseen [data-row]")
        expect(goes.first).to_contain_text("no line of the rule keeps it")
        number = goes.count()

        press_until(page, "Tab", page.get_by_role("button", name="Switch on"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Switch off")).to_be_visible()
        press_until(page, "Tab", page.locator(".breadcrumb").get_by_role("link", name="Retention"))
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_role("link", name="Run now…"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Run now…")).to_be_focused()
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_role("button", name=f"Delete {number} tags"))
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="Run of the rules")).to_be_visible()
        expect(page.locator(".lead")).to_contain_text(f"Deleted {number} tags of 1 repository.", timeout=60_000)
        assert errors == []
