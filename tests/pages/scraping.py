"""A scrape, as Prometheus makes one, and records with a bit of everything that it tells."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.orm import Session

from tests.pages.conftest import Visitor
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import Hold, KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome
from webapp.notices.models import Notice, NoticeKind
from webapp.removal.models import Removal, RemovalState
from webapp.windows.models import Occurrence, OccurrenceState, Window

TOKEN = "a-token-of-the-tests-0123456789"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(app: Flask) -> str:
    """What `/metrics` prints for whoever knows the token."""
    answer = Visitor(app).get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return answer.get_data(as_text=True)


def samples(app: Flask) -> Samples:
    """All samples of a scrape, by name and labels."""
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(scrape(app))
        for each in family.samples
    }


def of(found: Samples, name: str, /, **labels: str) -> float | None:
    """One sample; None where there is none."""
    return found.get((f"holystone_{name}", frozenset(labels.items())))


def fill(session: Session, now: datetime) -> None:
    """A registry in a hold, runs and removals that ended in several ways, three windows, notices."""
    state = registry_state(session)
    state.mode, state.mode_since, state.checked_at = RegistryMode.READ_ONLY, now - timedelta(minutes=4), now
    state.size_bytes, state.left_out = 48_200_000, 3
    state.sync_complete_at, state.scheduler_seen_at = now - timedelta(minutes=10), now
    session.merge(KeeperSeen(id=1, readiness=KeeperReadiness.READY, sentence="", registry_version="", seen_at=now))
    add_run(session, 1, RunOutcome.SUCCEEDED, now - timedelta(days=8))
    add_run(session, 2, RunOutcome.FAILED, now - timedelta(days=1))
    add_run(session, 3, RunOutcome.SUCCEEDED, now - timedelta(hours=1), RunKind.DRY_RUN)
    add_run(session, 4, None, now)
    session.add(
        Hold(token="hold", strategy="read-only", actor="alice", place="", activity_id=1, fencing_token=1, reason="",
             started_at=now - timedelta(minutes=4), until=now + timedelta(hours=1))
    )  # fmt: skip
    for number, removal_state in enumerate((*[RemovalState.DONE] * 3, RemovalState.PARTLY, RemovalState.UNKNOWN)):
        add_removal(session, number, removal_state, now)
    add_window(session, 1, "Sunday night", now)
    add_window(session, 2, "Every night", now, paused_until=now + timedelta(days=3))
    add_window(session, 3, "Ended", now, ended_at=now - timedelta(days=2))
    add_occurrence(session, 1, now - timedelta(days=8), OccurrenceState.RUN, 1)
    add_occurrence(session, 1, now - timedelta(days=1), OccurrenceState.RUN, 2)
    add_occurrence(session, 1, now - timedelta(minutes=1), None, 4)
    add_occurrence(session, 2, now - timedelta(days=5), OccurrenceState.NOT_WORTH_IT)
    add_occurrence(session, 2, now - timedelta(days=4), OccurrenceState.MISSED)
    add_occurrence(session, 3, now - timedelta(days=3), OccurrenceState.MISSED)
    for subject in ("store", "records"):
        session.add(Notice(kind=NoticeKind.DISK_NEARLY_FULL, subject=subject, sentence="", began_at=now))
    session.add(Notice(kind=NoticeKind.RUN_FAILED, subject="1", sentence="", began_at=now, ended_at=now))


def add_run(
    session: Session, number: int, outcome: RunOutcome | None, at: datetime, kind: RunKind = RunKind.COLLECT
) -> None:
    """A run of 90 seconds that freed `number` thousand bytes."""
    session.add(
        Run(id=number, kind=kind, actor="alice", place="", activity_id=number, token=f"run-{number}", fencing_token=1,
            started_at=at, finished_at=at + timedelta(seconds=90) if outcome else None, outcome=outcome, ordered_at=at,
            bytes_freed=1000 * number, seconds_without_push=12.5, seconds_without_pull=0.25)
    )  # fmt: skip


def add_removal(session: Session, number: int, state: RemovalState, at: datetime) -> None:
    """A removal of nothing."""
    session.add(
        Removal(request_key=f"key-{number}", started_at=at, actor="alice", place="", repository="team/api",
                fingerprint="", state=state, fencing_token=1)
    )  # fmt: skip


def add_window(session: Session, number: int, name: str, now: datetime, **more: datetime) -> None:
    """A window that was made thirty days ago."""
    session.add(
        Window(id=number, name=name, weekdays="6", starts="03:00", zone="UTC", longest_s=3600, made_by="alice",
               planned_from=now - timedelta(days=30), **more)
    )  # fmt: skip
    session.flush()


def add_occurrence(
    session: Session, window_id: int, at: datetime, state: OccurrenceState | None, run_id: int | None = None
) -> None:
    """What became of a planned time."""
    session.add(Occurrence(window_id=window_id, planned_at=at, noted_at=at, state=state, run_id=run_id))
