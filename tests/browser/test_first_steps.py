"""The first steps: one line is looked at again in place, heard, and keeps the focus; without JavaScript on the page anew."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_select import plain
from tests.pages.conftest import parts_of
from webapp.catalogue.state import registry_state

__all__ = ["plain"]

SAID = "Holystone may delete: done."


def refuse_deletes(app: Flask) -> None:
    """The records say so; the registry allows them by now."""
    with parts_of(app).writing() as session:
        registry_state(session).may_delete = False


def test_one_line_is_looked_at_again_in_place_and_heard(page: Page, app: Flask) -> None:
    refuse_deletes(app)
    page.goto("/repositories")
    panel = page.locator("#first-steps")
    expect(panel).to_contain_text("The registry refuses deletes.")
    expect(page.locator("#banner")).to_contain_text("The registry refuses deletes")
    panel.get_by_role("button", name="Check again Holystone may delete").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#announcements")).to_contain_text(SAID)
    expect(panel).not_to_contain_text("The registry refuses deletes.")
    expect(panel).to_contain_text("Holystone may delete done · checked just now")
    expect(page.locator("#banner")).to_have_text("")
    expect(panel.get_by_role("button", name="Check again Holystone may delete")).to_be_focused()
    page.reload()
    expect(panel).to_have_count(0)


def test_without_javascript_the_page_comes_again_with_what_came_of_it(plain: Page, app: Flask) -> None:
    refuse_deletes(app)
    plain.goto("/repositories?sort=name")
    plain.get_by_role("button", name="Check again Holystone may delete").click()
    expect(plain.locator(".toast")).to_contain_text(SAID)
    expect(plain.locator("#first-steps")).to_have_count(0)
    assert "sort=name" in plain.url
