"""`doctor` says what Status says, also where the records cannot be read; its report holds no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import update

from config import Settings
from tests.backups.asked import ask
from tests.backups.conftest import PEOPLE, SECRETS
from tests.backups.test_backup import command
from tests.pages.conftest import Visitor, parts_of
from webapp import create_app
from webapp.backups.nightly import back_up_if_due
from webapp.backups.schema import newest_version
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import Run
from webapp.windows.models import Window

Doctor = Callable[..., Result]


@pytest.fixture
def app(settings: Settings, records: Path) -> Flask:
    """The application on records in which all is well."""
    app = create_app(settings)
    parts = parts_of(app)
    back_up_if_due(settings, parts.reading, parts.writing, parts.now())
    with parts.writing() as session:
        state = registry_state(session)
        state.mode, state.may_list, state.may_delete = RegistryMode.READ_WRITE, True, True
        state.checked_at = state.scheduler_seen_at = state.sync_complete_at = state.sync_finished_at = parts.now()
        state.doubt = state.sync_problem = state.mode_sentence = ""
    return app


@pytest.fixture
def doctor(app: Flask) -> Doctor:
    """Make `doctor(*arguments)`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["doctor", *arguments])


def test_where_all_is_well_it_says_so_and_exits_with_0(doctor: Doctor) -> None:
    said = doctor("--json")
    document = json.loads(said.stdout)
    assert (said.exit_code, document["outcome"]) == (0, "good")
    assert {each["state"] for each in document["checks"]} == {"good"}
    assert [each["name"] for each in document["checks"]] == [
        "The records",
        "The registry answers",
        "Holystone may list what it holds",
        "Holystone may delete",
        "The registry is read-write",
        "The last sync",
        "The scheduler is alive",
        "The time zones of the windows",
        "The nightly backup",
    ]
    assert "good     The registry is read-write: Images can be pushed and deleted." in doctor().stdout


def test_its_checks_are_those_of_the_status_page(app: Flask, doctor: Doctor, cheap_passwords: None) -> None:
    with parts_of(app).writing() as session:
        session.execute(update(Window).where(Window.id == 1).values(zone="Mars/Base"))
        registry_state(session).may_delete = False
    page = Visitor(app).sign_in("alice").get("/status").get_data(as_text=True)
    listed = re.findall(r"<p><strong>([^<]+)</strong> <span", page.partition('id="checks"')[2].partition("</ul>")[0])
    assert listed == [each["name"] for each in json.loads(doctor("--json").stdout)["checks"]]
    said = doctor()
    assert said.exit_code == 1
    assert "bad      Holystone may delete: The registry refuses deletes. Put these lines into" in said.stdout
    assert "             storage:\n               delete:\n                 enabled: true\n" in said.stdout


@pytest.mark.parametrize(
    ("state", "exit_code", "outcome"),
    [
        ({"mode": RegistryMode.READ_ONLY}, 3, "warning"),
        ({"may_delete": None}, 3, "unknown"),
        ({"mode": RegistryMode.UNREACHABLE}, 1, "bad"),
        ({"scheduler_seen_at": datetime(2026, 1, 1, tzinfo=UTC)}, 1, "bad"),
    ],
)
def test_the_exit_code_is_for_monitoring(
    app: Flask, doctor: Doctor, state: dict[str, object], exit_code: int, outcome: str
) -> None:
    with parts_of(app).writing() as session:
        for name, value in state.items():
            setattr(registry_state(session), name, value)
    said = doctor("--json")
    assert (said.exit_code, json.loads(said.stdout)["outcome"]) == (exit_code, outcome)


def spoil(records: Path) -> None:
    records.write_bytes(b"no database " * 1000)


def lose_a_table(records: Path) -> None:
    ask(records, "DROP TABLE registry_state")


def leave_behind(records: Path) -> None:
    ask(records, "UPDATE alembic_version SET version_num = '0012'")


BROKEN = {
    "gone": (Path.unlink, "There are none: "),
    "no database": (spoil, "They cannot be read: file is not a database."),
    "without a table": (lose_a_table, "They cannot be read: no such table: registry_state."),
    "of another version": (
        leave_behind,
        f"They have tables of version 0012, and this Holystone works with {newest_version()}.",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_records_that_cannot_be_used_are_the_one_bad_check(
    settings: Settings, records: Path, how: str, tmp_path: Path
) -> None:
    break_it, sentence = BROKEN[how]
    break_it(records)
    was_there = records.exists()
    report = tmp_path / "report.txt"
    said = command(settings, "doctor", "--json", "--report", str(report))
    (check,) = json.loads(said.stdout)["checks"]
    assert (said.returncode, check["name"], check["state"]) == (1, "The records", "bad")
    assert check["sentence"].startswith(sentence)
    assert check["remedy"]
    assert "Traceback" not in said.stderr
    assert records.exists() == was_there, "a look makes no records"
    assert f"bad      The records: {sentence}" in report.read_text()


def test_the_report_tells_what_helps(app: Flask, doctor: Doctor, tmp_path: Path) -> None:
    log = tmp_path / "holystone.log"
    log.write_text("".join(f"at=2026 event=line-{number}\n" for number in range(200)))
    said = doctor("--report", "-", "--log", str(log))
    report = said.stdout
    for words in (
        "version: 0.1.0", "python: 3.", "sqlite: 3.", "platform: Linux",
        "REGISTRY_URL is http://127.0.0.1:9", "REGISTRY_PASSWORD is set", "MAIL_TO is set", "MAIL_SERVER is mail.example:587",
        "good     The last sync: Everything was read.",
        f"version of the tables: {newest_version()}", "users: 3", "removed_tags: 81",
        "collect read-only failed, ", "The collector ended with code 2: the store's disk is full.",
        "event=line-199", "event=line-150",
    ):  # fmt: skip
        assert words in report, report
    assert "line-149" not in report
    assert "SESSION_IDLE" not in report, "what is at its default is not listed"


def test_no_secret_no_address_and_no_user_is_in_the_report_wherever_they_stand(
    app: Flask, doctor: Doctor, tmp_path: Path
) -> None:
    """Secrets and people are written into every text that the report takes: checks, runs, the log, a file's name."""
    people = [each for value in PEOPLE.values() for each in value.split(",")]
    quoted = [quote(each, safe="") for each in SECRETS.values()]
    unknown = [
        "Authorization: Bearer abcdefghijklmnop",
        "password=another-one-of-theirs",
        "somebody.else@mail.example.net",
        "https://u:pass-in-it@x.example",
    ]
    everything = " | ".join([*SECRETS.values(), *quoted, *people, *unknown])
    with parts_of(app).writing() as session:
        state = registry_state(session)
        state.sync_problem = state.mode_sentence = state.doubt = everything
        state.mode = RegistryMode.UNREACHABLE
        session.execute(update(Run).values(reason=everything, actor="alice"))
        session.execute(update(Window).values(zone="Mars/Base", name=everything))
    log = tmp_path / "holystone.log"
    log.write_text(f"{everything}\n" * 3)
    file = tmp_path / "report.txt"
    said = doctor("--report", str(file), "--log", str(log))
    assert said.exit_code == 1
    report = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "The registry answers" in report
    assert "Mars/Base" in report
    hidden = [*SECRETS.values(), *quoted, "path-that-lets-in", "query-that-lets-in", "abcdefghijklmnop", "pass-in-it"]
    assert [each for each in (*hidden, "another-one-of-theirs", "somebody.else", *people) if each in report] == []
    assert not re.search(r"\b(alice|bob|carol)\b", report)


def test_a_report_that_cannot_be_written_is_a_sentence(doctor: Doctor, tmp_path: Path) -> None:
    said = doctor("--report", str(tmp_path / "nowhere" / "report.txt"))
    assert said.exit_code == 1
    assert "cannot be written to" in said.stderr
    assert doctor("--report", "-", "--json").exit_code == 2
