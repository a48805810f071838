"""The kept bytes of what a removal takes away, or takes a tag from: all that a restore needs (law 2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, undefer

from webapp.database import Reading, among
from webapp.registry.manifests import ManifestBytes
from webapp.removal.models import JournalManifest, RemovalStep, StepKind


def journalled(session: Session, removal_id: int, digests: Collection[str]) -> list[ManifestBytes]:
    """The kept bytes of some manifests, children first."""
    rows: Sequence[JournalManifest] = session.scalars(
        select(JournalManifest)
        .options(undefer(JournalManifest.raw))
        .where(JournalManifest.removal_id == removal_id, among(JournalManifest.digest, digests))
        .order_by(JournalManifest.position)
    ).all()
    return [ManifestBytes(row.media_type, row.raw, row.digest) for row in rows]


def journal_to_trash(session: Session, removal_id: int) -> list[ManifestBytes]:
    """The kept bytes of a removal that puts something into the trash; none of one that deletes for good."""
    into_trash = exists().where(RemovalStep.removal_id == removal_id, RemovalStep.kind == StepKind.TRASH)
    rows = session.scalars(
        select(JournalManifest)
        .options(undefer(JournalManifest.raw))
        .where(JournalManifest.removal_id == removal_id, into_trash)
    )
    return [ManifestBytes(row.media_type, row.raw, row.digest) for row in rows]


def journal_of(reading: Reading, removal_id: int) -> Callable[[Collection[str]], list[ManifestBytes]]:
    """The journal of one removal, as a function of digests, for whoever has no session at hand."""

    def journal(digests: Collection[str]) -> list[ManifestBytes]:
        with reading() as session:
            return journalled(session, removal_id, digests)

    return journal
