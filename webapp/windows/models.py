"""Tables of windows and of their occurrences: what was planned, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class OccurrenceState(StrEnum):
    """What became of a planned time: a run, or one reason why not."""

    RUN = "run"
    MISSED = "missed"
    SKIPPED = "skipped"
    PAUSED = "paused"
    NOT_WORTH_IT = "not-worth-it"
    DOES_NOT_FIT = "does-not-fit"
    RUN_UNDER_WAY = "run-under-way"
    PUSHES = "pushes"
    NOT_READY = "not-ready"


class Window(Base):
    """One window. It is never deleted from the records: `ended_at` says since when it is not meant any more.

    Attributes:
        weekdays: the days on which it begins, as numbers from 0 (Monday), separated by commas.
        starts: the time at which it begins, on the clock of its zone, as HH:MM.
        zone: the name of a time zone of the IANA database.
        longest_s: its length in seconds; a run that is under way at its end is ended.
        least_bytes: a run begins only where at least so much would come back; 0 for always.
        strategy: '' for the best that the registry allows.
        paused_until: no occurrence before this; None where it is not paused.
        planned_from: occurrences up to this are nobody's: it was made, changed or resumed then.
    """

    __tablename__ = "windows"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    weekdays: Mapped[str]
    starts: Mapped[str]
    zone: Mapped[str]
    longest_s: Mapped[int]
    least_bytes: Mapped[int] = mapped_column(default=0)
    strategy: Mapped[str] = mapped_column(default="")
    paused_until: Mapped[datetime | None]
    planned_from: Mapped[datetime]
    made_by: Mapped[str]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)


class Occurrence(Base):
    """One planned time of a window, written when it is known what becomes of it; there is one row, whoever writes it.

    Attributes:
        noted_at: when it was seen that its time had come, or that it had gone by.
        state: None while its run is under way, or waits for the keeper.
        sentence: why there was no run, or what it waits for, for a person; '' where there was a run.
        run_id: its run; no foreign key, since a row is written before its run is.
    """

    __tablename__ = "occurrences"
    __table_args__ = (
        UniqueConstraint("window_id", "planned_at"),
        Index("ix_occurrences_planned_at", "planned_at", "id"),
        Index("ix_occurrences_run_id", "run_id"),
        Index("ix_occurrences_open", "id", sqlite_where=text("state IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    window_id: Mapped[int] = mapped_column(ForeignKey("windows.id"))
    planned_at: Mapped[datetime]
    noted_at: Mapped[datetime]
    state: Mapped[OccurrenceState | None]
    sentence: Mapped[str] = mapped_column(default="")
    run_id: Mapped[int | None]
