"""Where somebody has chosen colours for everything, what ours say is seen all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from demo.fleet import API
from tests.browser.conftest import errors_of, new_context, sign_in
from tests.browser.test_dialog import open_dialog


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page in forced colours, with alice signed in."""
    with new_context(
        browser, address, forced_colors="active", color_scheme=request.param, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        yield page
        assert errors == []


def assert_is_seen(element: Locator, without: str) -> None:
    """It looks otherwise `without` what it says: that is done to it by a script."""
    before = element.screenshot()
    element.evaluate(f"element => {{ {without} }}")
    assert element.screenshot() != before


def test_the_place_where_one_is_is_seen(page: Page) -> None:
    page.goto("/status")
    assert_is_seen(page.locator(".places"), "element.querySelector('[aria-current]').removeAttribute('aria-current')")
    page.locator(".menu summary").click()
    assert_is_seen(
        page.locator(".themes"), "element.querySelector('[aria-pressed=true]').setAttribute('aria-pressed', 'false')"
    )


def test_how_far_something_is_is_seen(page: Page) -> None:
    page.goto("/status")
    page.locator("main").evaluate(
        "main => main.insertAdjacentHTML('afterbegin', '<progress max=10 value=4></progress>')"
    )
    assert_is_seen(page.locator("progress"), "element.value = 0")
    assert_is_seen(page.locator("progress"), "element.style.opacity = 0")


@pytest.mark.parametrize(
    "selector", ["[data-tick]", "[data-open]", ".trash", "[data-copy]", "[data-search]", ".button"]
)
def test_the_focus_is_seen(page: Page, selector: str) -> None:
    page.goto(f"/repositories/{API}")
    page.keyboard.press("Tab")
    element = page.locator(f"main {selector}:visible").first
    element.focus()
    outline, width = element.evaluate(
        "each => [getComputedStyle(each).outlineStyle, getComputedStyle(each).outlineWidth]"
    )
    assert (outline, width) == ("solid", "2px")


def test_a_ticked_row_and_the_button_that_deletes_are_seen(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    tick = page.get_by_label("Tick 1.3.0", exact=True)
    tick.check()
    assert_is_seen(tick, "element.checked = false")
    tick.uncheck()
    open_dialog(page, "1.3.0")
    button = page.locator("#dialog .button.danger")
    assert_is_seen(button, "element.style.minWidth = `${element.offsetWidth}px`; element.textContent = '\u00a0'")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
