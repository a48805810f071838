"""The documents name files and folders that there are, and link to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("tests/**/*.md")),
]
FOLDERS = "tests|soak|docs|deploy|webapp|benchmarks|demo|migrations|static|templates"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_what_is_named_is_there(document: Path) -> None:
    text = document.read_text()
    named = set(re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*[\w/])", text))
    assert sorted(each for each in named if not (ROOT / each).exists()) == []
    links = {link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)} - {""}
    assert sorted(link for link in links if not (document.parent / link).exists()) == []
