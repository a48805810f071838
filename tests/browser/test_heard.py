"""What somebody hears who cannot see the page: whatever changes is said by a live region that was there before."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from demo.build import image, layer
from demo.fleet import API, SHOP
from demo.push import Pusher
from tests.browser.conftest import errors_of, new_context, sign_in
from tests.browser.test_dialog import open_dialog, trash_can
from tests.look.records import live_run, open_removal
from tests.pages.conftest import parts_of, wait_for
from webapp.maintenance.models import Run, RunOutcome
from webapp.removal.models import Removal, RemovalState

LISTENS = """
window.heard = [];
document.addEventListener("DOMContentLoaded", () => {
  for (const region of document.querySelectorAll("[aria-live], [role=status], output")) {
    new MutationObserver(() => { if (region.isConnected) window.heard.push(region.textContent.trim()); })
      .observe(region, { childList: true, characterData: true, subtree: true });
  }
  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (!(node instanceof Element)) continue;
      const alerts = [node, ...node.querySelectorAll("[role=alert]")].filter((each) => each.matches("[role=alert]"));
      window.heard.push(...alerts.map((each) => each.textContent.trim()));
    }
  }).observe(document.body, { childList: true, subtree: true });
});
"""
"""A reader says what changes in a live region that it knows, and every alert; not a region that comes with its words."""


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that notes what a reader would say, with alice signed in."""
    with new_context(browser, address) as context:
        context.add_init_script(LISTENS)
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        yield page
        assert errors == []


def expect_heard(page: Page, words: str) -> None:
    def heard() -> bool:
        return any(re.search(words, each) for each in page.evaluate("window.heard"))

    wait_for(heard, 20.0)


def test_how_many_a_filter_leaves(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    page.get_by_label("Search tags and digests").fill("1.3")
    expect_heard(page, r"^3 of \d+ tags$")
    page.goto("/repositories")
    field = page.get_by_label("Search repositories, tags and digests")
    field.fill("etl")
    expect_heard(page, r"^1 repository")
    field.fill("")
    expect_heard(page, r"^\d of \d repositories$")
    page.goto("/activities")
    page.get_by_label("Person").fill("alice")
    expect_heard(page, r"^\d+ activit")
    page.get_by_label("Person").fill("nobody at all")
    expect_heard(page, r"^No activity matches\.$")


def test_how_many_are_ticked_and_what_was_deleted(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    page.get_by_label("Tick 1.3.0", exact=True).check()
    expect_heard(page, "^1 selected$")
    page.locator("[data-clear]").click()
    open_dialog(page, "1.3.0")
    page.get_by_role("button", name="Delete tag").click()
    expect_heard(page, f"Deleted {API}:1.3.0.")
    expect_heard(page, r"^(\d+) of \1 tags$")


def test_what_goes_before_and_after_a_choice(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "latest")
    expect_heard(page, r"^Goes: 1 tag\. Space: nothing: the image stays\.$")
    page.get_by_label("All 3 tags of this image.").check()
    expect_heard(page, r"^Goes: 3 tags, 1 manifest, 1 signature\. Space: .* at the next collection")


def test_what_was_deleted_is_said_on_the_page_that_comes_after(page: Page) -> None:
    page.goto(f"/repositories/{API}/-/tags/1.4.1")
    page.get_by_role("link", name="Delete tag…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete tag").click()
    page.wait_for_url(f"**/repositories/{API}")
    expect_heard(page, f"Deleted {API}:1.4.1.")


def test_why_nothing_was_deleted(page: Page, fleet_pusher: Pusher) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "1.3.0")
    fleet_pusher.push(API, image([layer("another", 1_000)]), ["1.3.0"])
    page.get_by_role("button", name="Delete tag").click()
    expect_heard(page, "^This changed since you looked. Nothing was deleted")


def test_a_wrong_name_has_the_focus_and_its_reason(page: Page) -> None:
    page.goto(f"/repositories/{SHOP}")
    page.get_by_role("link", name="Delete image…").click()
    field = page.get_by_label(f"Type {SHOP} to delete it")
    field.fill("team/api")
    page.get_by_role("dialog").get_by_role("button").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("This is not the repository's name.")


def test_that_nobody_answers(browser: Browser, address: str) -> None:
    with new_context(browser, address) as context:  # htmx complains in the console as well
        context.add_init_script(LISTENS)
        page = context.new_page()
        sign_in(page)
        page.goto(f"/repositories/{API}")
        page.route("**/delete", lambda route: route.abort())
        page.locator(trash_can(page, "1.3.0")).click()
        expect_heard(page, "^Holystone does not answer")


def test_the_end_of_a_deletion_and_of_a_run_and_who_watched_keeps_the_place(page: Page, app: Flask) -> None:
    with parts_of(app).writing() as session:
        open_removal(session)
        live_run(session)
    page.goto("/removals/3")
    page.get_by_role("button", name="Stop").focus()
    with parts_of(app).writing() as session:
        session.get_one(Removal, 3).state = RemovalState.PARTLY
    expect_heard(page, r"^Deleted \d+ of \d+ tags")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.goto("/maintenance/runs/5")
    page.locator("#stop").focus()
    with parts_of(app).writing() as session:
        run = session.get_one(Run, 5)
        run.outcome, run.finished_at = RunOutcome.SUCCEEDED, parts_of(app).now()
    expect_heard(page, r"^The run succeeded\.")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
