"""Back and forward: rows, fields, address and title are always of the same moment; the title says where one is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from demo.fleet import API, BUILDER
from tests.browser.conftest import sign_in
from tests.browser.test_dialog import open_dialog

Moment = tuple[str, str, str, list[str], list[str]]


def moment(page: Page) -> Moment:
    """Address, title, heading, rows, and what the fields hold."""
    rows: list[str] = page.locator("main [data-row] [data-open]").all_inner_texts()
    fields: list[str] = page.locator("main form :is(input:not([type=hidden], [type=checkbox]), select)").evaluate_all(
        "fields => fields.map((field) => `${field.name}=${field.value}`)"
    )
    return page.url, page.title(), page.get_by_role("heading", level=1).inner_text(), rows, sorted(fields)


def filter_tags(page: Page) -> None:
    page.get_by_label("Search tags and digests").fill("git-")
    expect(page.locator("#count")).to_contain_text("120 of")


def sort_tags(page: Page) -> None:
    before = page.locator("[data-row] [data-open]").first.inner_text()
    page.get_by_label("Sort").select_option(label="Name")
    expect(page.locator("[data-row] [data-open]").first).not_to_have_text(before)


def next_page(page: Page) -> None:
    before = page.locator("[data-row] [data-open]").first.inner_text()
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("[data-row] [data-open]").first).not_to_have_text(before)


def search_registry(page: Page) -> None:
    page.get_by_label("Search repositories, tags and digests").fill("1.4")
    expect(page.locator("#count")).to_contain_text("tags")


def filter_activities(page: Page) -> None:
    page.get_by_label("Person").fill("nobody at all")
    expect(page.get_by_text("No activity matches these filters.")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "acts"),
    [
        (f"/repositories/{BUILDER}", (filter_tags, sort_tags, next_page)),
        ("/repositories", (search_registry,)),
        ("/activities", (filter_activities,)),
    ],
    ids=["tags", "search", "activities"],
)
def test_back_and_forward_show_what_was_there(page: Page, path: str, acts: tuple[Callable[[Page], None], ...]) -> None:
    page.goto(path)
    moments = [moment(page)]
    for act in acts:
        act(page)
        moments.append(moment(page))
    assert len({each[0] for each in moments}) == len(moments)
    for go, expected in (
        *((page.go_back, each) for each in moments[-2::-1]),
        *((page.go_forward, each) for each in moments[1:]),
    ):
        go()
        page.wait_for_load_state()
        expect(page).to_have_url(expected[0])
        expect(page.locator("main [data-row] [data-open]")).to_have_text(expected[3])
        assert moment(page) == expected


def test_a_reload_shows_what_htmx_had_drawn(page: Page) -> None:
    page.goto("/repositories")
    search_registry(page)
    drawn = moment(page)
    assert drawn[1] == "1.4 · Search · Holystone"
    page.reload()
    assert moment(page) == drawn
    page.get_by_label("Search repositories, tags and digests").fill("")
    expect(page).to_have_url(re.compile("/repositories$"))
    expect(page).to_have_title("Repositories · Holystone")
    drawn = moment(page)
    page.reload()
    assert moment(page) == drawn


def test_back_from_an_open_dialog_leaves_the_page_and_forward_comes_back_without_it(page: Page) -> None:
    page.goto("/activities")
    page.goto(f"/repositories/{API}")
    shown = moment(page)
    open_dialog(page, "1.3.0")
    page.go_back()
    expect(page).to_have_title("Activities · Holystone")
    page.go_forward()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert moment(page) == shown


def test_back_after_a_deletion_does_not_show_what_is_gone(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "1.3.0")
    page.get_by_role("button", name="Delete tag").click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted {API}:1.3.0.")
    page.get_by_role("link", name="Activities", exact=True).click()
    page.wait_for_url("**/activities")
    page.go_back()
    page.wait_for_url(f"**/repositories/{API}")
    expect(page.get_by_label("Tick 1.4.1", exact=True)).to_be_visible()
    expect(page.get_by_label("Tick 1.3.0", exact=True)).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)


def test_back_after_signing_out_shows_nothing(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    expect(page).to_have_url(re.compile("/sign-in"))
    expect(page.locator("[data-row]")).to_have_count(0)
    sign_in(page)
