"""`maintenance windows`, as a person and a script read it."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from config import read_settings
from tests.records import Records, records, records_template
from tests.windows.plans import a_window, by_alice, window_of
from webapp import create_app
from webapp.activities.models import Activity, ActivityKind
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import skip_next

__all__ = ["records", "records_template"]


@pytest.fixture
def app(records: Records, tmp_path: Path) -> Flask:
    given = {"SECRET_KEY": "k" * 64, "DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{records.path}"}
    return create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))


def call(app: Flask, *arguments: str, code: int = 0, typed: str = "") -> str:
    result = app.test_cli_runner().invoke(args=["maintenance", "windows", *arguments], input=typed)
    assert result.exit_code == code, result.output
    return result.output


def test_without_a_window_it_says_so(app: Flask) -> None:
    assert call(app) == "There is no window. `maintenance windows add` makes one, and so does the Maintenance page.\n"
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


WEEKEND = (
    "--name",
    "Weekend",
    "--days",
    "sat,Sunday",
    "--starts",
    "02:30",
    "--zone",
    "Europe/Berlin",
    "--longest",
    "90",
)


def test_a_window_is_made_with_what_is_given_and_the_rest_as_in_the_form(app: Flask, records: Records) -> None:
    lines = call(app, "add", *WEEKEND, "--least", "1.5", "--strategy", "stop").splitlines()
    assert lines[:2] == [
        "Made the window Weekend.",
        "1  Weekend: Saturday and Sunday at 02:30 Europe/Berlin, for at most 1 hour 30 minutes",
    ]
    assert [line.split()[0] for line in lines[2:]] == ["next"] * 3
    window = window_of(records.reading, 1)
    assert (window.longest_s, window.least_bytes, window.strategy) == (5400, 1_500_000_000, "stop")
    made = json.loads(call(app, "add", "--zone", "UTC", "--json"))
    assert (made["outcome"], made["id"], made["name"], made["starts"], made["longest_s"]) == (
        "done", 2, "Nightly", "03:00", 3600
    )  # fmt: skip
    assert made["weekdays"] == list(range(7))
    assert call(app, "list") == call(app)
    with records.reading() as session:
        activities = session.scalars(select(Activity)).all()
    assert [(each.kind, each.actor, each.place) for each in activities] == [
        (ActivityKind.WINDOW_MADE, getpass.getuser(), "command")
    ] * 2


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--name", "", "Name: Write a name of at most 60 characters."),
        ("--days", "mon,someday", "Days: Write days such as mon,wed,fri, or every."),
        ("--days", "", "Days: Write days such as mon,wed,fri, or every."),
        ("--days", "t", "Days: Write days such as mon,wed,fri, or every."),
        ("--starts", "25:00", "Begins at: Write a time such as 03:00."),
        ("--zone", "Europe/Atlantis", "Time zone: There is no time zone “Europe/Atlantis”."),
        ("--longest", "0", "Longest duration: Write whole minutes"),
        ("--least", "much", "Least to be worth it: Write a number of GB"),
        ("--strategy", "hope", "'hope' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_said_in_the_words_of_the_form_and_changes_nothing(
    app: Flask, records: Records, option: str, value: str, sentence: str
) -> None:
    a_window(records.writing, datetime.now(UTC))
    for command in (("add",), ("change", "1")):
        assert sentence in call(app, *command, option, value, code=2)
    assert window_of(records.reading, 1).name == "Nightly"
    assert window_of(records.reading, 1).starts == "03:00"
    with records.reading() as session:
        assert len(session.scalars(select(Window)).all()) == 1


def test_a_change_keeps_what_is_not_given(app: Flask, records: Records) -> None:
    call(app, "add", *WEEKEND, "--strategy", "stop")
    assert call(app, "change", "1", "--days", "every", "--strategy", "auto").startswith("Changed the window Weekend.\n")
    window = window_of(records.reading, 1)
    assert (window.name, window.weekdays, window.starts, window.strategy) == ("Weekend", "0,1,2,3,4,5,6", "02:30", "")


def test_it_rests_until_a_day_is_resumed_and_skipped(app: Flask, records: Records) -> None:
    a_window(records.writing, datetime.now(UTC))
    day = datetime.now(UTC).date() + timedelta(days=9)
    assert call(app, "pause", "1", "--until", f"{day}").startswith("Paused until ")
    assert window_of(records.reading, 1).paused_until is not None
    assert "Write a date" in call(app, "pause", "1", "--until", "soon", code=2)
    assert json.loads(call(app, "resume", "1", "--json"))["paused_until"] is None
    said = call(app, "skip", "1").splitlines()
    assert said[0].endswith(" is skipped.")
    assert said[2].split()[0] == "skipped"


def test_a_window_is_deleted_after_a_question(app: Flask, records: Records) -> None:
    a_window(records.writing, datetime.now(UTC))
    assert "Delete the window Nightly?" in call(app, "remove", "1", typed="n\n")
    assert window_of(records.reading, 1).ended_at is None
    assert "--json cannot ask" in call(app, "remove", "1", "--json", code=2)
    assert call(app, "remove", "1", typed="y\n").endswith("Deleted the window Nightly.\n")
    for command in (
        ("change", "1"),
        ("pause", "1", "--until", "2030-01-01"),
        ("resume", "1"),
        ("skip", "1"),
        ("remove", "1"),
    ):
        assert "This window was deleted; it does not run any more." in call(app, *command, code=1)
    assert json.loads(call(app, "skip", "7", "--json", code=1))["reason"] == "There is no such window."


def test_where_its_zone_is_lost_it_can_be_given_another_one(app: Flask, records: Records) -> None:
    a_window(records.writing, datetime.now(UTC))
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base'"))
    for command in (("skip", "1"), ("pause", "1", "--until", "2030-01-01")):
        assert "There is no time zone “Mars/Base”." in call(app, *command, code=1)
    assert "Time zone: There is no" in call(app, "change", "1", "--longest", "30", code=2)
    call(app, "change", "1", "--zone", "UTC")
    assert "next" in call(app)
