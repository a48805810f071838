"""An open list of tags shows what a look in the background found, and takes nothing out of anybody's hands."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import update

from demo.build import image, layer
from demo.fleet import API
from demo.push import Pusher
from tests.pages.conftest import parts_of
from webapp.accounts.models import EndReason, SignIn
from webapp.catalogue.models import Tag

LIST = f"/repositories/{API}?sort=name"
CHANGED = "The list has changed."


@pytest.fixture(autouse=True)
def old_records(app: Flask) -> None:
    """The tags were looked at hours ago."""
    with parts_of(app).writing() as session:
        session.execute(update(Tag).values(checked_at=parts_of(app).now() - timedelta(hours=3)))


@contextmanager
def look_held(app: Flask) -> Iterator[None]:
    """Whatever is looked at in the background is looked at after the block."""
    may_go_on = threading.Event()
    app.extensions["holystone-background"]._checkers.submit(may_go_on.wait)
    try:
        yield
    finally:
        may_go_on.set()


def row_of(page: Page, tag: str) -> str:
    return f'tr[data-row]:has([aria-label="Tick {tag}"])'


def test_what_the_look_found_is_drawn_in_place_and_told(page: Page, app: Flask, fleet_pusher: Pusher) -> None:
    moved = fleet_pusher.push(API, image([layer("moved")]), ["1.4.1", "1.9.0"])
    with look_held(app):
        page.goto(LIST)
        expect(page.locator("#summary")).to_contain_text("as of 3 hours ago")
        expect(page.locator(row_of(page, "1.9.0"))).to_have_count(0)
        tick = page.get_by_label("Tick 1.3.0", exact=True)
        tick.focus()
        page.keyboard.press("Space")
    expect(page.locator(row_of(page, "1.9.0"))).to_have_count(1)
    expect(page.locator(f"{row_of(page, '1.4.1')} [data-copy]")).to_have_attribute("data-copy", moved.digest)
    expect(page.locator("#summary")).not_to_contain_text("hours ago")
    expect(page.locator("#announcements")).to_have_text(CHANGED)
    expect(tick).to_be_checked()
    expect(tick).to_be_focused()
    expect(page.locator("#ticks")).to_contain_text("1 selected")
    expect(page).to_have_url(re.compile(re.escape(LIST) + "$"))
    expect(page.locator("#look")).to_have_count(0)


def test_a_look_that_finds_nothing_else_changes_the_time_and_says_nothing(page: Page, app: Flask) -> None:
    with look_held(app):
        page.goto(LIST)
        row = page.locator("[data-row]").first.element_handle()
        page.locator("[data-row] [data-open]").first.focus()
    expect(page.locator("#summary")).not_to_contain_text("hours ago")
    expect(page.locator("#look")).to_have_count(0)
    assert row is not None
    assert row.evaluate("row => row.isConnected")
    expect(page.locator("[data-row] [data-open]").first).to_be_focused()
    expect(page.locator("#announcements")).to_have_text("")


def test_no_row_moves_under_the_pointer_or_behind_a_dialog(page: Page, app: Flask, fleet_pusher: Pusher) -> None:
    fleet_pusher.push(API, image([layer("first of all")]), ["0.0.1"])
    with look_held(app):
        page.goto(LIST)
        page.locator("[data-row]").nth(2).hover()
    with page.expect_response(lambda answer: "seen=" in answer.url and answer.status == 200):
        pass
    expect(page.locator(row_of(page, "0.0.1"))).to_have_count(0)
    page.locator("[data-row] .trash").nth(2).click()
    expect(page.locator("#dialog .button.danger")).to_be_visible()
    page.mouse.move(0, 0)
    expect(page.locator(row_of(page, "0.0.1"))).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(row_of(page, "0.0.1"))).to_have_count(1)


def test_another_filter_is_not_undone_by_what_the_look_found(page: Page, app: Flask, fleet_pusher: Pusher) -> None:
    fleet_pusher.push(API, image([layer("more")]), ["1.3.9", "2.0.0"])
    with look_held(app):
        page.goto(LIST)
        page.get_by_label("Search tags and digests").fill("1.3")
        expect(page.locator("#count")).to_contain_text("3 of")
    expect(page.locator("#count")).to_contain_text("4 of")
    expect(page.locator(row_of(page, "2.0.0"))).to_have_count(0)


def test_who_was_signed_out_meanwhile_is_told_once(page: Page, app: Flask) -> None:
    with look_held(app):
        page.goto(LIST)
        end_sign_ins(app)
    expect(page.locator("#listing, .no-answer")).to_contain_text("You have been signed out.")
    expect(page.locator("#look")).to_have_count(0)


def end_sign_ins(app: Flask) -> None:
    with parts_of(app).writing() as session:
        for sign_in in session.query(SignIn):
            sign_in.ended_at, sign_in.end_reason = parts_of(app).now(), EndReason.SIGNED_OUT
