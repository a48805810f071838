"""Tables of runs. A step is written before it is taken and completed after it (law 2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary
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


class StepName(StrEnum):
    """The steps of a run, in their order. A dry run has the first two and `collect` only."""

    PREFLIGHT = "preflight"
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
    """One run. `token` names the order to the keeper; it is written before the order is."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_started_at", "started_at", "id"), Index("ix_runs_outcome", "outcome"))

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
