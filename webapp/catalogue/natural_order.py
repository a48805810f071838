"""The order of tags by name as people count: 1.9 before 1.10, v1.2 before v1.10, whatever the case of letters."""

from __future__ import annotations

import re

NUMBER = re.compile("[0-9]+")


def natural_key(name: str) -> str:
    """A text that sorts as the name should: each number in it follows its length, so that longer is later."""
    return NUMBER.sub(_with_length, name.lower())


def _with_length(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0") or "0"
    return f"{len(digits):03}{digits}"
