"""What holds for every page in every state that `make look` draws: everybody can read all of it, at every size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.conftest import new_context
from tests.look.scenes import BROKEN, SCENES, STATES, Scene
from tests.look.stage import Stage, become, open_stage
from webapp.accounts import passwords

WIDE: ViewportSize = {"width": 1280, "height": 800}
AT_200_PERCENT = (640, 400)
AT_400_PERCENT = (320, 800)
ON_A_TELEPHONE = (360, 740)
CUT_OFF = (Path(__file__).parent / "cut_off.js").read_text()
CONTRAST = "axe.run(document, {resultTypes: ['violations'], runOnly: ['color-contrast']})"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Every state at an address of its own."""
    hasher = passwords.hasher
    with open_stage(tmp_path_factory.mktemp("stage"), [*STATES, BROKEN]) as opened:
        yield opened
    passwords.hasher = hasher


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor with a light window that is as wide as most."""
    with new_context(browser, "", color_scheme="light", reduced_motion="reduce", bypass_csp=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def kept(context: BrowserContext) -> Iterator[Page]:
    """A page for what is only opened: a new one takes longer than the next address."""
    with context.new_page() as page:
        yield page


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_all_that_is_drawn_can_be_read_by_everybody(
    context: BrowserContext, kept: Page, stage: Stage, scene: Scene
) -> None:
    address = become(context, stage, scene)
    with context.new_page() if scene.act else nullcontext(kept) as page:
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.goto(address)
        if scene.act:
            scene.act(page)
        found = {"light": _told(Axe().run(page).response), "dark": _dark(page)}
        found |= {f"{size[0]} px": _cut_off(page, *size) for size in (AT_200_PERCENT, ON_A_TELEPHONE, AT_400_PERCENT)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def _dark(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark")
    return _told(page.evaluate(CONTRAST))


def _told(answer: dict[str, Any]) -> list[str]:
    """What axe finds: the rule, and the elements."""
    return [
        f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'][:3])}" for each in answer["violations"]
    ]


def _cut_off(page: Page, width: int, height: int) -> list[str]:
    """What cannot be read at a size of the window."""
    page.set_viewport_size({"width": width, "height": height})
    found: list[str] = page.evaluate(CUT_OFF)
    return found
