"""docs/reliability.md names files and targets that there are, and every promise has a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text()


def test_every_file_and_folder_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:tests|soak|docs|deploy|webapp)/[\w./-]*)`", TEXT))
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_promise_has_something_that_holds_it_and_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    assert [promise for _, promise, holds, tests in rows if not holds or "tests/" not in tests] == []


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"soak", "storm"} <= set(re.findall(r"(?:`|\$ )make ([a-z]+)", TEXT)) <= targets
