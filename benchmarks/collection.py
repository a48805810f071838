"""A collection by the keeper, beside the bare collector on a copy of the same store; and how well it was foretold."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from statistics import median

from benchmarks.big_store import write_store
from benchmarks.collecting import kept_registry
from benchmarks.figure import Figure
from benchmarks.ground import empty_records
from tests.registry_process import BINARY, RegistryProcess
from webapp.maintenance.estimate import EstimateFacts, PastRun, estimate
from webapp.maintenance.models import Run, RunKind

ROUNDS = 3
SLACK_S = 2.0
PAST_GARBAGE = (0.1, 0.4, 0.2)
LAST_GARBAGE = 0.3
"""The shares of deleted manifests in three runs, and in the fourth that is foretold from them."""


def measure(folder: Path) -> list[Figure]:
    """Collect the same store both ways in turns; what is predicted is looked at in the last run."""
    template = empty_records(folder)
    ours, bare = [], []
    for number in range(ROUNDS):
        with kept_registry(folder / f"kept-{number}", template) as kept:
            row = kept.run(RunKind.COLLECT)
        assert row.seconds_without_push is not None
        ours.append(row.seconds_without_push)
        bare.append(_bare_collector_s(folder / f"bare-{number}"))
    assert row.bytes_predicted and row.bytes_freed
    return [
        Figure("no push in a collection", median(ours), "bare garbage-collect", median(bare), "s", 1, True, SLACK_S),
        Figure("bytes predicted", row.bytes_predicted, "freed", row.bytes_freed, "bytes", 1, True, least_ratio=1),
    ]


def measure_estimate(folder: Path) -> list[Figure]:
    """Collect three stores that hold different garbage, and foretell the fourth from its dry run."""
    template = empty_records(folder)
    past: list[PastRun] = []
    for number, garbage in enumerate((*PAST_GARBAGE, LAST_GARBAGE)):
        with kept_registry(folder / f"kept-{number}", template, garbage) as kept:
            row = kept.run(RunKind.COLLECT)
        assert row.seconds_without_push is not None
        past.append(PastRun(_facts_of(row), row.seconds_without_push))
    *known, last = past
    return [
        _estimated("no push, foretold from nothing", last, [], None),
        _estimated("no push, foretold from 3 runs", last, known, 1.25),
    ]


def _estimated(name: str, truth: PastRun, known: list[PastRun], target: float | None) -> Figure:
    seconds = estimate(truth.facts, known).seconds
    least = 0.75 if target else 0.0
    return Figure(name, seconds, "it took", truth.seconds_without_push, "s", target, True, least_ratio=least)


def _facts_of(row: Run) -> EstimateFacts:
    assert row.dry_run_s and row.blobs_marked and row.blobs
    return EstimateFacts(row.dry_run_s, row.manifests or 0, row.blobs_marked, row.blobs)


def _bare_collector_s(home: Path) -> float:
    """How long the collector takes with no registry beside it, as an administrator would run it."""
    registry = RegistryProcess(home)
    write_store(registry.store)
    with registry:
        config = registry.config
    command = [BINARY, "garbage-collect", str(config)]
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
