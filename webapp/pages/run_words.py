"""What a run is called, how it went, and what a strategy means, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webapp.maintenance import listing
from webapp.maintenance.models import Question, Run, RunKind, RunOutcome, Strategy
from webapp.pages.filters import duration

FORETOLD_BY_DRY_RUN = "Not known yet: a dry run tells, and changes nothing."
PAST = {
    RunOutcome.FAILED: "failed",
    RunOutcome.STOPPED: "was stopped",
    RunOutcome.INTERRUPTED: "was interrupted",
    RunOutcome.SKIPPED: "did not begin",
}
ALL_THE_SAME = "Free space all the same"
IF_MEANT = {
    Question.LOST_TAGS: "Where they were removed on purpose, go on.",
    Question.UPLOADS: "An upload that is cut off has to be repeated.",
}
GONE_IS_GONE = "What is gone is gone; nothing else was touched, and the next run goes on from there."


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """One way to make the registry read-only, and what people who push and pull notice of it."""

    value: Strategy
    label: str
    words: str
    is_chosen: bool


def strategy_choices(has_reader: bool, foretold: Run | None, time: str = "") -> list[StrategyChoice]:
    """The ways that this registry has, the best first.

    Args:
        foretold: the latest run that has foretold how long pushes stop; None where none has.
        time: for how long pushes stop, in words, where that is known otherwise.
    """
    time = time or _time_without_push(foretold)
    found = [
        (Strategy.READ_ONLY, "Read-only", f"Pulls pause twice for some 50 ms. Pushes are refused {time}."),
        (Strategy.STOP, "Stop", f"Neither pulls nor pushes are answered {time}."),
    ]
    if has_reader:
        found.insert(0, (Strategy.OVERLAPPED, "Overlapped", f"Pulls never stop. Pushes are refused {time}."))
    return [StrategyChoice(value, label, words, at == 0) for at, (value, label, words) in enumerate(found)]


def _time_without_push(foretold: Run | None) -> str:
    if foretold is None or foretold.estimated_s is None:
        return "for as long as the collection takes"
    return f"for {estimate_words(foretold)}"


def estimate_words(run: Run) -> str:
    """'about 12.0 s (9.0 s to 20.0 s)'; '' where nothing is foretold."""
    if run.estimated_s is None:
        return ""
    least, most = run.estimated_least_s, run.estimated_most_s
    spread = f" ({duration(least)} to {duration(most)})" if least is not None and most is not None else ""
    return f"about {duration(run.estimated_s)}{spread}"


def title_of(run: Run) -> str:
    """What a run does."""
    return "Dry run" if run.kind == RunKind.DRY_RUN else "Freeing space"


def run_line(run: Run) -> dict[str, Any]:
    """A run as a line of the list."""
    return {
        "id": run.id,
        "started_at": run.started_at,
        "actor": run.actor,
        "outcome": run.outcome.value if run.outcome else "under way",
        "outcome_kind": listing.outcome_kind(run),
        "bytes_freed": run.bytes_freed,
        "blobs": run.blobs,
        "seconds": (run.finished_at - run.started_at).total_seconds() if run.finished_at else None,
        "seconds_without_push": run.seconds_without_push,
        "is_dry_run": run.kind == RunKind.DRY_RUN,
    }


def run_details(run: Run, is_administrator: bool) -> dict[str, Any]:
    """A run as its page shows it."""
    is_live = run.outcome is None
    return {
        **run_line(run),
        "title": f"{title_of(run)}, run {run.id}",
        "strategy": "" if run.kind == RunKind.DRY_RUN else run.strategy,
        "is_live": is_live,
        "may_stop": is_live and is_administrator and not run.stopped_by,
        "stopping": f"{run.stopped_by} asked it to stop." if is_live and run.stopped_by else "",
        "sentence": _sentence(run),
        "remedy": _remedy(run),
        "ended_at": run.finished_at,
        "bytes_predicted": run.bytes_predicted,
        "manifests": run.manifests,
        "least": "at least " if run.blobs_of_unknown_size else "",
        "estimate": estimate_words(run),
        "seconds_without_pull": run.seconds_without_pull,
        "progress": _progress(run),
        "question": _question(run) if is_administrator else None,
        "may_follow": is_administrator and run.kind == RunKind.DRY_RUN and run.outcome == RunOutcome.SUCCEEDED,
    }


def _progress(run: Run) -> dict[str, Any] | None:
    """How far the collector is; None where it is not at work."""
    if run.outcome is not None or run.blobs_deleted is None:
        return None
    if not run.blobs_deleted:
        return {"done": None, "total": None, "words": f"{run.manifests_marked or 0:,} manifests marked"}
    words = f"{run.blobs_deleted:,} of {run.blobs or 0:,} blobs deleted"
    return {"done": run.blobs_deleted, "total": run.blobs, "words": words}


def _question(run: Run) -> dict[str, str] | None:
    if run.outcome != RunOutcome.SKIPPED or run.asks not in list(Question):
        return None
    return {"value": run.asks, "label": ALL_THE_SAME, "strategy": run.strategy, "kind": run.kind.value}


def _sentence(run: Run) -> str:
    if run.outcome is None:
        return ""
    if run.outcome == RunOutcome.SUCCEEDED:
        return "The dry run succeeded; nothing was changed." if run.kind == RunKind.DRY_RUN else "The run succeeded."
    return f"The run {PAST[run.outcome]}. {run.reason}"


def _remedy(run: Run) -> str:
    if run.outcome == RunOutcome.SKIPPED and run.asks in list(Question):
        return IF_MEANT[Question(run.asks)]
    if run.outcome in (None, RunOutcome.SUCCEEDED, RunOutcome.SKIPPED):
        return ""
    if run.outcome == RunOutcome.STOPPED and run.seconds_without_push is not None:
        return GONE_IS_GONE
    return "Status says whether the registry takes writes."
