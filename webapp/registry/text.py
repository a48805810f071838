"""Text from a stranger, made safe to keep and to show: bounded, and without what a terminal or a reader obeys."""

from __future__ import annotations


def plain_text(value: str, longest: int) -> str:
    """`value`, cut to `longest` characters, each unprintable one but line break and tab replaced by U+FFFD.

    Unprintable are control characters, halves of surrogate pairs (SQLite could not store them) and the marks that
    turn the direction of writing round.
    """
    short = cut(value, longest)
    if short.isprintable():
        return short
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in short)


def cut(value: str, longest: int) -> str:
    """`value` where it has at most `longest` characters; else its beginning, with a sign that there was more."""
    return value if len(value) <= longest else value[: longest - 1] + "…"
