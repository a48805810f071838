"""`maintenance run|stop|status`, as a script calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select

from config import read_settings
from demo.build import Built
from tests.maintenance.conftest import empty_records, gone, house, kept  # noqa: F401 fixtures
from tests.maintenance.house import House, assert_read_write
from webapp import create_app
from webapp.activities.models import Activity
from webapp.catalogue.models import RegistryState
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.states import STEPS
from webapp.maintenance.waiting import RESTART
from webapp.runtime.orders import Kind, Phase

Command = Callable[..., Result]


@pytest.fixture
def any_command(house: House, tmp_path: Path) -> Command:  # noqa: F811
    """Call a command of the application that looks after the house."""

    def call(*arguments: str, **settings: str) -> Result:
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{house.records}",
            "REGISTRY_URL": house.keeper.url,
            "REGISTRY_STORE": str(house.keeper.store),
            "REGISTRY_CONFIG": str(house.keeper.config),
            "KEEPER_FOLDER": str(house.keeper.folder),
            **settings,
        }
        app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items() if value}))
        return app.test_cli_runner().invoke(args=arguments)

    return call


@pytest.fixture
def command(any_command: Command) -> Command:
    """Call `maintenance …`."""
    return lambda *arguments, **settings: any_command("maintenance", *arguments, **settings)


def document_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_run_frees_space_and_says_what_in_one_document(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    stored = house.stored_bytes()
    result = command("run", "--json")
    document = document_of(result)
    freed = stored - house.stored_bytes()
    assert (result.exit_code, document["outcome"], document["strategy"]) == (0, "succeeded", "read-only")
    assert (document["bytes_predicted"], document["bytes_freed"], document["blobs"]) == (freed, freed, 3)
    assert document["manifests"] == 0
    assert 0 < document["seconds_without_push"] < document["seconds"]
    assert set(document) >= {"seconds_without_pull", "reason"}
    assert not house.has(gone)
    assert_read_write(house)


def test_run_shows_a_person_each_step(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    result = command("run")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["done", each.name] for each in STEPS[RunKind.COLLECT]]
    assert lines[-1].startswith("Freed ")


def test_a_dry_run_says_what_would_be_freed_and_frees_nothing(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    stored = house.stored_bytes()
    result = command("run", "--dry-run", "--json")
    document = document_of(result)
    assert (result.exit_code, document["outcome"], document["bytes_freed"]) == (0, "succeeded", None)
    assert document["bytes_predicted"] > 0
    assert house.stored_bytes() == stored
    assert command("run", "--dry-run").stdout.splitlines()[-1].startswith("A collection would free ")


def test_a_run_that_fails_says_why_and_exits_with_1(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    house.keeper.tell("nothing", "garbage-collect")
    result = command("run", "--json")
    assert (result.exit_code, document_of(result)["outcome"]) == (1, "failed")
    assert "summary" in document_of(result)["reason"]
    result = command("run")
    assert (result.exit_code, result.stdout.splitlines()[-1][:8]) == (1, "Failed: ")
    assert_read_write(house)


def test_a_run_that_may_not_begin_is_skipped_and_exits_with_1(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    house.add(RegistryState(id=1, doubt="All repositories have vanished."))
    result = command("run", "--json")
    assert (result.exit_code, document_of(result)["outcome"]) == (1, "skipped")
    assert house.has(gone)


def test_a_dry_run_lists_every_check(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    checks = document_of(command("run", "--dry-run", "--json"))["checks"]
    assert {"The keeper answers", "Descriptor cache", "Foreign lock", "Links in the store"} <= {
        each["name"] for each in checks
    }
    assert "The keeper answers: The keeper is serving." in command("run", "--dry-run").stdout


def test_the_strategy_that_is_asked_for_is_used(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    document = document_of(command("run", "--strategy", "stop", "--json"))
    assert (document["outcome"], document["strategy"]) == ("succeeded", "stop")
    assert command("run", "--strategy", "fastest").exit_code == 2


def test_what_holystone_cannot_see_has_to_be_recorded_once(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    refused = document_of(command("run", "--json", REGISTRY_CONFIG=""))
    assert (refused["outcome"], "I have checked" in refused["reason"]) == ("skipped", True)
    assert document_of(command("checked", "--json")) == {"outcome": "recorded"}
    assert document_of(command("run", "--json", REGISTRY_CONFIG=""))["outcome"] == "succeeded"


def test_the_registry_is_made_read_write_without_any_records(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    token = house.keeper.order(Kind.COLLECT)
    house.keeper.wait_for_phase(Phase.HOLDING)
    house.records.write_bytes(b"no database")

    result = command("read-write", "--json")

    assert (result.exit_code, document_of(result)["outcome"]) == (0, "read-write")
    assert house.keeper.result(token).ended == "cancelled"
    assert_read_write(house)


def test_where_the_registry_does_not_become_read_write_the_command_says_what_to_do(
    house: House,  # noqa: F811
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.maintenance.emergency.WITHIN_S", 0.2)
    house.keeper.kill()
    result = command("read-write")
    assert result.exit_code == 1
    assert "Restart the registry's service" in result.stderr


def test_without_a_keeper_each_command_says_so(house: House, command: Command) -> None:  # noqa: F811
    for arguments in (("run", "--json"), ("status", "--json")):
        result = command(*arguments, KEEPER_FOLDER="")
        assert (result.exit_code, document_of(result)["outcome"]) == (1, "failed")
        assert "no keeper is set" in document_of(result)["reason"]
    assert command("stop", KEEPER_FOLDER="").exit_code == 1


def test_one_run_at_a_time_also_from_a_terminal(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    hold = house.keeper.tell("hold", "collect")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.run)
        house.keeper.wait_for_phase(Phase.COLLECTING)
        result = command("run", "--json")
        hold.unlink()
        assert first.result(30).outcome == RunOutcome.SUCCEEDED
    assert result.exit_code == 1
    assert "Another run is under way" in document_of(result)["reason"]
    with house.reading() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 1
        assert session.scalar(select(func.count()).select_from(Activity)) == 1


def test_status_and_stop_of_a_run_that_is_under_way(house: House, gone: Built, command: Command) -> None:  # noqa: F811
    house.keeper.tell("hold", "collect")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.run)
        house.keeper.wait_for_phase(Phase.COLLECTING)
        assert document_of(command("status", "--json"))["phase"] == "collecting"
        stopped = command("stop", "--json")
        assert (stopped.exit_code, document_of(stopped)) == (0, {"outcome": "asked"})
        row = running.result(30)
    assert row.outcome == RunOutcome.STOPPED
    assert_read_write(house)


def test_stop_without_a_run_says_so(house: House, command: Command) -> None:  # noqa: F811
    result = command("stop", "--json")
    assert (result.exit_code, document_of(result)["reason"]) == (
        1,
        "No run is under way, and the registry is not held.",
    )


def test_status_says_what_the_keeper_does(house: House, command: Command) -> None:  # noqa: F811
    result = command("status", "--json")
    assert (result.exit_code, document_of(result)["phase"]) == (0, "serving")
    assert command("status").stdout.startswith("serving.")
    house.keeper.kill()
    result = command("status", "--json")
    assert (result.exit_code, "No keeper is running" in document_of(result)["reason"]) == (1, True)


def test_while_the_registry_is_held_every_command_that_is_refused_says_by_whom_and_until_when(
    house: House,  # noqa: F811
    kept: Built,  # noqa: F811
    any_command: Command,
    command: Command,
) -> None:
    held = command("hold", "--for", "30m", "--purpose", "backup", "--json")
    assert (held.exit_code, document_of(held)["outcome"]) == (0, "held")
    said = re.compile(r"The registry is held read-only until [^.]+ UTC by \S+: backup\.")
    for again in (["run"], ["hold", "--for", "5m"]):
        refused = command(*again, "--json")
        assert (refused.exit_code, said.match(document_of(refused)["reason"]) is not None) == (1, True)
    removed = any_command("remove", "team/api:kept", "--yes", "--json")
    (reason,) = document_of(removed)["reasons"]
    assert removed.exit_code == 1
    assert said.sub("", reason) == " Delete again after that."
    assert "kept" in any_command("remove", "team/api:kept", "--dry-run").stdout
    assert command("stop").exit_code == 0
    assert_read_write(house)
    assert any_command("remove", "team/api:kept", "--yes").exit_code == 0


def test_status_says_what_to_do_about_a_keeper_that_is_at_it_for_longer_than_it_may(
    house: House,  # noqa: F811
    kept: Built,  # noqa: F811
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house.keeper.order(Kind.COLLECT, go_s=30.0)
    house.keeper.wait_for_phase(Phase.HOLDING)
    assert "does not answer" not in command("status").stdout
    monkeypatch.setattr("webapp.maintenance.waiting.SILENT_S", -30.0)  # as if the time for its 'go' were over
    assert "The keeper does not answer: it has been holding for " in command("status").stdout
    assert document_of(command("status", "--json"))["sentence"].endswith(RESTART)
