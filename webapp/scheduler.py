"""Which job runs when. The only file that imports APScheduler, which triggers and remembers nothing.

Each job is safe to run twice and at any moment: what has to be done is in the records, and leases see to it that
only one process does it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from webapp.catalogue.rows import registry_state
from webapp.catalogue.sync import sync_if_free
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.parts import Parts
from webapp.removal.recovery import recover

log = logging.getLogger(__name__)

RECOVERY_INTERVAL_S = 60
HEARTBEAT_INTERVAL_S = 20


def start(parts: Parts) -> BackgroundScheduler:
    """Start the jobs of the dashboard, each once at the start; returns the scheduler, to be shut down at the end."""
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(4)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600},
    )
    jobs: dict[Callable[[Parts], object], float] = {
        beat: HEARTBEAT_INTERVAL_S,
        end_runs: RECOVERY_INTERVAL_S,
        look_up_removals: RECOVERY_INTERVAL_S,
        look_at_the_registry: parts.settings.SYNC_INTERVAL,
    }
    for job, seconds in jobs.items():
        scheduler.add_job(job, "interval", seconds=seconds, args=[parts], next_run_time=parts.now(), id=job.__name__)
    scheduler.start()
    return scheduler


def beat(parts: Parts) -> None:
    """Write down that the scheduler lives, and what the keeper says, for the pages."""
    with parts.writing() as session:
        registry_state(session).scheduler_seen_at = parts.now()
    look_at_keeper(parts.maintainer)


def end_runs(parts: Parts) -> None:
    """Bring runs whose process is gone to their true end."""
    end_interrupted_runs(parts.maintainer)


def look_up_removals(parts: Parts) -> None:
    """Find out what became of removals whose process is gone. Deletes nothing (law 6)."""
    recover(parts.remover)


def look_at_the_registry(parts: Parts) -> None:
    """Bring the catalogue up to date."""
    report = sync_if_free(parts.catalogue)
    if report and report.problem:
        log.warning("The sync is not complete: %s", report.problem)
