"""`activities`: the audit log in a terminal and for scripts."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.commands import Run, runner
from tests.records import Clock, Records
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.cli.activities import activities


@pytest.fixture
def run(records: Records, clock: Clock) -> Run:
    """`activities`, of three: yesterday, an hour ago, now."""
    ages = (
        ("team/web", "1.0", Outcome.DONE, 23),
        ("team/api", "1.0", Outcome.DONE, 1),
        ("team/api", "1.1", Outcome.FAILED, 0),
    )
    with records.writing() as session:
        for repository, tag, outcome, hours in ages:
            reason = "The registry is read-only." if outcome is Outcome.FAILED else ""
            record(
                session,
                at=clock(),
                actor="alice",
                kind=ActivityKind.TAG_DELETED,
                outcome=outcome,
                reason=reason,
                repository=repository,
                tag=tag,
            )
            clock.advance(hours=hours)
    return runner(activities, records, clock)


def test_all_activities_are_printed_newest_first(run: Run) -> None:
    assert run().stdout.splitlines() == [
        "2026-03-13 09:00:00Z  alice  tag deleted  team/api:1.1  failed  The registry is read-only.",
        "2026-03-13 08:00:00Z  alice  tag deleted  team/api:1.0",
        "2026-03-12 09:00:00Z  alice  tag deleted  team/web:1.0",
    ]


def test_one_json_document_holds_them_for_a_script(run: Run) -> None:
    document = json.loads(run("--repository", "team/web", "--json").stdout)
    (only,) = document["activities"]
    assert datetime.fromisoformat(only.pop("at")) == datetime.fromisoformat("2026-03-12T09:00:00Z")
    assert only == {
        "id": 1,
        "actor": "alice",
        "kind": "tag_deleted",
        "outcome": "done",
        "reason": "",
        "repository": "team/web",
        "tag": "1.0",
        "digest": None,
        "removal_id": None,
        "run_id": None,
        "place": "",
    }


@pytest.mark.parametrize(
    ("since", "lines"),
    [
        ("30m", 1),
        ("1h", 2),
        ("2d", 3),
        ("2026-03-13", 2),
        ("2026-03-13T08:00:01Z", 1),
        ("2026-03-13T10:00:00+02:00", 2),
        ("2030-01-01", 0),
    ],
)
def test_since_takes_a_moment_or_a_length_of_time(run: Run, since: str, lines: int) -> None:
    assert len(run("--since", since).stdout.splitlines()) == lines


@pytest.mark.parametrize("since", ["yesterday", "", "1", "99999999d", "2026-13-01"])
def test_a_time_that_cannot_be_read_ends_with_2(run: Run, since: str) -> None:
    assert run("--since", since).exit_code == 2
