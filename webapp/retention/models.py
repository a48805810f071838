"""Tables of retention: the rules, and their runs with what was foreseen and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base


class RetentionRule(Base):
    """One rule. The first in the order of `position` whose pattern fits a repository is the one that counts for it.

    A rule that is switched off counts, too: what it stands for stays. So nothing is taken by a rule further down for
    the reason alone that somebody is changing the one above it.

    Attributes:
        repositories: patterns of repositories with `*` and `?`, separated by commas.
        keep_newest: so many tags stay, the newest by their pushes; None for no such line.
        keep_days: tags that were pushed within so many days stay; None for no such line.
        keep_tags: tags that one of these patterns fits stay; '' for no such line.
        untagged_days: untagged manifests that were first seen more days ago go; None where they stay.
        may_take_last_tag: whether it may take the last tag of a repository.
        seen_terms: the fingerprint of what it said when it was switched on.
        seen_above: the patterns that stood above it then, one a line.
        why_off: what switched it off, as a sentence; '' where it never was on, or is.
    """

    __tablename__ = "retention_rules"
    __table_args__ = (Index("ix_retention_rules_position", "position", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    name: Mapped[str]
    repositories: Mapped[str]
    keep_newest: Mapped[int | None]
    keep_days: Mapped[int | None]
    keep_tags: Mapped[str] = mapped_column(default="")
    untagged_days: Mapped[int | None]
    may_take_last_tag: Mapped[bool] = mapped_column(default=False)
    is_on: Mapped[bool] = mapped_column(default=False)
    seen_terms: Mapped[str] = mapped_column(default="")
    seen_above: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime | None]
    seen_by: Mapped[str] = mapped_column(default="")
    why_off: Mapped[str] = mapped_column(default="")
    made_by: Mapped[str]
    made_at: Mapped[datetime]


class RetentionOutcome(StrEnum):
    """How a run of the rules ended."""

    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


class PartState(StrEnum):
    """What became of one repository in a run.

    `waiting`: it would have lost more than a run may take, and a person is asked; `answered` is one that was.
    """

    INTENDED = "intended"
    UNDER_WAY = "under-way"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    WAITING = "waiting"
    ANSWERED = "answered"
    PUT_OFF = "put-off"
    INTERRUPTED = "interrupted"


OPEN_PARTS = (PartState.INTENDED, PartState.UNDER_WAY)
"""What a process that ended in the middle leaves."""


class RetentionRun(Base):
    """One run of the rules. Its row and those of its repositories are written before anything is taken.

    Attributes:
        outcome: None while it is under way.
        sentence: what it did, or why it did nothing.
        tags_foreseen: of all repositories, with those that wait or were put off.
        untagged_foreseen: the same of untagged manifests.
        bytes_foreseen: what a collection could free by them, at most.
    """

    __tablename__ = "retention_runs"
    __table_args__ = (Index("ix_retention_runs_outcome", "outcome", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    actor: Mapped[str]
    place: Mapped[str]
    outcome: Mapped[RetentionOutcome | None]
    sentence: Mapped[str] = mapped_column(default="")
    tags_foreseen: Mapped[int] = mapped_column(default=0)
    untagged_foreseen: Mapped[int] = mapped_column(default=0)
    bytes_foreseen: Mapped[int | None]
    tags_taken: Mapped[int] = mapped_column(default=0)
    untagged_taken: Mapped[int] = mapped_column(default=0)

    parts: Mapped[list[RetentionPart]] = relationship(order_by="RetentionPart.id")


class RetentionPart(Base):
    """One repository in a run: what the rule would take of it, what was taken, and why that is not the same.

    Attributes:
        rule_id: the rule; no foreign key, since rules are deleted and runs are kept.
        tags: how many tags it had that are subject to rules.
        sentence: why it waits, failed or was put off.
        differences: what was foreseen and not taken, a line each: the name, a tab, the reason.
        removal_id: the removal that took it.
        answered_by: who let a repository that waited go on.
    """

    __tablename__ = "retention_parts"
    __table_args__ = (
        Index("ix_retention_parts_run_id", "run_id", "id"),
        Index("ix_retention_parts_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("retention_runs.id"))
    rule_id: Mapped[int]
    rule_name: Mapped[str]
    repository: Mapped[str]
    state: Mapped[PartState]
    tags: Mapped[int]
    tags_foreseen: Mapped[int]
    untagged_foreseen: Mapped[int]
    bytes_foreseen: Mapped[int | None]
    tags_taken: Mapped[int] = mapped_column(default=0)
    untagged_taken: Mapped[int] = mapped_column(default=0)
    sentence: Mapped[str] = mapped_column(default="")
    differences: Mapped[str] = mapped_column(default="")
    removal_id: Mapped[int | None]
    answered_by: Mapped[str] = mapped_column(default="")
