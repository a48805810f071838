"""The keys, and everything by keyboard."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from demo.fleet import API


def test_j_and_k_walk_the_rows_and_delete_asks_about_one(page: Page) -> None:
    page.goto(f"/repositories/{API}?sort=name")
    links = page.locator("[data-row] [data-open]")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Delete {API}:{links.nth(0).inner_text()}?")


def test_slash_searches_and_no_key_fires_in_a_field(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    page.keyboard.press("/")
    search = page.get_by_label("Search tags and digests")
    expect(search).to_be_focused()
    page.keyboard.type("j1.4?")
    expect(search).to_have_value("j1.4?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#listing")).to_contain_text("No tag matches j1.4?.")
    search.fill("1.4.1")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("#count")).to_contain_text("1 of ")


def test_slash_searches_the_whole_registry_where_there_is_no_list(page: Page) -> None:
    page.goto("/status")
    page.keyboard.press("/")
    page.wait_for_url("**/search")
    page.keyboard.press("/")
    field = page.get_by_label("Search repositories, tags and digests")
    expect(field).to_be_focused()
    page.keyboard.type("1.4.2")
    expect(page.locator("[data-row]").first).to_contain_text(API)
    page.wait_for_url("**/search?q=1.4.2")
    field.fill("")
    page.wait_for_url("**/repositories")
    expect(page.get_by_label("Sort")).to_be_visible()
    expect(field).to_be_focused()
    page.keyboard.type("build")
    expect(page.locator("#count")).to_contain_text("tags")
    expect(page.get_by_label("Sort")).to_have_count(0)
    page.go_back()
    page.wait_for_url("**/repositories")
    expect(page.locator("#count")).to_contain_text("repositories")


def test_a_question_mark_lists_the_keys(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Search")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/repositories")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_all_keys_are_switched_off_and_on_again_without_one(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    page.keyboard.press("?")
    dialog.get_by_role("button", name="Switch keys off").click()
    expect(page.locator("#announcements")).to_contain_text("Keys are off in this browser.")
    for key in ("j", "x", "?", "Delete", "/"):
        page.keyboard.press(key)
    expect(page.locator("[data-open]:focus")).to_have_count(0)
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    expect(dialog).to_have_count(0)

    page.locator(".menu summary").click()
    page.get_by_role("button", name="Keys", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.locator(".menu summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Keys", exact=True).press("Enter")
    dialog.get_by_role("button", name="Switch keys on").click()
    expect(page.locator("#announcements")).to_contain_text("Keys are on.")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
