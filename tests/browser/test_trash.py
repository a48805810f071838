"""The trash with JavaScript and without: a deletion is undone from its toast, ticked items are restored, or go for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from demo.fleet import API
from tests.browser.conftest import new_context, sign_in
from tests.browser.test_dialog import open_dialog
from tests.pages.conftest import MakeApp, parts_of
from tests.registry_process import RegistryProcess
from tests.served_app import served
from webapp.catalogue.sync import sync


@pytest.fixture
def app(make_app: MakeApp, synced_template: Path, fleet_registry: RegistryProcess) -> Flask:
    """With a trash."""
    app = make_app(fleet_registry.url, synced_template, REGISTRY_STORE=str(fleet_registry.store), TRASH_RETENTION="14")
    sync(parts_of(app).catalogue)
    return app


def delete(page: Page, tag: str) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, tag)
    page.get_by_role("button", name="Delete tag").click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted {API}:{tag}. It can be restored until")


def test_the_toast_undoes_a_deletion_by_keyboard(page: Page) -> None:
    delete(page, "1.4.1")
    expect(page.locator('[aria-label="Delete 1.4.1…"]')).to_have_count(0)
    page.locator(".toast").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text(f"Restored {API}:1.4.1.")
    expect(page.locator('[aria-label="Delete 1.4.1…"]')).to_have_count(1)


def test_delete_for_good_is_a_choice_of_the_dialog(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "1.4.1")
    expect(page.locator("#figures")).to_contain_text("Can be restored until")
    page.get_by_label("Delete for good, without the trash").check()
    expect(page.locator("#figures")).not_to_contain_text("Can be restored until")
    expect(page.get_by_label("Delete for good, without the trash")).to_be_focused()


def test_ticked_items_are_restored_and_the_others_go_for_good(page: Page) -> None:
    for tag in ("1.4.1", "1.3.0", "1.4.0"):
        delete(page, tag)
    page.goto("/trash")
    for number in (0, 1):
        page.locator("[data-tick]").nth(number).check()
    bar = page.locator("#ticks")
    expect(bar).to_contain_text("2 selected")
    expect(bar.get_by_role("button", name="Delete 2 items for good…")).to_be_visible()
    bar.get_by_role("button", name="Restore 2 items…").click()
    expect(page.locator("#dialog")).to_contain_text("Restore 2 items?")
    page.get_by_role("button", name="Restore 2 items", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Restored 2 items.")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("[data-tick]").first.check()
    bar.get_by_role("button", name="Delete 1 item for good…").click()
    expect(page.locator("#dialog")).to_contain_text("for good?")
    page.get_by_role("button", name="Delete for good", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Deleted 1 item for good.")
    expect(page.locator("#listing")).to_contain_text("The trash is empty.")


def test_without_javascript_all_of_it_works(browser: Browser, app: Flask) -> None:
    with served(app) as url, new_context(browser, url, javascript=False) as context:
        page = context.new_page()
        sign_in(page)
        page.goto(f"/repositories/{API}/-/tags/1.4.1/delete")
        page.get_by_role("button", name="Delete tag").click()
        page.goto("/trash")
        page.locator("[data-tick]").first.check()
        page.get_by_role("button", name="Restore ticked items…").click()
        page.get_by_role("button", name="Restore", exact=True).click()
        expect(page.locator(".toast")).to_contain_text(f"Restored {API}:1.4.1.")
        page.goto(f"/repositories/{API}/-/tags/1.4.1/delete")
        page.get_by_role("button", name="Delete tag").click()
        page.goto("/trash")
        page.get_by_role("link", name="for good…").first.click()
        page.get_by_role("button", name="Delete for good", exact=True).click()
        expect(page.locator(".toast")).to_contain_text("Deleted 1 item for good.")
