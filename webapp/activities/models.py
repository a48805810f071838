"""The table of activities. Names stand in it as text, so that a record outlives what it speaks of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class ActivityKind(StrEnum):
    """What was done. Values are kept in the records for ever: add to them, never rename one."""

    TAG_DELETED = "tag_deleted"
    MANIFEST_DELETED = "manifest_deleted"
    IMAGE_DELETED = "image_deleted"
    TAG_RESTORED = "tag_restored"
    TAG_GIVEN = "tag_given"
    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"
    MADE_READ_WRITE = "made_read_write"
    CHECKED_CACHES = "checked_caches"
    RECORDS_RESTORED = "records_restored"
    HOLD_STARTED = "hold_started"
    HOLD_ENDED = "hold_ended"
    WINDOW_MADE = "window_made"
    WINDOW_CHANGED = "window_changed"
    WINDOW_PAUSED = "window_paused"
    WINDOW_RESUMED = "window_resumed"
    WINDOW_SKIPPED = "window_skipped"
    WINDOW_DELETED = "window_deleted"
    RULE_MADE = "rule_made"
    RULE_CHANGED = "rule_changed"
    RULE_MOVED = "rule_moved"
    RULE_SWITCHED_ON = "rule_switched_on"
    RULE_SWITCHED_OFF = "rule_switched_off"
    RULE_DELETED = "rule_deleted"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    USER_CREATED = "user_created"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind, no password


ACCOUNT_KINDS = frozenset(
    {
        ActivityKind.SIGNED_IN,
        ActivityKind.SIGN_IN_FAILED,
        ActivityKind.SIGNED_OUT,
        ActivityKind.USER_CREATED,
        ActivityKind.USER_DISABLED,
        ActivityKind.USER_ENABLED,
        ActivityKind.PASSWORD_CHANGED,
    }
)
"""Kinds that tell of people and not of images."""


WINDOW_KINDS = frozenset(
    {
        ActivityKind.WINDOW_MADE,
        ActivityKind.WINDOW_CHANGED,
        ActivityKind.WINDOW_PAUSED,
        ActivityKind.WINDOW_RESUMED,
        ActivityKind.WINDOW_SKIPPED,
        ActivityKind.WINDOW_DELETED,
    }
)
"""Kinds that tell of windows: their reason begins with the window's name and a colon."""


RULE_KINDS = frozenset(
    {
        ActivityKind.RULE_MADE,
        ActivityKind.RULE_CHANGED,
        ActivityKind.RULE_MOVED,
        ActivityKind.RULE_SWITCHED_ON,
        ActivityKind.RULE_SWITCHED_OFF,
        ActivityKind.RULE_DELETED,
    }
)
"""Kinds that tell of rules of retention: their reason begins with the rule's name and a colon."""


class Outcome(StrEnum):
    """How it ended. `unknown` is also what an intent says until the registry was asked."""

    DONE = "done"
    ALREADY_GONE = "already_gone"
    KEPT = "kept"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Activity(Base):
    """One line of the audit log.

    `actor` is the name of who did it, `place` the client's address or 'command'. `removal_id` and `run_id` lead to
    the removal or run that it belongs to; no foreign key, since the log stands below both and survives them.
    """

    __tablename__ = "activities"
    __table_args__ = (
        Index("ix_activities_at", "at", "id"),
        Index("ix_activities_repository_at", "repository", "at", "id"),
        Index("ix_activities_actor_at", "actor", "at", "id"),
        Index("ix_activities_kind_at", "kind", "at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    kind: Mapped[ActivityKind]
    outcome: Mapped[Outcome]
    reason: Mapped[str] = mapped_column(default="")
    repository: Mapped[str | None]
    tag: Mapped[str | None]
    digest: Mapped[str | None]
    removal_id: Mapped[int | None]
    run_id: Mapped[int | None]
    place: Mapped[str] = mapped_column(default="")
