"""Ticks in the list of tags: ranges, all on the page, all that match; by mouse, by keyboard, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from demo.fleet import API, BUILDER
from tests.browser.conftest import errors_of, new_context, sign_in
from tests.browser.test_dialog import sent_to, trash_can

BY_NAME = f"/repositories/{API}?sort=name"


def ticks(page: Page) -> Locator:
    return page.locator("[data-tick]")


def toolbar(page: Page) -> Locator:
    return page.locator("#ticks")


def names(page: Page) -> list[str]:
    found: list[str] = ticks(page).evaluate_all("boxes => boxes.map(box => box.value)")
    return found


def ticked(page: Page) -> list[str]:
    found: list[str] = page.locator("[data-tick]:checked").evaluate_all("boxes => boxes.map(box => box.value)")
    return found


def test_the_toolbar_takes_the_place_of_the_filter_row_and_moves_nothing(page: Page) -> None:
    page.goto(BY_NAME)
    table = page.locator("table.tags")
    before = table.bounding_box()
    expect(toolbar(page)).to_be_hidden()
    ticks(page).nth(1).check()
    expect(toolbar(page)).to_contain_text("1 selected")
    expect(toolbar(page).get_by_role("button", name="Delete 1 tag…")).to_be_visible()
    expect(page.get_by_label("Search tags and digests")).to_be_hidden()
    assert table.bounding_box() == before
    toolbar(page).get_by_role("button", name="Clear").click()
    expect(toolbar(page)).to_be_hidden()
    expect(page.get_by_label("Search tags and digests")).to_be_visible()
    assert table.bounding_box() == before
    assert ticked(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_table_stays_in_its_place_at_every_width(browser: Browser, address: str, width: int) -> None:
    with new_context(browser, address, width=width) as context:
        page = context.new_page()
        sign_in(page)
        page.goto(BY_NAME)
        before = page.locator("table.tags").bounding_box()
        ticks(page).first.check()
        expect(toolbar(page)).to_be_visible()
        assert page.locator("table.tags").bounding_box() == before


def test_a_range_is_ticked_with_shift(page: Page) -> None:
    page.goto(BY_NAME)
    all_names = names(page)
    ticks(page).nth(1).click()
    ticks(page).nth(4).click(modifiers=["Shift"])
    assert ticked(page) == all_names[1:5]
    ticks(page).nth(2).click(modifiers=["Shift"])
    assert ticked(page) == all_names[1:2]


def test_the_head_ticks_all_on_this_page(page: Page) -> None:
    page.goto(BY_NAME)
    head = page.get_by_label("Tick all on this page")
    head.check()
    assert ticked(page) == names(page)
    ticks(page).first.uncheck()
    assert head.evaluate("box => box.indeterminate") is True
    head.check()
    head.uncheck()
    assert ticked(page) == []


def test_keys_tick_rows_and_ranges_and_ask_about_them(page: Page) -> None:
    page.goto(BY_NAME)
    all_names = names(page)
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    assert ticked(page) == all_names[:3]
    page.keyboard.press("j")
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Delete 3 tags of {API}?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-row] [data-open]").nth(3)).to_be_focused()
    assert ticked(page) == all_names[:3]


def test_ticked_rows_leave_together_and_the_next_row_has_the_focus(page: Page) -> None:
    page.goto(BY_NAME)
    following = names(page)[names(page).index("1.4.1") + 1]
    for tag in ("1.3.0", "1.4.0", "1.4.1"):
        page.get_by_label(f"Tick {tag}", exact=True).check()
    posts = sent_to(page, "POST")
    toolbar(page).get_by_role("button", name="Delete 3 tags…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 3 tags").dblclick()
    expect(page.locator(".toast")).to_contain_text(
        f"Deleted 3 tags of {API}. The space comes back at the next collection."
    )
    for tag in ("1.3.0", "1.4.0", "1.4.1"):
        expect(page.locator(trash_can(page, tag))).to_have_count(0)
    expect(toolbar(page)).to_be_hidden()
    expect(page.locator(trash_can(page, following))).to_be_focused()
    expect(page.locator("#count")).to_have_text("6 of 6 tags")
    assert len(posts) == 2


def test_cancelling_keeps_the_ticks_and_gives_the_focus_back(page: Page) -> None:
    page.goto(BY_NAME)
    ticks(page).nth(0).check()
    ticks(page).nth(1).check()
    button = toolbar(page).get_by_role("button", name="Delete 2 tags…")
    button.click()
    page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    expect(button).to_be_focused()
    assert len(ticked(page)) == 2


def test_all_that_match_are_selected_by_the_filter_across_pages(page: Page) -> None:
    page.goto(f"/repositories/{BUILDER}")
    page.get_by_label("Search tags and digests").fill("build-")
    expect(page.locator("#count")).to_contain_text("120 of")
    ticks(page).first.check()
    toolbar(page).get_by_role("button", name="Select all 120 that match").click()
    expect(toolbar(page)).to_contain_text("120 selected")
    expect(toolbar(page).get_by_role("button", name="Select all")).to_be_hidden()
    toolbar(page).get_by_role("button", name="Delete 120 tags…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Delete 120 tags of {BUILDER} that match build-?")
    dialog.get_by_label(f"Type {BUILDER} to delete them").fill(BUILDER)
    dialog.get_by_role("button", name="Delete 120 tags").click()
    page.wait_for_url("**/removals/*")
    expect(page.locator("#removal").get_by_text("Deleted 120 tags.")).to_be_visible()
    page.goto(f"/repositories/{BUILDER}")
    expect(page.locator("#count")).to_have_text("121 of 121 tags")


def test_one_tick_less_is_not_all_that_match(page: Page) -> None:
    page.goto(f"/repositories/{BUILDER}")
    on_page = ticks(page).count()
    ticks(page).first.check()
    toolbar(page).get_by_role("button", name="Select all 241 tags").click()
    expect(toolbar(page)).to_contain_text("241 selected")
    ticks(page).first.uncheck()
    expect(toolbar(page)).to_contain_text(f"{on_page - 1} selected")
    toolbar(page).locator("[type=submit]").click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Delete {on_page - 1} tags of {BUILDER}?")


def test_another_filter_begins_without_ticks(page: Page) -> None:
    page.goto(f"/repositories/{BUILDER}")
    ticks(page).first.check()
    page.get_by_label("Search tags and digests").evaluate(
        "field => { field.value = 'git-'; field.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(page.locator("#count")).to_contain_text("120 of")
    expect(toolbar(page)).to_be_hidden()


def test_the_list_of_keys_names_the_ticks(page: Page) -> None:
    page.goto(BY_NAME)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Tick the row")


@pytest.fixture
def plain(browser: Browser, address: str) -> Iterator[Page]:
    """A page without JavaScript, with alice signed in."""
    with new_context(browser, address, javascript=False) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        yield page
        assert errors == []


def test_ticks_work_without_javascript(plain: Page) -> None:
    plain.goto(BY_NAME)
    expect(plain.get_by_label("Tick all on this page")).to_be_hidden()
    plain.get_by_label("Tick 1.3.0", exact=True).check()
    plain.get_by_label("Tick 1.4.2", exact=True).check()
    plain.get_by_role("button", name="Delete ticked tags…").click()
    expect(plain.get_by_role("heading", name=f"Delete 2 tags of {API}?")).to_be_visible()
    plain.get_by_label("All 4 tags of these images.").check()
    plain.get_by_role("button", name="Show what goes").click()
    expect(plain.get_by_label("All 4 tags of these images.")).to_be_checked()
    plain.get_by_role("button", name="Delete 4 tags").click()
    plain.wait_for_url(f"**/repositories/{API}")
    expect(plain.locator(".toast")).to_contain_text(f"Deleted 4 tags of {API} and 1 signature.")
    expect(plain.locator("[data-tick]")).to_have_count(4)


def test_nothing_ticked_is_nothing_deleted_without_javascript(plain: Page) -> None:
    plain.goto(BY_NAME)
    plain.get_by_role("button", name="Delete ticked tags…").click()
    expect(plain.get_by_text("No tag is ticked.")).to_be_visible()


def test_all_that_match_go_without_javascript(plain: Page) -> None:
    plain.goto(f"/repositories/{API}?q=1.3")
    plain.get_by_role("button", name="Delete all 3 that match…").click()
    expect(plain.get_by_role("heading", name=f"Delete 3 tags of {API} that match 1.3?")).to_be_visible()
    plain.get_by_role("button", name="Delete 3 tags").click()
    plain.wait_for_url(re.compile(f"/repositories/{API}$"))
    expect(plain.locator(".toast")).to_contain_text(f"Deleted 3 tags of {API}.")
