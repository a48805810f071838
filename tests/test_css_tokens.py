"""A colour, a space or a size stands in tokens.css and nowhere else; no page carries a style or a script of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOKENS = ROOT / "static/css/tokens.css"
STYLE_SHEETS = sorted(path for path in (ROOT / "static/css").glob("*.css") if path != TOKENS)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

# A media query cannot use a token, so the conditions that exist are named here.
MEDIA_QUERIES = {"(max-width: 640px)", "(max-width: 1100px)", "(forced-colors: active)", "(scripting: none)"}

COLOUR = re.compile(
    r"#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|oklch|lab|light-dark|color-mix)\(|\b(?:white|black|red|green|blue|gr[ae]y|orange|yellow|transparent)\b",
    re.IGNORECASE,
)
SIZE = re.compile(r"(?<![\w-])-?\.?\d[\d.]*(?:px|r?em|ch|ex|pt|[sd]?v[hw]|vmin|vmax|m?s)\b")
DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;{}]+)[;}]")
TOKEN_USE = re.compile(r"var\((--[\w-]+)\)")


def without_comments(css: str) -> str:
    return re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)


def declarations(css: str) -> Iterator[tuple[str, str]]:
    yield from DECLARATION.findall(re.sub(r"@media[^{]*\{", "", without_comments(css)))


def literal_values(css: str) -> list[str]:
    """The declarations that say a colour or a size themselves; setting a token to another token is allowed."""
    return [
        f"{name}: {value}"
        for name, value in declarations(css)
        if not (name.startswith("--") and TOKEN_USE.fullmatch(value.strip()))
        and (COLOUR.search(value) or SIZE.search(value))
    ]


@pytest.mark.parametrize("sheet", STYLE_SHEETS, ids=lambda path: path.name)
def test_a_style_sheet_says_no_colour_and_no_size_of_its_own(sheet: Path) -> None:
    assert literal_values(sheet.read_text()) == []


@pytest.mark.parametrize(
    "css",
    [
        "a { color: #fff; }",
        "a { margin: 0 3px }",
        "a { font: 400 .9em/1 x; }",
        "a { color: white; }",
        "a { --s4: 5px; }",
    ],
)
def test_the_lint_sees_a_literal_value(css: str) -> None:
    assert literal_values(css)


@pytest.mark.parametrize("sheet", STYLE_SHEETS, ids=lambda path: path.name)
def test_a_style_sheet_uses_only_tokens_and_media_queries_that_exist(sheet: Path) -> None:
    css = without_comments(sheet.read_text())
    tokens = set(re.findall(r"(--[\w-]+)\s*:", without_comments(TOKENS.read_text())))
    assert set(TOKEN_USE.findall(css)) <= tokens
    assert {query.strip() for query in re.findall(r"@media([^{]*)\{", css)} <= MEDIA_QUERIES


def test_every_colour_has_one_of_the_system_where_colours_are_forced() -> None:
    usual, _, forced = without_comments(TOKENS.read_text()).partition("(forced-colors: active)")
    colours = set(re.findall(r"(--[\w-]+)\s*:\s*(?:light-dark\(|transparent)", usual))
    assert colours == set(re.findall(r"(--[\w-]+)\s*:\s*(?:Canvas|CanvasText|LinkText|GrayText);", forced))


def test_every_token_is_used() -> None:
    tokens_css = without_comments(TOKENS.read_text())
    tokens = set(re.findall(r"(--[\w-]+)\s*:", tokens_css))
    used = set(TOKEN_USE.findall(tokens_css + "".join(sheet.read_text() for sheet in STYLE_SHEETS)))
    assert tokens - used == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_has_no_inline_script_style_or_handler(template: Path) -> None:
    markup = template.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son\w+\s*=|hx-on|javascript:", markup)
    assert not re.search(r"<script(?![^>]*\ssrc=)", markup)


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/icons.svg").read_text()))
    named = {name for template in TEMPLATES for name in re.findall(r'icon\("([\w-]+)"', template.read_text())}
    assert named <= sprite
