"""Whether the catalogue has lost tags that nobody here removed: a person is asked before their blobs are collected."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Tag
from webapp.maintenance.models import Run, RunKind
from webapp.removal.models import Removal, RemovedTag, StepState

ALLOWED_SHARE = 0.1


def count_tags(session: Session) -> int:
    """The tags in the catalogue."""
    return session.scalar(select(func.count()).select_from(Tag)) or 0


def lost_tags(session: Session) -> str:
    """A sentence where more than a tenth of the tags are gone since the last run without a removal of ours; else ''."""
    last = session.execute(
        select(Run.started_at, Run.tags_seen)
        .where(Run.kind == RunKind.COLLECT, Run.tags_seen.is_not(None), Run.ordered_at.is_not(None))
        .order_by(Run.id.desc())
        .limit(1)
    ).first()
    if last is None or not last.tags_seen:
        return ""
    removed = session.scalar(
        select(func.count())
        .select_from(RemovedTag)
        .join(Removal, Removal.id == RemovedTag.removal_id)
        .where(RemovedTag.state == StepState.DELETED, Removal.started_at >= last.started_at)
    )
    lost: int = last.tags_seen - (removed or 0) - count_tags(session)
    if lost <= last.tags_seen * ALLOWED_SHARE:
        return ""
    return (
        f"{lost} of the {last.tags_seen} tags that the registry had at the last run are gone, "
        "and Holystone did not remove them."
    )
