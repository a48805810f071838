"""The table of a run's states: which steps it takes, in which order, and what happens when one fails.

This is the picture in docs/maintenance.md as code. A run is the walk from the top of its list to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from webapp.maintenance.models import RunKind, RunOutcome, StepName


class After(Enum):
    """What follows on a step that failed."""

    END = "nothing was changed, so the run ends"
    RETURN = "the order is cancelled, and the registry comes back read-write"
    RECORD = "the registry is back or it is not; either is written down"


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it is called, what follows when it fails, and what the run's outcome is then."""

    name: StepName
    title: str
    after_failure: After
    outcome: RunOutcome


_PREFLIGHT = Step(StepName.PREFLIGHT, "Look whether it can begin", After.END, RunOutcome.SKIPPED)
_CLEAR = Step(StepName.CLEAR, "Let rules take what they may, and empty the trash", After.END, RunOutcome.FAILED)
_FORETELL = (
    Step(StepName.DRY_RUN, "Dry run, beside the registry", After.END, RunOutcome.FAILED),
    Step(StepName.COMPARE, "Compare with the catalogue", After.END, RunOutcome.FAILED),
)
_AROUND = (
    Step(StepName.QUIET, "Wait for uploads", After.END, RunOutcome.FAILED),  # a question skips it
    Step(StepName.ORDER, "Make the registry step aside", After.RETURN, RunOutcome.FAILED),
    Step(StepName.PROVE_READ_ONLY, "Prove that writes are refused", After.RETURN, RunOutcome.FAILED),
    Step(StepName.COLLECT, "Collect", After.RETURN, RunOutcome.FAILED),
    Step(StepName.PROVE_READ_WRITE, "Prove that writes are accepted again", After.RECORD, RunOutcome.FAILED),
)

STEPS: dict[RunKind, tuple[Step, ...]] = {
    RunKind.DRY_RUN: (_PREFLIGHT, *_FORETELL),
    RunKind.COLLECT: (_PREFLIGHT, *_FORETELL, *_AROUND),
}
IN_A_WINDOW = (_PREFLIGHT, _CLEAR, *_FORETELL, *_AROUND)
"""A collection that nobody sits in front of begins with what was put off until then (issue 10)."""


def steps_of(kind: RunKind, in_a_window: bool) -> tuple[Step, ...]:
    """The steps of a run, in their order."""
    return IN_A_WINDOW if in_a_window and kind == RunKind.COLLECT else STEPS[kind]


def step_named(name: StepName) -> Step:
    """A step by its name."""
    return next(each for each in IN_A_WINDOW if each.name == name)


def before_order(kind: RunKind, in_a_window: bool) -> tuple[Step, ...]:
    """The steps during which the registry goes on as ever."""
    return tuple(each for each in steps_of(kind, in_a_window) if each.after_failure == After.END)
