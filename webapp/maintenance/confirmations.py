"""'I have checked': what an administrator vouches for because Holystone can neither see it nor rule it out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.maintenance.models import Confirmation
from webapp.maintenance.running import Maintainer

NO_CACHE = "no-cache"
SENTENCE = "The registry has neither a descriptor cache in redis nor is it a pull-through cache."


def is_confirmed(maintainer: Maintainer) -> bool:
    """Whether an administrator has vouched for it."""
    with maintainer.reading() as session:
        return session.get(Confirmation, NO_CACHE) is not None


def confirm(session: Session, actor: str, place: str, now: datetime) -> None:
    """Write down that somebody vouches for it."""
    session.merge(Confirmation(name=NO_CACHE, actor=actor, at=now))
    kind = ActivityKind.CHECKED_CACHES
    record(session, at=now, actor=actor, kind=kind, outcome=Outcome.DONE, reason=SENTENCE, place=place)
