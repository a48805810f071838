"""Tables of removals. What a restore needs is in them before anything is deleted: bytes, types, digests, tags."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base


class RemovalState(StrEnum):
    """`open` while it is carried out; `unknown` where the registry could not be asked how it ended."""

    OPEN = "open"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    UNKNOWN = "unknown"


OPEN_STATES = (RemovalState.OPEN, RemovalState.UNKNOWN)
"""How it ended is to be asked of the registry."""


class StepState(StrEnum):
    """`intended` is written before the act, the others are what was found by looking again."""

    INTENDED = "intended"
    DELETED = "deleted"
    ALREADY_GONE = "already-gone"
    KEPT = "kept"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REWRITTEN = "rewritten"
    IN_TRASH = "in-trash"


class StepKind(StrEnum):
    """What a step does: delete a manifest, put a list of referrers anew, or nothing, since the trash holds a manifest."""

    DELETE = "delete"
    REWRITE = "rewrite"
    TRASH = "trash"


UNFINISHED = (StepState.INTENDED, StepState.UNKNOWN)
GONE = (StepState.DELETED, StepState.ALREADY_GONE)
GOOD = (*GONE, StepState.REWRITTEN, StepState.IN_TRASH)


class Removal(Base):
    """One agreed plan. `request_key` comes with the dialog, so that a double click is one removal.

    `tag` is what was named, for people; empty for the whole image. `wanted` is the same in full (`Wanted.as_json`).
    `stopped_by` is who asked for its end; `pause` a sentence while it waits for a registry that is read-only.
    `until` is how long what it takes away stays in the trash; empty where it deletes for good.
    """

    __tablename__ = "removals"
    __table_args__ = (Index("ix_removals_state", "state", "repository"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_key: Mapped[str] = mapped_column(unique=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    actor: Mapped[str]
    place: Mapped[str]
    repository: Mapped[str] = mapped_column(index=True)
    tag: Mapped[str | None]
    fingerprint: Mapped[str]
    state: Mapped[RemovalState] = mapped_column(default=RemovalState.OPEN)
    fencing_token: Mapped[int]
    bytes_freed: Mapped[int | None]
    notice: Mapped[str] = mapped_column(default="")
    wanted: Mapped[str] = mapped_column(default="")
    stopped_by: Mapped[str] = mapped_column(default="")
    pause: Mapped[str] = mapped_column(default="")
    until: Mapped[datetime | None]

    steps: Mapped[list[RemovalStep]] = relationship(order_by="RemovalStep.position")
    tags: Mapped[list[RemovedTag]] = relationship(order_by="RemovedTag.name")


class RemovalStep(Base):
    """One step, in the order of `position`: lists of referrers first, an index before its children.

    A rewrite puts `raw`, whose digest is `digest`, under `tag`. `activity_id` is set where the manifest was named.
    """

    __tablename__ = "removal_steps"

    removal_id: Mapped[int] = mapped_column(ForeignKey("removals.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[StepKind] = mapped_column(default=StepKind.DELETE)
    digest: Mapped[str]
    tag: Mapped[str] = mapped_column(default="")
    replaces: Mapped[str] = mapped_column(default="")
    media_type: Mapped[str] = mapped_column(default="")
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    activity_id: Mapped[int | None]
    state: Mapped[StepState] = mapped_column(default=StepState.INTENDED)
    reason: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RemovedTag(Base):
    """A tag that goes with a removal; its outcome is an activity.

    One that goes by itself, not with its manifest, has `started_at` when that is about to be done, and the token of
    the `stand_in` that takes its manifest's place; none where the registry deletes tags by name.
    """

    __tablename__ = "removed_tags"

    removal_id: Mapped[int] = mapped_column(ForeignKey("removals.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    activity_id: Mapped[int]
    stand_in: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime | None]
    state: Mapped[StepState] = mapped_column(default=StepState.INTENDED)
    reason: Mapped[str] = mapped_column(default="")


class JournalManifest(Base):
    """The bytes of a manifest as they were before the removal; `position` puts children first, as a restore does."""

    __tablename__ = "journal_manifests"

    removal_id: Mapped[int] = mapped_column(ForeignKey("removals.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(index=True)
    media_type: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
