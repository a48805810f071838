"""A tag that Holystone itself has put: the catalogue has it at once, without a look at the registry."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Manifest, Repository, Tag
from webapp.catalogue.rows import count_repository
from webapp.catalogue.tag_order import order_tags


def remember_tag(session: Session, name: str, tag: str, digest: str, now: datetime) -> None:
    """Put in a tag that is on a manifest of a repository, and make looks that began before it worthless."""
    repository = session.scalar(select(Repository).where(Repository.name == name))
    if repository is None:
        return
    repository.version += 1
    manifest_id = session.scalar(select(Manifest.id).where(Manifest.digest == digest))
    row = session.scalar(select(Tag).where(Tag.repository_id == repository.id, Tag.name == tag))
    if row is None:
        row = Tag(repository_id=repository.id, name=tag)
        session.add(row)
    images = {digest, row.digest}
    row.digest, row.manifest_id, row.problem = digest, manifest_id, ""
    row.pushed_at, row.pushed_at_is_seen, row.checked_at = now, True, now
    order_tags(session, repository.id, images)
    count_repository(session, repository, None)
