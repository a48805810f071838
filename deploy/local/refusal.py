"""The one way in which `make run` says no."""

from __future__ import annotations


class Refusal(Exception):
    """`make run` cannot go on. Its text is what the person at the terminal reads: what is wrong, and what to do."""
