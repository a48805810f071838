"""Which job runs when. The only file that imports APScheduler, which triggers and remembers nothing.

Each job is safe to run twice and at any moment: what has to be done is in the records, and leases see to it that
only one process does it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import DatabaseError, OperationalError

from webapp.backups.backup import BackupFailed
from webapp.backups.nightly import back_up_if_due
from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryState
from webapp.catalogue.state import registry_state
from webapp.catalogue.sync import sync_if_free
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.reconcile import Unreadable, reconcile
from webapp.maintenance.space import is_sync_under_way, measure_space
from webapp.notices.deliver import deliver_due, forget_old
from webapp.notices.watch import look
from webapp.parts import Parts
from webapp.removal.recovery import recover
from webapp.removal.trash_upkeep import check_new_items, look_after_trash
from webapp.retention.run import look_up_interrupted
from webapp.windows.due import carry_out_what_is_due, is_anything_due

log = logging.getLogger(__name__)

RECOVERY_INTERVAL_S = 60
RECONCILE_INTERVAL_S = 10
HEARTBEAT_INTERVAL_S = 20
WINDOWS_INTERVAL_S = 10
NOTICE_INTERVAL_S = 20
BACKUP_INTERVAL_S = 900
SPACE_INTERVAL_S = 60
DAY_S = 86400
ASKED_EVERY = timedelta(minutes=1)


class Scheduler(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler's, which tells long jobs that it ends before it waits for them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ends = threading.Event()

    def shutdown(self, wait: bool = True) -> None:
        """End: no job begins any more, and those under way are waited for."""
        self.ends.set()
        super().shutdown(wait)


def start(parts: Parts) -> Scheduler:
    """Start the jobs of the dashboard, each once at the start; returns the scheduler, to be shut down at the end."""
    scheduler = Scheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(8)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600},
    )
    jobs: dict[Callable[[Parts], object], float] = {
        beat: HEARTBEAT_INTERVAL_S,
        look_up_removals: RECOVERY_INTERVAL_S,
        look_at_windows: WINDOWS_INTERVAL_S,
        ask_the_registry: NOTICE_INTERVAL_S,
        look_for_trouble: NOTICE_INTERVAL_S,
        send_notices: NOTICE_INTERVAL_S,
        forget_old_notices: DAY_S,
        back_up_the_records: BACKUP_INTERVAL_S,
        add_up_the_space: SPACE_INTERVAL_S,
    }
    for job, seconds in jobs.items():
        scheduler.add_job(job, "interval", seconds=seconds, args=[parts], next_run_time=parts.now(), id=job.__name__)
    scheduler.add_job(
        reconcile_runs,
        "interval",
        seconds=RECONCILE_INTERVAL_S,
        args=[parts, Unreadable()],
        next_run_time=parts.now(),
        id=reconcile_runs.__name__,
    )
    scheduler.add_job(
        look_at_the_registry,
        "interval",
        seconds=parts.settings.SYNC_INTERVAL,
        args=[parts, scheduler.ends],
        next_run_time=parts.now(),
        id=look_at_the_registry.__name__,
    )
    logging.getLogger("apscheduler.executors.default").addFilter(_is_news)
    scheduler.start()
    return scheduler


def _is_news(told: logging.LogRecord) -> bool:
    """Whether a job's failure is worth a line. That the records cannot be used is said once, by `reconcile`."""
    return not (told.exc_info and type(told.exc_info[1]) in (DatabaseError, OperationalError))


def beat(parts: Parts) -> None:
    """Write down that the scheduler lives, and what the keeper says, for the pages."""
    with parts.writing() as session:
        registry_state(session).scheduler_seen_at = parts.now()
    look_at_keeper(parts.maintainer)


def reconcile_runs(parts: Parts, unreadable: Unreadable) -> None:
    """Adopt what a dead process left, end what has ended, and report a mode that nothing explains."""
    reconcile(parts.maintainer, unreadable)


def look_up_removals(parts: Parts) -> None:
    """Find out what became of removals, and of runs of the rules, whose process is gone. Deletes nothing (law 6)."""
    recover(parts.remover)
    check_new_items(parts.remover)
    look_up_interrupted(parts.reading, parts.retainer)


def look_at_the_registry(parts: Parts, ends: threading.Event) -> None:
    """Bring the catalogue up to date, as far as it comes before the process ends."""
    report = sync_if_free(parts.catalogue, lambda: not ends.is_set())
    if report and report.problem and not ends.is_set():
        log.warning("The sync is not complete: %s", report.problem)
    if report and not ends.is_set():
        look_after_trash(parts.remover, parts.settings.TRASH_MAX_BYTES)
    if not ends.is_set():
        measure_space(parts.reading, parts.writing, parts.now())


def add_up_the_space(parts: Parts) -> None:
    """Add up anew what removals have changed. What a sync changes is added up when it has ended."""
    with parts.reading() as session:
        if is_sync_under_way(session):
            return
    measure_space(parts.reading, parts.writing, parts.now())


def look_at_windows(parts: Parts) -> None:
    """Begin what is due, in a thread of its own: the run of a window may take hours, and the other jobs go on."""
    with parts.reading() as session:
        if not is_anything_due(session, parts.now()):
            return
    threading.Thread(target=_carry_out_windows, args=[parts], name="window", daemon=True).start()


def _carry_out_windows(parts: Parts) -> None:
    try:
        carry_out_what_is_due(parts.maintainer)
    except Exception:
        log.exception("The run of a window ended early")  # the records say how far it came, and the next look goes on


def ask_the_registry(parts: Parts) -> None:
    """Ask it every minute whether it answers, so that it is known for how long it has not. A sync asks less often."""
    with parts.reading() as session:
        state = session.get(RegistryState, 1)
    asked_at = state.checked_at if state else None
    if asked_at is None or abs(parts.now() - asked_at) >= ASKED_EVERY:
        check_registry(parts.catalogue)


def look_for_trouble(parts: Parts) -> None:
    """Begin and end notices."""
    look(parts.watch, parts.now())


def send_notices(parts: Parts) -> None:
    """Send what waits to be sent."""
    deliver_due(parts.messenger)


def forget_old_notices(parts: Parts) -> None:
    """Delete what is older than a year."""
    with parts.writing() as session:
        forget_old(session, parts.now())


def back_up_the_records(parts: Parts) -> None:
    """Make today's backup, if there is none yet. One that fails is tried again a quarter of an hour later."""
    try:
        back_up_if_due(parts.settings, parts.reading, parts.writing, parts.now())
    except BackupFailed as failure:
        log.warning("The nightly backup failed", extra={"reason": str(failure)})
