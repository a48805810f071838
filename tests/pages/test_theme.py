"""Light or dark."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Visitor


def themes_of(page: str) -> list[str]:
    return [theme for theme in ("light", "dark") if f'data-theme="{theme}"' in page]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_stays_until_the_system_is_chosen(alice: Visitor, theme: str) -> None:
    assert themes_of(alice.get("/status").get_data(as_text=True)) == []
    assert alice.post("/account/theme", theme=theme).status_code == 303
    assert themes_of(alice.get("/status").get_data(as_text=True)) == [theme]
    alice.post("/account/theme", theme="")
    assert themes_of(alice.get("/status").get_data(as_text=True)) == []


def test_what_is_no_theme_is_none(alice: Visitor) -> None:
    alice.client.set_cookie("holystone-theme", '"><script>')
    assert themes_of(alice.get("/status").get_data(as_text=True)) == []
