"""How much one run may take of a repository before it stops and asks."""

from __future__ import annotations

MOST_TAGS = 500
"""Tags that one run takes at the most, of all repositories together; more of one only where a person agreed."""

MOST_UNTAGGED = 500
"""Untagged manifests that one run takes of a repository at the most, the oldest first; no name is lost with them."""

ALWAYS = 2
"""So many tags of a repository may go however few it has: a share of five tags would be one, and of four none."""


def most_of(tags: int, share_percent: int) -> int:
    """How many tags of a repository with so many may go in one run."""
    return min(MOST_TAGS, max(ALWAYS, tags * share_percent // 100))


def why_too_many(going: int, tags: int, share_percent: int) -> str:
    """Why a run does not take so many tags of a repository without asking; '' where it does."""
    if going <= most_of(tags, share_percent):
        return ""
    if going > MOST_TAGS:
        return f"It would lose {going} tags; a run takes at most {MOST_TAGS} without asking."
    return (
        f"It would lose {going} of {tags} tags; a run takes at most {most_of(tags, share_percent)} of so many without"
        f" asking (HOLYSTONE_RETENTION_MAX_SHARE is {share_percent} %)."
    )
