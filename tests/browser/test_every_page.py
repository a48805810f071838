"""What holds for all pages: readable by everybody, nothing scrolls sideways, nothing is complained of."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page

from demo.fleet import API, BUILDER, ETL, LONG_TAG, SHOP, WEB
from tests.browser.conftest import errors_of, new_context, sign_in
from tests.look.records import everything, open_removal, windows
from tests.look.rules import retention
from tests.look.scenes import SCENES
from tests.odd_manifests import LONGEST_TAG, ODD, UNTAGGED
from tests.pages.conftest import parts_of
from tests.served_app import served

PATHS = (
    "/repositories",
    "/repositories?q=nothing",
    "/repositories?view=folders",
    "/repositories?under=team",
    "/search",
    "/search?q=a",
    "/search?q=nothing-like-this",
    "/search?q=sha256:&kind=manifests",
    f"/search?q={UNTAGGED.digest}",
    f"/repositories/{API}?sort=image",
    f"/repositories/{BUILDER}",
    f"/repositories/{BUILDER}?q=build-*&older=1&bigger=1&platform=linux/amd64&but=100",
    f"/repositories/{API}?older=3&platform=amd64&sort=-size",
    f"/repositories/{ODD}?untagged=1",
    f"/repositories/{ETL}",
    f"/repositories/{ETL}/-/tags/{LONG_TAG}",
    f"/repositories/{WEB}/-/tags/2.1",
    f"/repositories/{SHOP}/-/tags/8.0.0-rc.1",
    *(
        f"/repositories/{ODD}/-/tags/{tag}"
        for tag in ("chart", "alien", "old", "nested", "not-read", "no-json", "many")
    ),
    f"/repositories/{ODD}/-/tags/{LONGEST_TAG}",
    f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}",
    f"/repositories/{API}/-/tags/1.4.2/delete",
    f"/repositories/{API}/-/tags/1.4.2/delete?siblings=remove",
    f"/repositories/{SHOP}/-/tags/7.0.0/delete?referrers=keep",
    f"/repositories/{SHOP}/-/delete",
    "/removals/2",
    "/removals/3",
    "/activities",
    "/trash",
    "/trash?state=restored",
    f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}/name",
    "/maintenance",
    "/maintenance/free-space",
    "/maintenance/hold",
    "/maintenance/windows/new",
    "/maintenance/windows/1",
    "/maintenance/windows/1/run",
    "/maintenance/windows/1/delete",
    "/maintenance/windows/3/change",
    "/maintenance/runs/3",
    "/maintenance/runs/4",
    "/retention",
    "/retention/preview?rule=2&show=all",
    "/retention/rules/2/change",
    "/retention/rules/2/delete",
    "/retention/run",
    "/retention/runs/4",
    "/retention/waiting/6",
    "/status",
    "/notices",
    "/no-such-page",
)


DRAWN = {scene.path for scene in SCENES}
"""What test_every_state.py looks at in more states than one."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_not_drawn_can_be_read_by_everybody_too(
    browser: Browser, app: Flask, scheme: Literal["light", "dark"]
) -> None:
    found = {}
    width = 1280 if scheme == "light" else 360
    with _full(app) as url, new_context(browser, url, width=width, color_scheme=scheme, bypass_csp=True) as context:
        page = context.new_page()
        sign_in(page)
        for path in (each for each in PATHS if each not in DRAWN):
            page.goto(path)
            found[path] = _violations(page)
    assert {path: violations for path, violations in found.items() if violations} == {}


def test_nothing_scrolls_sideways_and_nothing_is_complained_of(browser: Browser, app: Flask) -> None:
    wide = []
    with _full(app) as url, new_context(browser, url) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page)
        for path in PATHS:
            page.goto(path)
            for width in (1280, 640, 360):
                page.set_viewport_size({"width": width, "height": 800})
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    wide.append((path, width))
    assert wide == []
    assert errors == []


def _full(app: Flask) -> Any:
    """The application with everything in its records that a page can show."""
    with parts_of(app).writing() as session:
        everything(session)
        open_removal(session)
        windows(session)
        retention(session)
    return served(app)


def _violations(page: Page) -> list[str]:
    """What axe finds: the rule, and the elements."""
    answer = Axe().run(page).response
    return [
        f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'][:3])}" for each in answer["violations"]
    ]
