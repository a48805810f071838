"""Somebody who has never heard of Holystone: see it, delete it, find it among the activities, free the space."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Product, errors_of, new_context, open_repository, sign_in, until_shown
from webapp.maintenance.store_files import blob_sizes

REPOSITORY = "team/web"
TAG = "2.0"  # alone on its digest


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_new_user_deletes_a_tag_and_gets_its_space_back(browser: Browser, product: Product, javascript: bool) -> None:
    with new_context(browser, product.dashboard.url, javascript) as context:
        page = context.new_page()
        errors = errors_of(page)
        before = bytes_in_store(product)

        sign_in(page)
        open_repository(page, REPOSITORY)
        delete_tag(page)
        page.get_by_role("link", name="Activities", exact=True).click()
        expect(page.get_by_text(f"alice deleted {REPOSITORY}:{TAG}")).to_be_visible()
        free_space(page)

        freed = before - bytes_in_store(product)
        assert freed > 0
        expect(page.locator(".figures data").first).to_have_attribute("value", str(freed))
        assert errors == []


def bytes_in_store(product: Product) -> int:
    return sum((blob_sizes(product.keeper.store) or {}).values())


def delete_tag(page: Page) -> None:
    trash_can = page.get_by_role("link", name=f"Delete {TAG}…", exact=True)
    trash_can.click()
    expect(page.get_by_role("heading", name=f"Delete {REPOSITORY}:{TAG}?")).to_be_visible()
    page.get_by_role("button", name="Delete tag", exact=True).click()
    told = page.locator("#toasts").get_by_text(
        f"Deleted {REPOSITORY}:{TAG}. The space comes back at the next collection."
    )
    expect(told).to_be_visible()
    expect(trash_can).to_have_count(0)


def free_space(page: Page) -> None:
    page.get_by_role("link", name="Maintenance", exact=True).click()
    button = page.get_by_role("link", name="Free space…")
    until_shown(page, button)  # the keeper is looked at every few seconds
    button.click()
    page.get_by_role("button", name="Free space", exact=True).click()
    page.wait_for_url("**/maintenance/runs/*")
    expect(page.locator("#run").get_by_text("The run succeeded.")).to_be_visible()
