"""Tables of runs. A step is written before it is taken and completed after it (law 2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base


class RunKind(StrEnum):
    """A collection frees space; a dry run only says what one would free."""

    COLLECT = "collect"
    DRY_RUN = "dry-run"


class RunOutcome(StrEnum):
    """How a run ended; a run without one is under way, or nobody knows yet how it ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


class Strategy(StrEnum):
    """What becomes of pulls while the registry refuses pushes (the keeper's `reads`)."""

    STOP = "stop"
    READ_ONLY = "read-only"
    OVERLAPPED = "overlapped"


class Question(StrEnum):
    """What only a person can answer: a run ends with one, and the next may be told to go on all the same."""

    LOST_TAGS = "lost-tags"
    UPLOADS = "uploads"


class Obstacle(StrEnum):
    """Why a run of a window did not begin, where nothing was wrong."""

    NOT_WORTH_IT = "not-worth-it"
    DOES_NOT_FIT = "does-not-fit"


class StepName(StrEnum):
    """The steps of a run, in their order; `states.py` says which kind of run has which."""

    PREFLIGHT = "preflight"
    CLEAR = "clear"
    DRY_RUN = "dry-run"
    COMPARE = "compare"
    QUIET = "quiet"
    ORDER = "order"
    PROVE_READ_ONLY = "prove-read-only"
    COLLECT = "collect"
    PROVE_READ_WRITE = "prove-read-write"


class StepState(StrEnum):
    """What became of a step."""

    NOW = "now"
    DONE = "done"
    FAILED = "failed"


class Run(Base):
    """One run. `token` names the order to the keeper; it is written before the order is.

    Attributes:
        asks: the question that it ended with; '' for none.
        obstacle: what kept it from beginning in its window; '' for nothing.
        agreed: the questions that were answered beforehand, separated by commas.
        stopped_by: who asked it to stop; '' for nobody.
        ordered_at: when the registry was about to be asked to step aside. What was removed before is collected.
        estimated_s: seconds without push as foretold, between `estimated_least_s` and `estimated_most_s`.
        dry_run_s: what the dry run took.
        blobs_marked, manifests_marked: what the collector found to be in use; they grow while it looks.
        blobs_deleted: how far it is.
        blobs_of_unknown_size: so many are not in `bytes_predicted`, and not in `bytes_freed` where the store cannot
            be read: it is at least that much.
        tags_seen: how many the catalogue had.
        ends_by: when the window that it belongs to ends; None for a run outside one.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_started_at", "started_at", "id"),
        Index("ix_runs_outcome", "outcome"),
        Index("ix_runs_freed_at", "kind", "outcome", "ordered_at"),
        Index("ix_runs_ended", "kind", "id", sqlite_where=text("outcome IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RunKind]
    strategy: Mapped[str] = mapped_column(default="read-only")
    actor: Mapped[str]
    place: Mapped[str]
    activity_id: Mapped[int]
    token: Mapped[str] = mapped_column(unique=True)
    fencing_token: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[RunOutcome | None]
    reason: Mapped[str] = mapped_column(default="")
    bytes_predicted: Mapped[int | None]
    bytes_freed: Mapped[int | None]
    blobs: Mapped[int | None]
    manifests: Mapped[int | None]
    seconds_without_push: Mapped[float | None]
    seconds_without_pull: Mapped[float | None]
    asks: Mapped[str] = mapped_column(default="")
    obstacle: Mapped[str] = mapped_column(default="")
    agreed: Mapped[str] = mapped_column(default="")
    stopped_by: Mapped[str] = mapped_column(default="")
    ordered_at: Mapped[datetime | None]
    estimated_s: Mapped[float | None]
    estimated_least_s: Mapped[float | None]
    estimated_most_s: Mapped[float | None]
    dry_run_s: Mapped[float | None]
    blobs_marked: Mapped[int | None]
    manifests_marked: Mapped[int | None]
    blobs_deleted: Mapped[int | None]
    blobs_of_unknown_size: Mapped[int] = mapped_column(default=0)
    tags_seen: Mapped[int | None]
    ends_by: Mapped[datetime | None]
    output: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    steps: Mapped[list[RunStep]] = relationship(order_by="RunStep.position")


class RunStep(Base):
    """One step of a run; `proof` says in a sentence how we know that it is done, or why it failed."""

    __tablename__ = "run_steps"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[StepName]
    state: Mapped[StepState]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    proof: Mapped[str] = mapped_column(default="")


class Confirmation(Base):
    """What an administrator has checked because Holystone cannot: that no cache outlives a collection."""

    __tablename__ = "confirmations"

    name: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]
    at: Mapped[datetime]


class KeeperReadiness(StrEnum):
    """Whether a run could begin, as far as the keeper goes."""

    READY = "ready"
    BUSY = "busy"
    MISSING = "missing"
    REFUSED = "refused"


class KeeperSeen(Base):
    """One row: what the keeper said when it was last looked at, so that pages need not ask it (law 9)."""

    __tablename__ = "keeper_seen"

    id: Mapped[int] = mapped_column(primary_key=True)
    readiness: Mapped[KeeperReadiness]
    sentence: Mapped[str]
    registry_version: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime]


class Hold(Base):
    """The registry read-only for a stated time, for a backup or a move. The keeper ends it, whoever else lives.

    Attributes:
        token: names the order to the keeper; it is written before the order is.
        until: when it ends at the latest.
        held_at: when it was proved that writes are refused; None before.
        reason: that proof, and then why it ended.
        outcome: None while it is under way, or nobody knows yet how it ended.
    """

    __tablename__ = "holds"
    __table_args__ = (Index("ix_holds_outcome", "outcome"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    strategy: Mapped[str]
    actor: Mapped[str]
    place: Mapped[str]
    purpose: Mapped[str] = mapped_column(default="")
    activity_id: Mapped[int]
    fencing_token: Mapped[int]
    started_at: Mapped[datetime]
    until: Mapped[datetime]
    held_at: Mapped[datetime | None] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    outcome: Mapped[RunOutcome | None]
    reason: Mapped[str] = mapped_column(default="")
    stopped_by: Mapped[str] = mapped_column(default="")
