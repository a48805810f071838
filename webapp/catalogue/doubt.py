"""Doubt: much of the registry seems to be gone at once. A storage that is not mounted looks like that (law 4).

Nothing is marked gone while in doubt, and no run begins, until a later look finds the repositories again or an
administrator says that it is true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.catalogue.models import RegistryState

SHARE_THAT_MAY_VANISH = 0.1


def is_doubtful(vanished: int, had_tags: int, listed: int) -> bool:
    """Whether so much vanishing at once is more likely a fault than the truth.

    Args:
        vanished: repositories that had tags and now have none.
        had_tags: repositories that had tags, without those that could not be read now.
        listed: repositories that the registry's catalogue names.
    """
    if not had_tags:
        return False
    if vanished == had_tags or listed == 0:
        return True
    return vanished >= 2 and vanished > had_tags * SHARE_THAT_MAY_VANISH


def fingerprint(vanished: Collection[str]) -> str:
    """What an administrator agrees to when saying that it is true: these repositories, no others."""
    return hashlib.sha256("\n".join(sorted(vanished)).encode()).hexdigest()


def raise_doubt(state: RegistryState, vanished: Collection[str], had_tags: int, now: datetime) -> None:
    """Write down that we do not believe what the registry says."""
    state.doubt_digest, state.doubt_accepted = fingerprint(vanished), ""
    state.doubt_since = state.doubt_since or now
    what = (
        _gone(vanished, had_tags)
        if vanished
        else f"The registry lists nothing, although {had_tags} repositories answer."
    )
    state.doubt = f"{what} Storage that is not mounted looks like this, so Holystone keeps what it knew."


def _gone(vanished: Collection[str], had_tags: int) -> str:
    some = ", ".join(sorted(vanished)[:3]) + (" and others" if len(vanished) > 3 else "")
    return f"{len(vanished)} of {had_tags} repositories have no tags any more ({some})."


def end_doubt(state: RegistryState) -> None:
    """The registry is believed again."""
    state.doubt, state.doubt_since, state.doubt_digest = "", None, ""


def accept(session: Session, agreed: str) -> bool:
    """Take an administrator's word that these repositories are gone. False where the doubt is another by now."""
    state = session.get(RegistryState, 1)
    if state is None or not state.doubt or state.doubt_digest != agreed:
        return False
    state.doubt_accepted = agreed
    return True
