"""Where the process that drives a run can be killed: at each of its transactions, right before or after the commit.

A point is a step and the place of a transaction in it. What a sync inside a step writes counts by itself, since it
depends on what the registry holds.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.catalogue.sync import LEASE as SYNC
from webapp.database import Writing
from webapp.leases import is_held
from webapp.maintenance.models import Run, RunStep, StepState


@dataclass(frozen=True)
class Point:
    """`within` is a step's name, before and after all of them `lease`, `run` and `end`; `place` counts from 1."""

    within: str
    place: int = 1
    is_sync: bool = False

    def __str__(self) -> str:
        return f"{self.within} {'sync ' if self.is_sync else ''}{self.place}"


def watched(writing: Writing, seen: Callable[[Point, bool], None]) -> Writing:
    """The same transactions; each is told of right before its commit (False) and right after it (True)."""
    places: Counter[tuple[str, bool]] = Counter()
    last = ["lease"]

    @contextmanager
    def watching() -> Iterator[Session]:
        with writing() as session:
            yield session
            session.flush()
            begun = session.scalar(select(RunStep.name).where(RunStep.state == StepState.NOW))
            if begun is not None:
                last[0] = begun
            elif session.scalar(select(func.count()).where(Run.outcome.is_not(None))):
                last[0] = "end"
            elif last[0] == "lease" and session.scalar(select(func.count()).select_from(Run)):
                last[0] = "run"
            is_sync = is_held(session, SYNC)
            places[last[0], is_sync] += 1
            point = Point(last[0], places[last[0], is_sync], is_sync)
            seen(point, False)
        seen(point, True)

    return watching


def killing(writing: Writing, at: Point, *, before: bool) -> Writing:
    """Transactions, of which one is the last."""

    def kill(point: Point, is_committed: bool) -> None:
        if point == at and is_committed is not before:
            os.kill(os.getpid(), signal.SIGKILL)

    return watched(writing, kill)
