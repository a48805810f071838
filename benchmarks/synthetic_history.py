"""Rows of what happened in the years before: removals and their activities, sign-ins, runs of a window, notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from benchmarks.synthetic import LARGEST, Size, insert_into, repository_name
from benchmarks.synthetic_images import digest_of, mixed
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.catalogue.daily_sizes import KEPT
from webapp.catalogue.space_models import DailySize
from webapp.database import Writing
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice, NoticeKind
from webapp.removal.models import Removal, RemovalState, RemovedTag, StepState
from webapp.windows.models import Occurrence, OccurrenceState, Window

ACTORS = ("alice", "bob", "carol")
PLACE = "127.0.0.1"
AT_ONCE = 10
"""So many tags go with a removal; each fifth time there are so many sign-ins instead."""

OURS_FROM = 1_000
"""The ids of activities begin here: the first administrator has made some already."""

ACTIVITIES_A_RUN = 200
FEWEST = 120
"""So many runs and notices there are at least, as a page of them is full then."""


def fill_history(writing: Writing, size: Size, now: datetime) -> None:
    """Write the rows into records that have a catalogue; equal sizes give equal rows."""
    blocks = range(size.activities // AT_ONCE)
    removals = [each for each in blocks if each % 5 < 4]
    nights = max(FEWEST, size.activities // ACTIVITIES_A_RUN)
    runs = {number: now - timedelta(days=nights - number) for number in range(nights)}
    with writing() as session:
        session.execute(insert_into(Removal), [_removal(each, size, now) for each in removals])
        session.execute(insert_into(Activity), [row for each in blocks for row in _activities(each, size, now)])
        session.execute(insert_into(RemovedTag), [row for each in removals for row in _removed_tags(each)])
        session.execute(insert_into(Run), [_run(number, at) for number, at in runs.items()])
        session.execute(insert_into(DailySize), list(_daily_sizes(now)))
        session.execute(insert(Window), _window(now))
        session.execute(insert_into(Occurrence), [_occurrence(number, at) for number, at in runs.items()])
        session.execute(insert_into(Notice), [_notice(number, at) for number, at in runs.items()])
        session.execute(insert_into(Delivery), [row for number, at in runs.items() for row in _deliveries(number, at)])


def _daily_sizes(now: datetime) -> Iterator[dict[str, Any]]:
    """As many figures as are kept, until yesterday."""
    for number in range(1, KEPT.days):
        size_bytes = (KEPT.days - number) * 10**9
        day = (now - timedelta(days=number)).date()
        yield {"day": day, "size_bytes": size_bytes, "in_trash_bytes": 10**9, "collectable_bytes": 10**9}


def _repository(block: int, size: Size) -> str:
    return LARGEST if block % 10 == 0 else repository_name(mixed(block, size.repositories))


def _removal(block: int, size: Size, now: datetime) -> dict[str, Any]:
    at = now - timedelta(hours=block)
    return {
        "id": block + 1,
        "request_key": f"key {block}",
        "started_at": at,
        "finished_at": at,
        "actor": ACTORS[block % 3],
        "place": PLACE,
        "repository": _repository(block, size),
        "fingerprint": "",
        "state": RemovalState.DONE,
        "fencing_token": block,
        "bytes_freed": mixed(block, 10**10),
        "wanted": "",
    }


def _activities(block: int, size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    is_removal = block % 5 < 4
    for number in range(block * AT_ONCE, (block + 1) * AT_ONCE):
        yield {
            "id": OURS_FROM + number,
            "at": now - timedelta(hours=block, seconds=number % AT_ONCE),
            "kind": ActivityKind.TAG_DELETED if is_removal else ActivityKind.SIGNED_IN,
            "actor": ACTORS[block % 3],
            "place": PLACE,
            "outcome": Outcome.DONE,
            "reason": "",
            "repository": _repository(block, size) if is_removal else None,
            "tag": _removed(number) if is_removal else None,
            "digest": digest_of(b"gone %d" % number) if is_removal else None,
            "removal_id": block + 1 if is_removal else None,
            "run_id": None,
        }


def _removed(number: int) -> str:
    return f"gone-{number}"


def _removed_tags(block: int) -> Iterator[dict[str, Any]]:
    for number in range(block * AT_ONCE, (block + 1) * AT_ONCE):
        yield {
            "removal_id": block + 1,
            "name": _removed(number),
            "digest": digest_of(b"gone %d" % number),
            "activity_id": OURS_FROM + number,
            "state": StepState.DELETED,
        }


def _run(number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": number + 1,
        "kind": RunKind.COLLECT,
        "actor": "schedule",
        "place": PLACE,
        "activity_id": 0,
        "token": f"token {number}",
        "fencing_token": number,
        "started_at": at,
        "finished_at": at + timedelta(minutes=3),
        "outcome": RunOutcome.SUCCEEDED,
        "ordered_at": at,
        "bytes_predicted": mixed(number, 10**10),
        "bytes_freed": mixed(number, 10**10),
        "blobs": mixed(number, 10**4),
        "manifests": mixed(number, 10**3),
        "seconds_without_push": 40.0,
        "seconds_without_pull": 0.0,
    }


def _window(now: datetime) -> dict[str, Any]:
    return {
        "id": 1,
        "name": "Nightly",
        "weekdays": "0,1,2,3,4,5,6",
        "starts": "03:00",
        "zone": "Europe/Berlin",
        "longest_s": 3600,
        "planned_from": now,
        "made_by": ACTORS[0],
    }


def _occurrence(number: int, at: datetime) -> dict[str, Any]:
    return {
        "window_id": 1,
        "planned_at": at,
        "noted_at": at,
        "state": OccurrenceState.RUN,
        "run_id": number + 1,
    }


def _notice(number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": number + 1,
        "kind": NoticeKind.RUN_FAILED,
        "subject": str(number),
        "sentence": f"The run {number} has failed.",
        "began_at": at,
        "ended_at": at + timedelta(hours=1),
    }


def _deliveries(number: int, at: datetime) -> Iterator[dict[str, Any]]:
    for event in ("began", "ended"):
        yield {
            "key": f"{event} {number}",
            "notice_id": number + 1,
            "channel": Channel.WEBHOOK,
            "event": event,
            "body": "{}",
            "state": DeliveryState.SENT,
            "made_at": at,
            "next_try_at": at,
            "answer": "200 OK",
        }
