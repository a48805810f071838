"""The dialog of a deletion, with JavaScript: where the focus is, what is sent, what it says when things change."""

from __future__ import annotations

import re

from flask import Flask
from playwright.sync_api import Browser, Page, Request, expect

from demo.build import image, layer
from demo.fleet import API, SHOP
from demo.push import Pusher
from tests.browser.conftest import new_context, sign_in
from tests.pages.conftest import parts_of
from webapp.accounts.models import EndReason, SignIn
from webapp.catalogue.refresh import sync_repository

CANCEL = "Cancel"


def trash_can(page: Page, tag: str) -> str:
    return f'[aria-label="Delete {tag}…"]'


def open_dialog(page: Page, tag: str) -> None:
    page.locator(trash_can(page, tag)).click()
    expect(page.locator("#dialog .button.danger")).to_be_visible()


def sent_to(page: Page, method: str) -> list[Request]:
    """The requests of one method that the page sends from now on."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if request.method == method else None)
    return found


def test_cancel_has_the_focus_first_and_escape_gives_it_back(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "1.4.1")
    expect(page.get_by_role("dialog").get_by_role("link", name=CANCEL)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(trash_can(page, "1.4.1"))).to_be_focused()


def test_after_a_deletion_the_next_rows_trash_can_has_the_focus(page: Page) -> None:
    page.goto(f"/repositories/{API}?sort=name")
    rows = page.locator("[data-row]")
    before = rows.count()
    cans = page.locator("[data-row] .trash").evaluate_all("cans => cans.map(can => can.ariaLabel)")
    following = cans[cans.index("Delete 1.4.1…") + 1]

    open_dialog(page, "1.4.1")
    page.get_by_role("button", name="Delete tag").click()

    expect(page.get_by_role("status").filter(has_text=f"Deleted {API}:1.4.1.")).to_be_visible()
    expect(page.locator(f'[aria-label="{following}"]')).to_be_focused()
    expect(rows).to_have_count(before - 1)
    expect(page.locator("#count")).to_have_text(f"{before - 1} of {before - 1} tags")
    expect(page).to_have_url(re.compile("sort=name$"))


def test_a_tag_leaves_alone_and_its_siblings_stay_in_the_list(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "latest")
    expect(page.get_by_label("Only this tag. 1.4 and 1.4.2 stay.")).to_be_checked()
    page.get_by_role("button", name="Delete tag").click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted {API}:latest. No space comes back, since the image stays.")
    expect(page.locator(trash_can(page, "latest"))).to_have_count(0)
    expect(page.locator(trash_can(page, "1.4"))).to_have_count(1)


def test_siblings_are_chosen_by_keyboard_and_the_choice_keeps_the_focus(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "latest")
    dialog = page.get_by_role("dialog")
    alone, together = page.get_by_label("Only this tag."), page.get_by_label("All 3 tags of this image.")
    alone.focus()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("button", name="Delete 3 tags")).to_be_visible()
    expect(dialog).to_contain_text("3 tags, 1 manifest, 1 signature")
    expect(together).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(dialog.get_by_role("button", name="Delete tag")).to_be_visible()
    expect(dialog).to_contain_text("nothing: the image stays")
    expect(alone).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(together).to_be_focused()
    keep = page.get_by_label("Keep its signature")
    keep.focus()
    page.keyboard.press("Space")
    expect(dialog).to_contain_text("1 signature as chosen")
    expect(keep).to_be_focused()
    expect(keep).to_be_checked()


def test_a_choice_made_as_soon_as_the_dialog_is_drawn_anew_is_shown(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "latest")
    page.evaluate(
        """document.getElementById("dialog-host").addEventListener("htmx:afterSwap",
            () => setTimeout(() => document.querySelector("#dialog [name=referrers]").click()), { once: true })"""
    )
    page.get_by_label("All 3 tags of this image.").check()
    expect(page.get_by_role("dialog")).to_contain_text("1 signature as chosen")
    expect(page.get_by_label("Keep its signature")).to_be_checked()


def test_the_last_of_quick_choices_is_the_one_that_is_shown(browser: Browser, address: str) -> None:
    with new_context(browser, address) as context:  # htmx complains in the console of each request that is given up
        page = context.new_page()
        sign_in(page)
        page.goto(f"/repositories/{API}")
        open_dialog(page, "latest")
        page.get_by_label("Only this tag.").focus()
        for key in ("ArrowDown", "ArrowUp", "ArrowDown"):
            page.keyboard.press(key)
        expect(page.get_by_role("button", name="Delete 3 tags")).to_be_visible()
        expect(page.get_by_label("All 3 tags of this image.")).to_be_checked()
        page.get_by_role("button", name="Delete 3 tags").click()
        expect(page.locator(".toast")).to_contain_text(f"Deleted 3 tags of {API} and 1 signature.")


def test_siblings_are_named_and_leave_the_list_together(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "latest")
    page.get_by_label("All 3 tags of this image.").check()
    page.get_by_role("button", name="Delete 3 tags").click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted 3 tags of {API}")
    for tag in ("1.4", "1.4.2", "latest"):
        expect(page.locator(trash_can(page, tag))).to_have_count(0)


def test_a_double_click_sends_one_request(page: Page) -> None:
    page.goto(f"/repositories/{API}")
    posts = sent_to(page, "POST")
    open_dialog(page, "1.3.0")
    page.get_by_role("button", name="Delete tag").dblclick()
    expect(page.locator(".toast")).to_have_count(1)
    assert len(posts) == 1


def test_the_dialog_says_what_changed_since_it_was_opened(page: Page, fleet_pusher: Pusher) -> None:
    page.goto(f"/repositories/{API}")
    open_dialog(page, "1.3.0")
    fleet_pusher.push(API, image([layer("another", 1_000)]), ["1.3.0"])
    page.get_by_role("button", name="Delete tag").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This changed since you looked. Nothing was deleted")
    expect(dialog.get_by_role("link", name=CANCEL)).to_be_focused()
    page.get_by_role("button", name="Delete tag").click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted {API}:1.3.0.")


def test_who_was_signed_out_meanwhile_is_told_in_the_dialog(page: Page, app: Flask) -> None:
    page.goto(f"/repositories/{API}")
    with parts_of(app).writing() as session:
        for sign_in in session.query(SignIn):
            sign_in.ended_at, sign_in.end_reason = parts_of(app).now(), EndReason.SIGNED_OUT
    page.locator(trash_can(page, "1.3.0")).click()
    link = page.get_by_role("dialog").get_by_role("link", name="Sign in again")
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", f"/sign-in?next=/repositories/{API}")


def test_an_image_goes_only_under_its_own_name(page: Page) -> None:
    page.goto(f"/repositories/{SHOP}")
    page.get_by_role("link", name="Delete image…").click()
    field = page.get_by_label(f"Type {SHOP} to delete it")
    field.fill("team/api")
    delete = page.get_by_role("dialog").get_by_role("button")
    delete.click()
    expect(page.get_by_text("This is not the repository's name.")).to_be_visible()
    field.fill(SHOP)
    delete.click()
    expect(page.locator(".toast")).to_contain_text(f"Deleted image {SHOP} and 4 tags.")
    expect(page).to_have_url(re.compile("/repositories$"))
    expect(page.get_by_role("link", name=SHOP, exact=True)).to_have_count(0)


def test_a_tag_that_was_gone_leaves_the_list(page: Page, app: Flask, fleet_pusher: Pusher) -> None:
    fleet_pusher.push(API, image([layer("soon gone", 1_000)]), ["soon-gone"])
    sync_repository(parts_of(app).catalogue, API)
    page.goto(f"/repositories/{API}")
    registry = parts_of(app).registry
    found = registry.head_manifest(API, "soon-gone")
    assert found is not None
    registry.delete_manifest(API, found.digest)
    page.locator(trash_can(page, "soon-gone")).click()
    expect(page.locator(".toast")).to_contain_text(f"{API}:soon-gone was already gone.")
    expect(page.locator(trash_can(page, "soon-gone"))).to_have_count(0)
