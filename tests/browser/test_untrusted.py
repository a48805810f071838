"""What comes from inside images, and tags that try to be markup, is text; and how one walks over their pages by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from demo.fleet import API, MARKUP_LABELS, SHOP, WEB


def test_what_an_image_says_of_itself_is_shown_as_it_is(page: Page) -> None:
    page.goto(f"/repositories/{SHOP}/-/tags/8.0.0-rc.1")
    for value in list(MARKUP_LABELS.values())[:4]:
        expect(page.locator("#image dl.labels").last).to_contain_text(value)
        expect(page.locator("main > section").last).to_contain_text(value)  # the annotations
    image = page.locator("#image")
    for text in (
        "<img src=x onerror=alert(1)>/tcp",
        "<i>root</i>",
        "/<b>data</b>",
        "\\x1b[2J",
        "one\\ntwo",
        "\\x07",
        "<b>buildkit</b>",
    ):
        expect(image).to_contain_text(text)
    expect(page).to_have_title(f"{SHOP}:8.0.0-rc.1 · Holystone")
    assert (
        page.locator(":is(#image, main > section:last-child) :is(script, img, b, i, dl.labels a, code a)").count() == 0
    )


def test_a_link_from_inside_an_image_says_nothing_of_us(page: Page) -> None:
    page.goto(f"/repositories/{API}/-/tags/1.4.2")
    link = page.get_by_role("link", name="https://git.example/team/api")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


def test_a_platform_is_chosen_by_key_and_kept_in_the_address(page: Page) -> None:
    page.goto(f"/repositories/{WEB}/-/tags/2.1")
    expect(page.locator("#image h2")).to_have_text("linux/amd64")
    for key in ("j", "j", "j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**?platform=linux/arm/v7#image")
    expect(page.locator("#image h2")).to_have_text("linux/arm/v7")
    expect(page.locator("[aria-current=true]")).to_have_text("linux/arm/v7")


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
