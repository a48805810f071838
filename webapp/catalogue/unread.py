"""Which repositories could not be read completely at the last look: they are shown as they were before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Repository, UnreadRepository
from webapp.catalogue.rows import repository_named
from webapp.catalogue.seen import SeenRepository


@dataclass(frozen=True, slots=True)
class Unread:
    """What kept us from reading a repository. `tags` is how many did not answer; None: not even their list did.

    `read_at` is when its list was last read; None for never.
    """

    sentence: str
    tags: int | None
    since: datetime
    read_at: datetime | None


def note_unread(session: Session, seen: SeenRepository, now: datetime) -> None:
    """Write down what could not be read of a repository, or that all of it was."""
    row = session.scalar(select(Repository).where(Repository.name == seen.name))
    if not (seen.problem or seen.unread):
        if row is not None:
            session.execute(delete(UnreadRepository).where(UnreadRepository.repository_id == row.id))
        return
    row = row or repository_named(session, seen.name, now)
    noted = session.get(UnreadRepository, row.id)
    if noted is None:
        noted = UnreadRepository(repository_id=row.id, since=now)
        session.add(noted)
    noted.sentence, noted.tags = seen.problem or seen.why, None if seen.problem else len(seen.unread)


def unread_of(session: Session, name: str) -> Unread | None:
    """What could not be read of a repository; None where all of it was."""
    found = session.execute(
        select(UnreadRepository, Repository.synced_at)
        .join(Repository, Repository.id == UnreadRepository.repository_id)
        .where(Repository.name == name)
    ).first()
    if found is None:
        return None
    noted, read_at = found
    return Unread(noted.sentence, noted.tags, noted.since, read_at)
