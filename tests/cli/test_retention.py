"""`retention preview` and `retention run`: what is printed, JSON for scripts, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import Result

from config import read_settings
from tests.records import clock, records, records_template
from tests.removal.stage import API
from tests.retention.conftest import client, stage
from tests.retention.rules_stage import RulesStage
from webapp import create_app
from webapp.retention.run import DELETES_OFF, NO_RULE_IS_ON

__all__ = ["client", "clock", "records", "records_template", "stage"]

Run = Callable[..., Result]


@pytest.fixture
def run(stage: RulesStage, tmp_path: Path) -> Run:
    """Run `retention` with some arguments; `answer` is typed where it asks, `settings` are HOLYSTONE_ variables."""

    def run(*arguments: str, answer: str = "", **settings: str) -> Result:
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{stage.at.records.path}",
            "REGISTRY_URL": stage.at.registry.url,
            "REGISTRY_STORE": str(stage.at.registry.store),
            **settings,
        }
        app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
        return app.test_cli_runner().invoke(args=["retention", *arguments], input=answer)

    return run


@pytest.fixture
def five(stage: RulesStage) -> RulesStage:
    """Five tags: 1.0 is the oldest."""
    for number in range(5):
        stage.push(f"1.{number}", days_ago=500 - number)
    return stage


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on stdout."""
    return cast("dict[str, Any]", json.loads(result.stdout))


def test_the_preview_prints_what_goes_and_by_which_line_and_changes_nothing(five: RulesStage, run: Run) -> None:
    five.rule(keep_newest=4)
    result = run("preview")
    assert result.exit_code == 0
    assert f"goes   {API}:1.0  no line of the rule keeps it (CI)" in result.stdout
    assert "1 tag of 1 repository would go" in result.stdout
    assert f"stays  {API}:1.4  among the newest 4 (CI)" in run("preview", "--all").stdout
    assert len(five.at.tags()) == 5


def test_the_preview_as_json_names_every_tag_with_its_line(five: RulesStage, run: Run) -> None:
    five.rule(is_on=False, keep_newest=4, keep_tags=("1.1",))
    found = document(run("preview", "--rule", "CI", "--json"))
    (repository,) = found["repositories"]
    assert {each["tag"]: (each["goes"], each["line"]) for each in repository["tags"]} == {
        "1.0": (True, "no-line"), "1.1": (False, "pattern"), "1.2": (False, "newest"), "1.3": (False, "newest"),
        "1.4": (False, "newest"),
    }  # fmt: skip
    assert (found["tags_going"], found["tags_staying"], found["bytes_is_exact"]) == (1, 4, False)
    assert found["bytes"] == repository["bytes"] > 0
    assert document(run("preview", "--json"))["tags_going"] == 0  # it is off


def test_a_rule_that_is_not_there_has_no_preview(run: Run) -> None:
    result = run("preview", "--rule", "nothing")
    assert (result.exit_code, result.stderr) == (1, "No rule is called nothing.\n")


def test_a_run_asks_first_and_takes_nothing_where_the_answer_is_no(five: RulesStage, run: Run) -> None:
    five.rule(keep_newest=4)
    result = run("run", answer="n\n")
    assert (result.exit_code, "Nothing was deleted." in result.stdout) == (0, True)
    assert len(five.at.tags()) == 5


def test_a_run_deletes_and_says_what(five: RulesStage, run: Run) -> None:
    five.rule(keep_newest=4)
    result = run("run", answer="y\n")
    assert result.exit_code == 0, result.output
    assert f"done         {API}  1 of 1 tag" in result.stdout
    assert five.at.tags() == {"1.1", "1.2", "1.3", "1.4"}


def test_a_run_as_json_waits_where_too_much_would_go_and_exits_with_partly(five: RulesStage, run: Run) -> None:
    five.rule(keep_newest=1)
    result = run("run", "--json", "--yes")
    found = document(result)
    assert result.exit_code == 3
    assert (found["outcome"], found["tags_deleted"], found["tags_foreseen"]) == ("done", 0, 4)
    assert [each["outcome"] for each in found["repositories"]] == ["waiting"]


def test_json_cannot_ask(run: Run) -> None:
    assert run("run", "--json").exit_code == 2


def test_without_a_rule_that_is_on_a_run_fails(five: RulesStage, run: Run) -> None:
    result = run("run", "--yes")
    assert (result.exit_code, result.stderr) == (1, f"{NO_RULE_IS_ON}\n")


def test_where_deleting_is_switched_off_a_run_says_so(five: RulesStage, run: Run) -> None:
    five.rule(keep_newest=4)
    result = run("run", "--yes", DELETE_ENABLED="false")
    assert (result.exit_code, result.stderr) == (1, f"{DELETES_OFF}\n")
    assert len(five.at.tags()) == 5
