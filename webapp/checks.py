"""A check: one thing that is well or not, said in a sentence, with its remedy. The Status page lists them all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """What cannot be known is `unknown`, never `good`."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the Status page.

    `remedy` says what to do and is empty where nothing has to be done; `lines` is configuration to copy.
    """

    name: str
    state: CheckState
    sentence: str
    remedy: str = ""
    lines: str = ""
