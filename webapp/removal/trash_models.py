"""The table of the trash: what was taken away and can be put back, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class TrashState(StrEnum):
    """Where an item is: on its way in, in the trash, being restored; or why it is in the trash no more."""

    ENTERING = "entering"
    IN_TRASH = "in-trash"
    RESTORING = "restoring"
    DELETED = "deleted"
    NOT_TAKEN = "not-taken"
    RESTORED = "restored"
    STAYS = "stays"
    LOST = "lost"


HOLDING = (TrashState.ENTERING, TrashState.IN_TRASH, TrashState.RESTORING)
"""What an item in one of these states is on stays in the registry, with all that it names, until its date."""


class Restorable(StrEnum):
    """Whether an item can be put back, as was last found.

    `from_journal`: manifests are gone that Holystone has kept, and all blobs are there still.
    """

    YES = "yes"
    FROM_JOURNAL = "from-journal"
    NO = "no"


class TrashItem(Base):
    """A tag that was taken away, or (`tag` is '') a manifest without one that waits for its date.

    Attributes:
        until: what it is on stays in the registry until then. None where its manifests were deleted for good: only the
            journal has them (`state` is `deleted` from the beginning).
        refers_to: the digest of what it went along with, as a signature does; '' for what was asked for itself.
        restorable: as of `checked_at`; '' where nobody has looked yet. `missing` says what is not there.
        size_bytes: what the store will be smaller by when this item alone is emptied, as of `checked_at`.
        note: why its date was brought forward or put off, as a sentence; '' where it was not.
        restored_as: the tag under which it is put, or was.
        activity_id: the activity of its restoring.
    """

    __tablename__ = "trash_items"
    __table_args__ = (
        Index("ix_trash_items_state", "state", "id"),
        Index("ix_trash_items_until", "state", "until"),
        Index("ix_trash_items_actor", "state", "actor", "id"),
        Index("ix_trash_items_restorable", "state", "restorable"),
        Index("ix_trash_items_repository", "repository", "state", "digest"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    removal_id: Mapped[int] = mapped_column(ForeignKey("removals.id"), index=True)
    repository: Mapped[str]
    tag: Mapped[str]
    digest: Mapped[str]
    actor: Mapped[str]
    deleted_at: Mapped[datetime]
    until: Mapped[datetime | None]
    refers_to: Mapped[str] = mapped_column(default="")
    state: Mapped[TrashState] = mapped_column(default=TrashState.ENTERING)
    restorable: Mapped[str] = mapped_column(default="")
    missing: Mapped[str] = mapped_column(default="")
    checked_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None]
    note: Mapped[str] = mapped_column(default="")
    ended_at: Mapped[datetime | None]
    restored_as: Mapped[str] = mapped_column(default="")
    activity_id: Mapped[int | None]
