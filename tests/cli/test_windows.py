"""`maintenance windows`, as a person and a script read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from config import read_settings
from tests.records import Records, records, records_template
from tests.windows.plans import a_window, by_alice
from webapp import create_app
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import skip_next

__all__ = ["records", "records_template"]


@pytest.fixture
def app(records: Records, tmp_path: Path) -> Flask:
    given = {"SECRET_KEY": "k" * 64, "DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{records.path}"}
    return create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))


def call(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["maintenance", "windows", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_without_a_window_it_says_so(app: Flask) -> None:
    assert call(app) == "There is no window. The Maintenance page makes one.\n"
    assert json.loads(call(app, "--json")) == {"windows": []}


def test_each_window_has_its_next_three_times_and_what_became_of_the_last(app: Flask, records: Records) -> None:
    now = datetime.now(UTC)
    window_id = a_window(records.writing, now)
    with records.writing() as session:
        skipped = skip_next(session, session.get_one(Window, window_id), by_alice(now))
        session.add(
            Occurrence(
                window_id=window_id,
                planned_at=now - timedelta(hours=9),
                noted_at=now,
                state=OccurrenceState.MISSED,
                sentence="Nobody was there.",
            )
        )
    lines = call(app).splitlines()
    assert lines[0] == "1  Nightly: every day at 03:00 Europe/Berlin, for at most 1 hour"
    assert [line.split()[0] for line in lines[1:]] == ["skipped", "next", "next", "next", "last"]
    assert lines[-1].split(maxsplit=1)[1] == "missed. Nobody was there."
    (document,) = json.loads(call(app, "--json"))["windows"]
    assert (len(document["next"]), document["last"]["state"], document["strategy"]) == (3, "missed", "auto")
    assert skipped is not None
    assert skipped.isoformat() not in document["next"]


def test_a_zone_that_this_machine_has_lost_is_said(app: Flask, records: Records) -> None:
    a_window(records.writing, datetime.now(UTC))
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base'"))
    assert "There is no time zone “Mars/Base”." in call(app)
    assert json.loads(call(app, "--json"))["windows"][0]["next"] == []
