"""Tables of notices, and of what was sent about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class NoticeKind(StrEnum):
    """What is told. Values are kept in the records and sent to others: add to them, never rename one."""

    RUN_FAILED = "run_failed"
    REGISTRY_UNREACHABLE = "registry_unreachable"
    KEEPER_SILENT = "keeper_silent"
    READ_ONLY_TOO_LONG = "read_only_too_long"
    READ_ONLY_UNEXPLAINED = "read_only_unexplained"
    HOLD_BROKEN = "hold_broken"
    WINDOW_MISSED = "window_missed"
    WINDOW_WITHOUT_ZONE = "window_without_zone"
    DISK_NEARLY_FULL = "disk_nearly_full"
    NOT_SYNCED = "not_synced"
    NOT_BACKED_UP = "not_backed_up"


class Channel(StrEnum):
    """Where a notice is sent to."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    DEAD_MANS_SWITCH = "dead_mans_switch"


class DeliveryState(StrEnum):
    """What became of one sending."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class Notice(Base):
    """One thing that went wrong: one open notice a kind and subject, ended when it is mended.

    Attributes:
        subject: which of several: a run's or a hold's number, a window's number and the time that was missed, a disk's name; ''
            where there is one only.
        sentence: what was wrong when it began.
        ended_at: when it was mended; for what only happened (a failed run), when the next one went well.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_open", "kind", "subject", unique=True, sqlite_where=text("ended_at IS NULL")),
        Index("ix_notices_began_at", "began_at", "id"),
        Index("ix_notices_ended_at", "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[NoticeKind]
    subject: Mapped[str] = mapped_column(default="")
    sentence: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Delivery(Base):
    """One message to one place, tried until it was taken, or given up.

    Attributes:
        key: names it to the other side, the same at each try, so that a message that came twice is known as one.
        notice_id: None for a test, and for a call of the dead man's switch.
        occurrence_id: the time of a window that the dead man's switch is called for, which happens once; no foreign
            key, since windows are the ones to forget their occurrences.
        event: `began` or `ended` of a notice, `test`, or `succeeded` for the dead man's switch.
        body: what is told, as JSON, whole, so that a later try says the same.
        answer: what the other side said at the last try, for a person.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "state", "next_try_at"),
        Index("ix_deliveries_notice_id", "notice_id", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notices.id"))
    occurrence_id: Mapped[int | None] = mapped_column(unique=True)
    channel: Mapped[Channel]
    event: Mapped[str]
    body: Mapped[str]
    state: Mapped[DeliveryState]
    tries: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(default="")
