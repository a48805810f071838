"""`trash`, `restore` and `empty-trash`, and what `remove` says of the trash: exit codes and JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import Result

from config import read_settings
from demo.push import Pusher
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage
from webapp import create_app
from webapp.registry.client import RegistryClient
from webapp.removal.trash_models import TrashState

__all__ = ["clock", "records", "records_template"]

Run = Callable[..., Result]


@pytest.fixture
def stage(registry: RegistryProcess, client: RegistryClient, pusher: Pusher, records: Records, clock: Clock) -> Stage:
    return replace(Stage(registry, client, pusher, records, clock), store=registry.store)


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Run:
    """Run a command; `answer` is typed where it asks, `settings` are HOLYSTONE_ variables."""

    def run(*arguments: str, answer: str = "", **settings: str) -> Result:
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{stage.records.path}",
            "REGISTRY_URL": stage.registry.url,
            "REGISTRY_STORE": str(stage.registry.store),
            **settings,
        }
        app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
        return app.test_cli_runner().invoke(args=list(arguments), input=answer)

    return run


@pytest.fixture
def removed(stage: Stage, run: Run) -> Stage:
    """1.0 and 2.0 are in the trash."""
    for tag in ("1.0", "2.0"):
        stage.push(tag, tag)
    stage.sync()
    assert run("remove", f"{API}:1.0", f"{API}:2.0", "--yes").exit_code == 0
    return stage


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on stdout."""
    return cast("dict[str, Any]", json.loads(result.stdout))


def ids(stage: Stage) -> list[str]:
    return [str(item.id) for item in stage.items()]


def test_a_removal_says_until_when_it_can_be_restored(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    shown = run("remove", f"{API}:1.0", "--dry-run")
    assert "trash  can be restored until " in shown.stdout
    assert "bytes come back at the first collection after that" in shown.stdout
    answer = document(run("remove", f"{API}:1.0", "--yes", "--json"))
    assert answer["until"]
    assert (answer["bytes_freed"], answer["bytes_in_trash"] > 0) == (0, True)
    assert [each["outcome"] for each in answer["tags"]] == ["deleted"]
    assert stage.pulls(built.digest)


def test_for_good_is_without_the_trash(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    answer = document(run("remove", f"{API}:1.0", "--for-good", "--yes", "--json"))
    assert (answer["until"], answer["bytes_in_trash"], answer["bytes_freed"] > 0) == (None, 0, True)
    assert not stage.has(built.digest)


def test_the_trash_is_printed(removed: Stage, run: Run) -> None:
    result = run("trash")
    assert result.exit_code == 0
    assert [line.split()[1] for line in result.stdout.splitlines()] == [f"{API}:2.0", f"{API}:1.0"]
    items = document(run("trash", "--json"))["items"]
    assert [item["tag"] for item in items] == ["2.0", "1.0"]
    assert {"id", "repository", "tag", "digest", "until", "restorable"} <= items[0].keys()
    assert items[0]["restorable"] is None
    assert document(run("trash", "--json", "--repository", "team/web"))["items"] == []
    assert document(run("trash", "--json", "--state", "restored"))["items"] == []


def test_an_item_is_restored(removed: Stage, run: Run) -> None:
    result = run("restore", ids(removed)[0], "--json")
    assert result.exit_code == 0, result.output
    [item] = document(result)["items"]
    assert (item["tag"], item["outcome"], item["reason"]) == ("1.0", "done", "")
    assert removed.tags() == removed.catalogued() == {"1.0"}


def test_an_item_is_restored_under_another_name(removed: Stage, run: Run) -> None:
    removed.push("new", "1.0")
    first = ids(removed)[0]
    refused = run("restore", first)
    assert refused.exit_code == 1
    assert "1.0 is there again" in refused.output
    assert run("restore", first, "--as", "1.0-old").exit_code == 0
    assert removed.tags() == {"1.0", "1.0-old"}


def test_what_is_restored_in_part_says_so(removed: Stage, run: Run) -> None:
    result = run("restore", ids(removed)[0], "9999", "--json")
    assert result.exit_code == 3
    assert [each["outcome"] for each in document(result)["items"]] == ["done", "failed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore",),
        ("restore", "x"),
        ("restore", "0"),
        ("restore", "1", "2", "--as", "a"),
        ("restore", "1", "--as", "a/b"),
        ("empty-trash", "1", "--expired"),
        ("empty-trash", "--json"),
        ("trash", "--state", "entering"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_trash_is_emptied(removed: Stage, run: Run) -> None:
    kept = run("empty-trash", answer="n\n")
    assert (kept.exit_code, "Nothing was deleted." in kept.output) == (0, True)
    result = run("empty-trash", "--yes", "--json")
    assert result.exit_code == 0, result.output
    answer = document(result)
    assert (answer["deleted"], answer["left"], answer["bytes_freed"] > 0) == (2, 0, True)
    assert {item.state for item in removed.items()} == {TrashState.DELETED}
    assert run("empty-trash", "--yes").exit_code == 0


def test_one_item_goes_and_the_other_stays(removed: Stage, run: Run) -> None:
    assert run("empty-trash", ids(removed)[1], "--yes").exit_code == 0
    assert [item.state for item in removed.items()] == [TrashState.IN_TRASH, TrashState.DELETED]


def test_only_what_is_past_its_date_goes(removed: Stage, run: Run) -> None:
    with removed.records.writing() as session:
        item = session.merge(removed.items()[0])
        item.until = removed.clock.at
    assert document(run("empty-trash", "--expired", "--yes", "--json"))["deleted"] == 1
    assert [item.state for item in removed.items()] == [TrashState.DELETED, TrashState.IN_TRASH]


def test_where_deleting_is_switched_off_nothing_is_done(removed: Stage, run: Run) -> None:
    for command in (("restore", "1"), ("empty-trash", "--yes")):
        result = run(*command, DELETE_ENABLED="false")
        assert (result.exit_code, "HOLYSTONE_DELETE_ENABLED" in result.output) == (1, True)
    assert {item.state for item in removed.items()} == {TrashState.IN_TRASH}


def test_a_registry_that_is_away_is_a_sentence(removed: Stage, run: Run) -> None:
    removed.registry.stop()
    restored = run("restore", ids(removed)[0])
    assert (restored.exit_code, "The registry cannot be reached" in restored.output) == (1, True)
    emptied = run("empty-trash", "--yes")
    assert (emptied.exit_code, "The registry cannot be reached" in emptied.output) == (1, True)
