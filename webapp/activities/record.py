"""Write an activity, in the transaction of what it tells."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.activities.models import Activity, ActivityKind, Outcome

LONGEST_NAME = 255
LONGEST_REASON = 1000


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    kind: ActivityKind,
    outcome: Outcome,
    reason: str = "",
    repository: str | None = None,
    tag: str | None = None,
    digest: str | None = None,
    removal_id: int | None = None,
    run_id: int | None = None,
    place: str = "",
) -> Activity:
    """Add one activity and return it with its id.

    Texts may come from anybody: control characters are taken out of them, and what is too long is cut off.
    """
    activity = Activity(
        at=at,
        actor=_clean(actor, LONGEST_NAME),
        kind=kind,
        outcome=outcome,
        reason=_clean(reason, LONGEST_REASON),
        repository=_clean_name(repository),
        tag=_clean_name(tag),
        digest=_clean_name(digest),
        removal_id=removal_id,
        run_id=run_id,
        place=_clean(place, LONGEST_NAME),
    )
    session.add(activity)
    session.flush()
    return activity


def complete(session: Session, activity_id: int, outcome: Outcome, reason: str = "") -> None:
    """Write how an activity that was recorded as an intent ended."""
    session.execute(
        update(Activity)
        .where(Activity.id == activity_id)
        .values(outcome=outcome, reason=_clean(reason, LONGEST_REASON))
    )


def _clean_name(text: str | None) -> str | None:
    return None if text is None else _clean(text, LONGEST_NAME)


def _clean(text: str, longest: int) -> str:
    """Keep what can be shown: line breaks become spaces, other control and direction marks go.

    Cut before looking, so that a huge text costs nothing; '…' says that it was longer.
    """
    shortened = text[:longest]
    kept = "".join(_shown(character) for character in shortened)
    return kept[: longest - 1] + "…" if len(text) > longest else kept


def _shown(character: str) -> str:
    if character in "\t\r\n\u2028\u2029":
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
