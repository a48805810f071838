"""The wait for uploads: one that moves is asked about, one that stands still is no obstacle; an old dry run is made anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from demo.build import Built, digest_of
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    in_background,
    proof_of,
)
from tests.runtime.keeper_process import wait_for
from webapp.database import writing_to
from webapp.maintenance.models import Question, RunOutcome, StepName
from webapp.maintenance.records import ask_to_stop

STARTED = b"half of a layer, "


def start_upload(house: House) -> str:
    """An upload of which a part has come; where it goes on."""
    url = f"{house.keeper.url}/v2/team/api/blobs/uploads/"
    start = requests.post(url, timeout=5)
    start.raise_for_status()
    return send_on(urljoin(url, start.headers["Location"]), STARTED)


def send_on(location: str, data: bytes) -> str:
    headers = {"Content-Type": "application/octet-stream"}
    answer = requests.patch(location, data=data, headers=headers, timeout=5)
    answer.raise_for_status()
    return urljoin(location, answer.headers["Location"])


@contextmanager
def an_upload_that_moves(house: House) -> Iterator[threading.Event]:
    """Sends on without a pause until the event is set, or the registry refuses it."""
    location, is_over = start_upload(house), threading.Event()

    def send() -> None:
        nonlocal location
        try:
            while not is_over.is_set():
                location = send_on(location, b"x")
        except requests.RequestException:
            return

    thread = in_background(send)
    try:
        yield is_over
    finally:
        is_over.set()
        thread.join()


def test_an_upload_that_keeps_moving_is_asked_about(house: House, gone: Built) -> None:
    house.quiet_s, house.quiet_within_s = 0.3, 0.6
    writer = house.keeper.pid_of("writer")
    with an_upload_that_moves(house):
        row = house.run()
    assert (row.outcome, row.asks, failed_step(row)) == (RunOutcome.SKIPPED, Question.UPLOADS, StepName.QUIET)
    assert row.reason == "For 0.01 minutes there was always an upload under way."
    assert house.keeper.pid_of("writer") == writer
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_with_an_answer_the_run_does_not_wait(house: House, gone: Built) -> None:
    house.quiet_s, house.quiet_within_s = 0.3, 0.6
    house.agreed = frozenset({Question.UPLOADS})
    with an_upload_that_moves(house):
        row = house.run()
    assert (row.outcome, row.asks) == (RunOutcome.SUCCEEDED, "")
    assert not house.has(gone)
    assert_read_write(house)


def test_a_run_begins_when_the_upload_stops_moving(house: House, gone: Built) -> None:
    house.quiet_s, house.quiet_within_s = 0.3, 20
    with an_upload_that_moves(house) as is_over:
        house.at[StepName.QUIET] = lambda: threading.Timer(0.5, is_over.set).start()
        row = house.run()
    assert (row.outcome, proof_of(row, StepName.QUIET)) == (RunOutcome.SUCCEEDED, "No upload is moving.")


def test_an_upload_that_stands_still_is_no_obstacle_and_can_be_ended_afterwards(house: House, gone: Built) -> None:
    location = start_upload(house)
    row = house.run()
    assert (row.outcome, proof_of(row, StepName.QUIET)) == (RunOutcome.SUCCEEDED, "No upload is moving.")
    params = {"digest": digest_of(STARTED)}
    assert requests.put(location, params=params, timeout=5).status_code == 201


def test_somebody_may_stop_the_wait(house: House, gone: Built) -> None:
    house.quiet_s, house.quiet_within_s = 0.3, 20

    def stop_later() -> None:
        wait_for(lambda: StepName.QUIET not in house.at, "the wait has begun")
        with writing_to(house.engine)() as session:
            ask_to_stop(session, house.the_run().id, "bob")

    with an_upload_that_moves(house):
        house.at[StepName.QUIET] = lambda: in_background(stop_later)
        row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob stopped it before anything was changed.")
    assert_nothing_was_collected(house, row)


def test_without_a_store_uploads_cannot_be_seen(house: House, gone: Built) -> None:
    house.has_store = False
    row = house.run()
    assert row.outcome == RunOutcome.SUCCEEDED
    assert proof_of(row, StepName.QUIET).startswith("Uploads under way cannot be seen")


@pytest.mark.parametrize(("ahead_s", "dry_runs"), [(590.0, 1), (601.0, 2)])
def test_a_dry_run_older_than_ten_minutes_is_made_anew(
    house: House, gone: Built, ahead_s: float, dry_runs: int
) -> None:
    house.at[StepName.QUIET] = lambda: setattr(house, "ahead_s", ahead_s)
    row = house.run()
    assert row.outcome == RunOutcome.SUCCEEDED
    assert house.keeper.started("dry-run") == dry_runs
    assert ("made anew" in proof_of(row, StepName.QUIET)) is (dry_runs == 2)


def test_the_new_dry_run_counts_and_is_compared_too(house: House, gone: Built, tmp_path: Path) -> None:
    def time_goes_by() -> None:
        house.ahead_s = 601
        house.delete(house.push("late"))

    house.at[StepName.QUIET] = time_goes_by
    row = house.run()
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 6)
    assert row.bytes_predicted == row.bytes_freed


def test_a_new_dry_run_that_disagrees_stops_the_run(house: House, kept: Built, gone: Built) -> None:
    def time_goes_by() -> None:
        house.ahead_s = 601
        house.keeper.tell("edit", "dry-run", f"/marking manifest {kept.digest}/d")

    house.at[StepName.QUIET] = time_goes_by
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.QUIET)
    assert f"team/api@{kept.digest} was not found by the collector" in row.reason
    assert_nothing_was_collected(house, row)
    assert_read_write(house)
