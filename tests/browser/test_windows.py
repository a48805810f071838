"""Windows by keyboard alone, and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import errors_of, new_context, sign_in
from tests.pages.conftest import parts_of
from tests.served_app import served
from tests.windows.plans import a_window, window_of
from webapp.windows.calendar import machine_zone


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """Windows need no registry."""
    return shown_app


def press_until(page: Page, key: str, target: Locator) -> None:
    """Go on by keyboard until it has the focus."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    pytest.fail(f"{target} cannot be reached by {key}")


def test_a_window_is_made_paused_and_deleted_by_keyboard(browser: Browser, app: Flask) -> None:
    with served(app) as url, new_context(browser, url) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        page.goto("/maintenance")
        press_until(page, "Tab", page.get_by_role("link", name="New window"))
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_label("Name"))
        page.keyboard.press("Control+a")
        page.keyboard.type("Weekend")
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
            press_until(page, "Tab", page.get_by_label(day))
            page.keyboard.press("Space")
        press_until(page, "Tab", page.get_by_label("Least to be worth it, in GB"))
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Weekend")).to_be_visible()
        expect(page.get_by_text("Saturday and Sunday at 03:00")).to_be_visible()

        press_until(page, "Tab", page.locator(".window-acts summary"))
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_role("button", name="Pause the window"))
        page.keyboard.press("Enter")
        expect(page.get_by_text("Write a date such as")).to_be_visible()
        expect(page.get_by_label("Until")).to_have_attribute("aria-invalid", "true")

        press_until(page, "Tab", page.get_by_role("link", name="Delete…"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Delete…")).to_be_focused()
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_role("button", name="Delete window"))
        page.keyboard.press("Enter")
        expect(page.get_by_text("No window yet.")).to_be_visible()
    window = window_of(parts_of(app).reading, 1)
    assert (window.weekdays, window.least_bytes, window.zone) == ("5,6", 10**9, machine_zone())
    assert window.ended_at is not None
    assert errors == []


def test_everything_works_without_javascript(browser: Browser, app: Flask) -> None:
    a_window(parts_of(app).writing, parts_of(app).now())
    with served(app) as url, new_context(browser, url, javascript=False) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/maintenance/windows/1")
        page.get_by_role("button", name="Skip the next one").click()
        expect(page.get_by_text("skipped", exact=True)).to_be_visible()
        page.get_by_role("button", name="Take it back").click()
        expect(page.get_by_text("skipped", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Run it now…").click()
        expect(page.get_by_role("heading", name="Run Nightly now?")).to_be_visible()
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("link", name="Change").click()
        page.get_by_label("Time zone").fill("Nowhere")
        page.get_by_role("button", name="Change the window").click()
        expect(page.get_by_text("There is no time zone “Nowhere”.")).to_be_visible()
        expect(page.get_by_label("Time zone")).to_have_value("Nowhere")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("link", name="Delete…").click()
        page.get_by_role("button", name="Delete window").click()
        expect(page.get_by_text("No window yet.")).to_be_visible()
