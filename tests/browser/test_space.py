"""The map of /space without a mouse: every rectangle is reached, seen and named, and leads where the list does."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Browser, Page, expect

from demo.fleet import API
from tests.browser.conftest import errors_of, new_context, sign_in
from tests.pages.conftest import parts_of
from tests.served_app import served
from webapp.maintenance.space import measure_space

NAME_OF_FOCUS = "document.activeElement.getAttribute('aria-label')"


def add_up(app: Flask) -> None:
    parts = parts_of(app)
    measure_space(parts.reading, parts.writing, parts.now())


def walk_the_map(page: Page) -> list[str]:
    """The names of all that Tab comes to within the map, in that order."""
    expect(page.locator(".map")).to_be_visible()
    page.locator(".skip-map").focus()
    names = []
    while True:
        page.keyboard.press("Tab")
        if not page.evaluate("document.activeElement.closest('.map-plot') !== null"):
            return names
        names.append(page.evaluate(NAME_OF_FOCUS))


def test_every_rectangle_is_reached_by_the_keys_and_leads_somewhere(browser: Browser, shown_app: Flask) -> None:
    add_up(shown_app)
    with served(shown_app) as url, new_context(browser, url) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        page.goto("/space")
        names = walk_the_map(page)
        shown = page.locator(".map-plot.wide a")
        assert len(names) == len(set(names)) == shown.count()
        assert any(name.startswith("team/api: ") for name in names)
        assert any(name.startswith("team: ") for name in names)

        tile = page.locator(".map-plot.wide a[aria-label^='team/api: ']")
        tile.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(tile).to_be_focused()
        widths = tile.locator(".map-edge").evaluate_all("each => each.map(one => getComputedStyle(one).strokeWidth)")
        assert widths == ["8px"], "the ring is seen"
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/repositories/{API}")
        assert errors == []


def test_the_map_can_be_skipped_and_a_namespace_opened_by_its_head(browser: Browser, shown_app: Flask) -> None:
    add_up(shown_app)
    with served(shown_app) as url, new_context(browser, url) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/space")
        page.locator(".skip-map").focus()
        expect(page.locator(".skip-map")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Sort")).to_be_focused()
        page.locator(".map-plot.wide .map-head[aria-label^='team: ']").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/space?namespace=team")
        expect(page.get_by_role("heading", level=1)).to_have_text("team")


def test_on_a_telephone_the_narrow_map_alone_is_there(browser: Browser, shown_app: Flask) -> None:
    add_up(shown_app)
    with served(shown_app) as url, new_context(browser, url, width=360) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/space")
        names = walk_the_map(page)
        assert len(names) == page.locator(".map-plot.narrow a").count()
        expect(page.locator(".map-plot.wide")).to_be_hidden()
        sizes = page.locator(".map-plot.narrow .map-tile .map-edge").evaluate_all(
            "each => each.map(one => one.getBoundingClientRect()).map(box => Math.min(box.width, box.height))"
        )
        assert min(sizes) > 8


def test_the_order_of_the_list_changes_in_place(browser: Browser, shown_app: Flask) -> None:
    add_up(shown_app)
    with served(shown_app) as url, new_context(browser, url) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/space")
        page.get_by_label("Sort").select_option("name")
        expect(page.locator("#listing .name").first).to_have_text("alpine-base")
        expect(page.locator(".map")).to_be_visible()
        page.locator("#listing").get_by_role("link", name=API, exact=True).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/repositories/{API}")


def test_what_a_deletion_would_free_is_one_press_away(browser: Browser, app: Flask) -> None:
    add_up(app)
    with served(app) as url, new_context(browser, url) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/space")
        page.get_by_role("link", name="What deleting team/web would free…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_have_text("Delete team/web?")
        expect(dialog).to_contain_text("1.01 MB")
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="What deleting team/web would free…")).to_be_focused()
