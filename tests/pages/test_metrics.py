"""`/metrics`: who may read it, what it says, and that it costs nobody anything."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from tests.pages.conftest import MakeApp, Visitor, parts_of
from tests.pages.scraping import TOKEN, Samples, add_occurrence, add_removal, add_run, fill, of, samples, scrape
from webapp.maintenance.models import RunOutcome
from webapp.metrics.requests import METHODS, OTHER
from webapp.removal.models import RemovalState
from webapp.version import VERSION
from webapp.windows.models import OccurrenceState

KEEPER = "/nowhere/keeper"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """With a token, in front of a registry and a keeper that are not there: a scrape asks neither (law 9)."""
    return make_app(METRICS_TOKEN=TOKEN, KEEPER_FOLDER=KEEPER)


@pytest.fixture
def filled(app: Flask) -> Samples:
    """What a scrape says of records with a bit of everything."""
    here = parts_of(app)
    with here.writing() as session:
        fill(session, here.now())
    return samples(app)


def test_without_a_token_in_the_settings_there_is_no_such_page(make_app: MakeApp) -> None:
    app = make_app()
    assert Visitor(app).get("/metrics", Authorization="Bearer ").status_code == 404
    assert Visitor(app).sign_in("alice").get("/metrics").status_code == 404


@pytest.mark.parametrize(
    "given", ["", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ü"]
)
def test_whoever_does_not_know_the_token_is_told_what_is_missing(app: Flask, given: str) -> None:
    for visitor in (Visitor(app), Visitor(app).sign_in("alice")):  # a session is worth nothing here
        answer = visitor.get("/metrics", Authorization=given)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
        assert answer.get_data(as_text=True) == "unauthorized\n"


def test_a_scrape_opens_no_session(app: Flask) -> None:
    answer = Visitor(app).get("/metrics", Authorization=f"bearer {TOKEN}")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_it_says_what_the_registry_allows_and_how_old_that_is(app: Flask, filled: Samples) -> None:
    modes = {
        mode: of(filled, "registry_mode", mode=mode) for mode in ("read-write", "read-only", "unreachable", "unknown")
    }
    assert modes == {"read-write": 0, "read-only": 1, "unreachable": 0, "unknown": 0}
    synced = of(filled, "last_sync_timestamp_seconds")
    age = of(filled, "last_sync_age_seconds")
    assert synced is not None
    assert age is not None and age >= 600
    assert of(filled, "scheduler_seen_timestamp_seconds") == pytest.approx(synced + 600)
    assert (of(filled, "registry_size_bytes"), of(filled, "registry_manifests_left_out")) == (48_200_000, 3)
    assert of(filled, "keeper_readiness", readiness="ready") == 1
    assert of(filled, "keeper_readiness", readiness="missing") == 0


def test_it_says_how_the_last_collection_ended_and_counts_all_runs(filled: Samples) -> None:
    assert of(filled, "last_run_outcome", outcome="failed") == 1
    assert of(filled, "last_run_outcome", outcome="succeeded") == 0
    assert of(filled, "last_run_duration_seconds") == 90
    assert of(filled, "last_run_without_push_seconds") == 12.5
    assert of(filled, "last_run_without_pull_seconds") == 0.25
    assert of(filled, "last_run_freed_bytes") == 2000
    ended, succeeded = (
        of(filled, "last_run_end_timestamp_seconds"),
        of(filled, "last_successful_run_end_timestamp_seconds"),
    )
    assert ended is not None and succeeded is not None
    assert ended - succeeded == pytest.approx(7 * 86400)
    assert of(filled, "run_under_way") == 1
    assert of(filled, "runs_total", kind="collect", outcome="succeeded") == 1
    assert of(filled, "runs_total", kind="collect", outcome="failed") == 1
    assert of(filled, "runs_total", kind="dry-run", outcome="succeeded") == 1
    assert of(filled, "runs_total", kind="collect", outcome="stopped") == 0
    assert of(filled, "hold_under_way") == 1


def test_it_counts_removals_by_outcome_and_open_notices_by_kind(filled: Samples) -> None:
    outcomes = {each: of(filled, "removals_total", outcome=each) for each in ("done", "partly", "failed")}
    assert outcomes == {"done": 3, "partly": 1, "failed": 0}
    assert of(filled, "removals_unfinished", state="unknown") == 1
    assert of(filled, "notices_open", kind="disk_nearly_full") == 2
    assert of(filled, "notices_open", kind="run_failed") == 0


def test_it_says_of_each_window_what_became_of_it_and_when_it_last_went_well(app: Flask, filled: Samples) -> None:
    now = parts_of(app).now().timestamp()
    sunday, nightly = {"window": "1", "name": "Sunday night"}, {"window": "2", "name": "Every night"}
    assert of(filled, "window_last_occurrence", state="run", **sunday) == 1
    assert of(filled, "window_last_occurrence", state="missed", **nightly) == 1
    assert of(filled, "window_last_occurrence", state="run", **nightly) == 0
    well = [of(filled, "window_last_success_timestamp_seconds", **each) for each in (sunday, nightly)]
    assert [now - (each or 0) for each in well] == pytest.approx([8 * 86400, 5 * 86400], abs=3600)
    assert [of(filled, "window_paused", **each) for each in (sunday, nightly)] == [0, 1]
    assert not any("Ended" in dict(labels).values() for _name, labels in filled)


def test_it_says_when_each_window_begins_next_as_far_as_anybody_can(app: Flask, filled: Samples) -> None:
    now = parts_of(app).now().timestamp()
    sunday, nightly = {"window": "1", "name": "Sunday night"}, {"window": "2", "name": "Every night"}
    begins, after_the_pause = (of(filled, "window_next_timestamp_seconds", **each) for each in (sunday, nightly))
    assert begins is not None and 0 < begins - now <= 7 * 86400
    assert begins % 86400 == 3 * 3600
    assert after_the_pause is not None and after_the_pause - now > 3 * 86400 - 60
    with parts_of(app).writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base' WHERE id = 1"))
    found = samples(app)
    assert of(found, "window_next_timestamp_seconds", **sunday) is None
    assert of(found, "window_planned_from_timestamp_seconds", **sunday) is not None
    assert of(found, "records_readable") == 1


def test_what_is_not_known_has_no_sample_instead_of_a_made_up_one(app: Flask, make_app: MakeApp) -> None:
    found = samples(app)
    for name in ("registry_size_bytes", "registry_manifests_left_out"):
        assert of(found, name) is None
    for name in ("last_sync_timestamp_seconds", "last_sync_age_seconds", "last_run_freed_bytes"):
        assert of(found, name) is None
    assert of(found, "keeper_readiness", readiness="missing") is None
    assert of(found, "records_readable") == 1
    assert (of(found, "records_size_bytes") or 0) > 0
    built = [dict(labels) for name, labels in found if name == "holystone_build_info"]
    assert [each["version"] for each in built] == [VERSION]


def test_without_a_keeper_in_the_settings_it_says_nothing_of_one(make_app: MakeApp) -> None:
    app = make_app(METRICS_TOKEN=TOKEN)
    with parts_of(app).writing() as session:
        fill(session, parts_of(app).now())
    assert of(samples(app), "keeper_readiness", readiness="missing") is None


def test_requests_are_counted_by_the_pattern_of_their_address(app: Flask) -> None:
    visitor = Visitor(app).sign_in("alice")
    for path in ("/repositories/team/api", "/repositories/team/web", "/removals/1", "/removals/2"):
        visitor.get(path)
    found = samples(app)
    route = "/repositories/<repository:repository>"
    answered = [
        value
        for (name, labels), value in found.items()
        if name.endswith("requests_total") and ("route", route) in labels
    ]
    assert sum(answered) == 2
    assert of(found, "http_requests_total", method="GET", route="/removals/<row:removal_id>", status="4xx") == 2
    assert of(found, "http_request_duration_seconds_count", method="GET", route=route) == 2
    assert of(found, "http_request_duration_seconds_bucket", method="GET", route=route, le="+Inf") == 2


def test_nobody_can_make_the_number_of_series_grow(app: Flask) -> None:
    client = app.test_client()
    client.open("/repositories", method="SHOUT")  # the first of its kind is a new series; the others are not
    client.get("/no-such-page")
    before = set(samples(app))
    for number in range(20):
        client.get(f"/no-such-page-{number}?x={number}")
        client.open("/repositories", method=f"SHOUT{number}")
        client.get(f"/removals/{number + 100}")
    after = {(name, labels) for name, labels in samples(app) if name.startswith("holystone_http")}
    assert {dict(labels)["method"] for _name, labels in after} <= METHODS | {OTHER}
    new = {dict(labels)["route"] for _name, labels in after - before}
    assert new <= {"/removals/<row:removal_id>", "/metrics"}


def test_a_refused_and_a_forged_request_are_counted_too(app: Flask) -> None:
    Visitor(app).post("/status/check", token="forged")
    assert of(samples(app), "http_requests_total", method="POST", route="/status/check", status="4xx") == 1


@pytest.mark.parametrize("harm", ["a table is missing", "a word is unknown", "the file is none"])
def test_with_records_that_cannot_be_read_it_says_so_and_all_that_it_knows(
    app: Flask, tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here = parts_of(app)
    with here.writing() as session:
        fill(session, here.now())
        if harm == "a table is missing":
            session.execute(text("DROP TABLE occurrences"))
        elif harm == "a word is unknown":
            session.execute(text("UPDATE registry_state SET mode = 'upside-down'"))
    if harm == "the file is none":
        for file in tmp_path.rglob("holystone.db*"):
            file.write_bytes(b"no database" * 1000)
    found = samples(app)
    assert of(found, "records_readable") == 0
    assert of(found, "http_requests_total", method="GET", route="/metrics", status="2xx") is None  # it is the first
    assert any(name == "holystone_build_info" for name, _labels in found)
    if harm != "the file is none":
        assert of(found, "removals_total", outcome="done") == 3
    [line] = [line for line in capsys.readouterr().err.splitlines() if 'event="Figures cannot be read"' in line]
    assert "level=error" in line


def test_every_query_of_a_scrape_is_answered_from_an_index_without_sorting(app: Flask) -> None:
    here, asked = parts_of(app), []
    with here.writing() as session:
        fill(session, here.now())
        for number in range(10, 400):
            at = here.now() - timedelta(days=number)
            add_run(session, number, RunOutcome.SUCCEEDED, at)
            add_removal(session, number, RemovalState.DONE, at)
            add_occurrence(session, 1, at, OccurrenceState.RUN, number)
    with here.reading() as session:
        engine = session.get_bind()

    def keep(_connection: Any, _cursor: Any, statement: str, given: Any, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", keep)
    scrape(app)
    event.remove(engine, "before_cursor_execute", keep)
    assert 10 < len(asked) < 25
    with here.reading() as session:
        connection = session.connection()
        for statement, given in asked:
            plan = [step.detail for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
            if plan == ["SCAN windows"]:
                continue  # a handful of rows
            assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)
            assert all(step.startswith("SEARCH") or "INDEX" in step for step in plan), (statement, plan)
