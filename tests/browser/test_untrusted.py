"""Labels and tags that try to be markup are text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from demo.fleet import MARKUP_LABELS, SHOP


def test_labels_that_try_to_be_markup_are_shown_as_they_are(page: Page) -> None:
    page.goto(f"/repositories/{SHOP}/-/tags/8.0.0-rc.1")
    for value in list(MARKUP_LABELS.values())[:4]:
        expect(page.locator("dl.labels")).to_contain_text(value)
    expect(page).to_have_title(f"{SHOP}:8.0.0-rc.1 · Holystone")
    assert page.locator("dl.labels :is(script, img, b, a)").count() == 0


@pytest.mark.parametrize("path", [f"/repositories/{SHOP}", f"/repositories/{SHOP}/-/tags/__proto__"])
def test_a_tag_with_a_name_of_the_language_is_a_tag(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_text("__proto__").first).to_be_visible()
    page.locator("[aria-label='Delete __proto__…'], a:has-text('Delete tag…')").first.click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Delete {SHOP}:__proto__?")


def test_a_search_for_markup_is_text(page: Page) -> None:
    page.goto(f"/repositories/{SHOP}")
    page.get_by_label("Search tags and digests").fill("<img src=x onerror=\"document.title='taken over'\">")
    expect(page.locator("#listing")).to_contain_text("No tag matches <img src=x")
    assert page.locator("#listing img").count() == 0
    expect(page).to_have_title(f"{SHOP} · Holystone")
