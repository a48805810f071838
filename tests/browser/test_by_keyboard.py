"""The whole way without a mouse: sign in, find, tick, delete, read what was done, sign out; the focus is where one expects it."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from demo.fleet import API
from tests.browser.conftest import errors_of, new_context
from tests.browser.test_windows import press_until
from tests.dashboard_process import PASSWORD


def test_the_journey_by_keyboard_alone(browser: Browser, address: str) -> None:
    with new_context(browser, address) as context:
        page = context.new_page()
        errors = errors_of(page)
        keys = page.keyboard

        page.goto(f"/repositories/{API}")
        expect(page.get_by_label("Name")).to_be_focused()
        keys.type("alice")
        keys.press("Tab")
        keys.type("not this one")
        keys.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Password")).to_be_focused()
        keys.type(PASSWORD)
        keys.press("Enter")
        page.wait_for_url(f"**/repositories/{API}")

        press_until(page, "Tab", page.get_by_role("link", name="Repositories", exact=True).first)
        keys.press("Enter")
        page.wait_for_url("**/repositories")
        keys.press("/")
        field = page.get_by_label("Search repositories, tags and digests")
        expect(field).to_be_focused()
        keys.type(API)
        found = page.locator("#listing").get_by_role("link", name=API, exact=True).first
        expect(page).to_have_title(f"{API} · Search · Holystone")
        press_until(page, "Tab", found)
        keys.press("Enter")
        page.wait_for_url(f"**/repositories/{API}")

        tick = page.get_by_label("Tick 1.4.0", exact=True)
        press_until(page, "Tab", tick)
        keys.press("Space")
        keys.press("j")
        keys.press("x")
        expect(page.locator("#ticks")).to_contain_text("2 selected")
        press_until(page, "Shift+Tab", page.get_by_role("button", name="Delete 2 tags…"))
        keys.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_have_text(f"Delete 2 tags of {API}?")
        expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
        keys.press("Escape")
        expect(page.get_by_role("button", name="Delete 2 tags…")).to_be_focused()
        keys.press("Enter")
        delete = dialog.get_by_role("button", name=re.compile(r"^Delete 2 tags$"))
        expect(delete).to_be_visible()
        press_until(page, "Tab", delete)
        keys.press("Enter")
        expect(page.locator(".toast")).to_contain_text(f"Deleted 2 tags of {API}")
        expect(page.locator(".trash:focus")).to_have_count(1)

        press_until(page, "Shift+Tab", page.get_by_role("link", name="Activities", exact=True))
        keys.press("Enter")
        page.wait_for_url("**/activities")
        summary = page.locator(".activity summary").first
        press_until(page, "Tab", summary)
        keys.press("Enter")
        expect(page.locator(".activity").first.get_by_text("1.4.0")).to_be_visible()

        menu = page.locator(".menu summary")
        press_until(page, "Shift+Tab", menu)
        keys.press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        keys.press("Escape")
        expect(menu).to_be_focused()
        keys.press("Enter")
        press_until(page, "Tab", page.get_by_role("button", name="Sign out"))
        keys.press("Enter")
        page.wait_for_url("**/sign-in")
        expect(page.get_by_label("Name")).to_be_focused()
        assert errors == []


def test_the_fields_of_the_filters_close_by_escape_and_give_the_focus_back(browser: Browser, address: str) -> None:
    with new_context(browser, address) as context:
        page = context.new_page()
        page.goto(f"/repositories/{API}")
        page.get_by_label("Name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/repositories/{API}")
        summary = page.locator(".filters summary")
        press_until(page, "Tab", summary)
        page.keyboard.press("Enter")
        press_until(page, "Tab", page.get_by_label("Older than"))
        page.keyboard.press("Escape")
        expect(page.get_by_label("Older than")).to_be_hidden()
        expect(summary).to_be_focused()
