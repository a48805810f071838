"""Without JavaScript everything works that is more than comfort, and nothing stands there that does nothing."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from demo.fleet import API, BUILDER
from tests.browser.test_select import plain

__all__ = ["plain"]


def test_the_journey_without_javascript(plain: Page) -> None:
    plain.goto("/repositories")
    plain.get_by_label("Sort").select_option(label="Tags")
    plain.get_by_role("button", name="Sort").click()
    expect(plain.locator("[data-row] [data-open]").first).to_have_text(BUILDER)
    plain.get_by_label("Search repositories, tags and digests").fill(API)
    plain.get_by_role("button", name="Search").click()
    expect(plain).to_have_title(f"{API} · Search · Holystone")
    plain.locator("#listing").get_by_role("link", name=API, exact=True).first.click()

    plain.get_by_label("Search tags and digests").fill("1.3")
    plain.get_by_label("Sort").select_option(label="Name")
    plain.locator(".filter-row > noscript button").click()
    expect(plain.locator("#count")).to_contain_text("3 of")
    expect(plain.locator("[data-row] [data-open]")).to_have_text(["1.3", "1.3.0", "1.3.1"])
    plain.locator(".filters summary").click()
    plain.get_by_label("Older than").fill("1")
    plain.locator(".filters-panel button").click()
    plain.get_by_role("link", name="Without older than 1 day").click()
    plain.get_by_role("link", name="Delete 1.3.0…").click()
    plain.get_by_role("button", name="Delete tag").click()
    expect(plain.locator(".toast")).to_contain_text(f"Deleted {API}:1.3.0.")

    plain.get_by_role("link", name="Activities", exact=True).click()
    plain.get_by_label("Person").fill("alice")
    plain.get_by_label("Kind").select_option(label="Deleted tags")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator(".activity").first).to_contain_text(f"{API}:1.3.0")
    plain.locator(".menu summary").click()
    plain.get_by_role("button", name="Dark").click()
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    plain.locator(".menu summary").click()
    plain.get_by_role("button", name="Sign out").click()
    plain.wait_for_url("**/sign-in")


def test_nothing_stands_there_that_does_nothing(plain: Page) -> None:
    for path in (f"/repositories/{API}", f"/repositories/{API}/-/tags/1.4.2", "/maintenance", "/status"):
        plain.goto(path)
        plain.locator(".menu summary").click()
        expect(plain.get_by_role("button", name="Sign out")).to_be_visible()
        expect(plain.get_by_role("button", name="Keys", exact=True)).to_be_hidden()
        for button in plain.locator("button[type=button]:visible").all():
            expect(button).not_to_have_accessible_name("Copy the command")
            expect(button).not_to_have_accessible_name("Copy these lines")
            expect(button).to_have_class("copy digest")
