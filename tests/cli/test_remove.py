"""`remove`: the plan printed before, the same removals as the pages', exit codes and JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import Result

from config import read_settings
from demo.build import index
from demo.push import Pusher
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage, build, platforms
from webapp import create_app
from webapp.activities.models import Activity
from webapp.registry.client import RegistryClient

__all__ = ["clock", "records", "records_template"]

Run = Callable[..., Result]


@pytest.fixture
def stage(registry: RegistryProcess, client: RegistryClient, pusher: Pusher, records: Records, clock: Clock) -> Stage:
    return Stage(registry, client, pusher, records, clock)


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Run:
    """Run `remove` with some arguments; `answer` is typed where it asks, `settings` are HOLYSTONE_ variables."""

    def run(*arguments: str, answer: str = "", **settings: str) -> Result:
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{stage.records.path}",
            "REGISTRY_URL": stage.registry.url,
            "TRASH_RETENTION": "0",
            **settings,
        }
        app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
        return app.test_cli_runner().invoke(args=["remove", *arguments], input=answer)

    return run


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on stdout."""
    return cast("dict[str, Any]", json.loads(result.stdout))


def test_a_tag_is_removed_when_the_question_is_answered_with_yes(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")

    result = run(f"{API}:1.0", answer="y\n")

    assert result.exit_code == 0
    assert f"goes   {API}:1.0  {built.digest}" in result.output
    assert f"deleted      {API}:1.0" in result.output
    assert stage.tags() == set()


def test_nothing_is_removed_when_it_is_answered_with_no(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")

    result = run(f"{API}:1.0", answer="n\n")

    assert "Nothing was deleted." in result.output
    assert stage.pulls("1.0")
    assert stage.removals() == []


def test_the_record_says_that_it_was_a_command(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")

    run(f"{API}:1.0", "--yes")

    with stage.records.reading() as session:
        assert [(each.place, each.tag, each.outcome.value) for each in session.query(Activity)] == [
            ("command", "1.0", "done")
        ]


def test_siblings_stay_unless_they_are_to_go_too(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0", "1", "latest")

    assert run(f"{API}:1.0", "--yes").exit_code == 0
    assert stage.tags() == {"1", "latest"}
    assert stage.pulls("latest")

    assert run(f"{API}:1", "--yes", "--siblings", "remove").exit_code == 0
    assert stage.tags() == set()


def test_a_manifest_is_removed_by_its_digest(stage: Stage, run: Run) -> None:
    old, _ = stage.push_index("old", "latest")
    stage.push("new", "latest")

    result = run(f"{API}@{old.digest}", "--yes", "--json")

    assert result.exit_code == 0
    assert {"repository": API, "digest": old.digest, "outcome": "deleted", "reason": ""} in document(result)[
        "manifests"
    ]
    assert not stage.has(old.digest)
    assert stage.pulls("latest")
    with stage.records.reading() as session:
        assert [(each.kind.value, each.digest, each.outcome.value) for each in session.query(Activity)] == [
            ("manifest_deleted", old.digest, "done")
        ]


def test_a_digest_that_is_tagged_is_refused(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")

    result = run(f"{API}@{built.digest}", "--yes")

    assert result.exit_code == 1
    assert "It is tagged 1.0." in result.output
    assert stage.pulls("1.0")


def test_signatures_go_along_unless_they_are_to_stay(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")
    stage.pusher.sign(API, built)

    assert run(f"{API}:1.0", "--yes", "--referrers", "keep").exit_code == 0
    assert len(stage.tags()) == 1

    stage.push("one", "1.0")
    assert run(f"{API}:1.0", "--yes").exit_code == 0
    assert stage.tags() == set()


def test_protected_tags_stay_unless_they_are_included(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")

    refused = run(f"{API}:1.0", "--yes", PROTECTED_TAGS="1.*, latest")

    assert refused.exit_code == 1
    assert "protected" in refused.output
    assert stage.pulls("1.0")
    assert run(f"{API}:1.0", "--yes", "--include-protected", PROTECTED_TAGS="1.*").exit_code == 0
    assert stage.tags() == set()


def test_what_two_repositories_share_is_freed_when_both_go(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")
    stage.pusher.push("team/web", built, ["1.0"])
    settings = {"REGISTRY_STORE": str(stage.registry.store)}
    replace(stage, store=stage.registry.store).sync()

    alone = document(run(f"{API}:1.0", "--dry-run", "--json", **settings))
    both = document(run(f"{API}:1.0", "team/web:1.0", "--dry-run", "--json", **settings))

    assert alone["bytes_freed"] == 0
    assert both["bytes_freed"] == len(built.raw) + sum(len(blob.raw) for blob in built.blobs)
    assert both["bytes_freed_is_exact"] is True


def test_a_repository_is_the_whole_image(stage: Stage, run: Run) -> None:
    stage.push_index("one", "1.0")
    stage.push("two", "2.0")

    assert run(API, "--yes").exit_code == 0
    assert stage.tags() == set()


def test_several_references_of_one_repository_are_one_removal(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")
    stage.push("two", "2.0")
    stage.push("three", "3.0")

    assert run(f"{API}:1.0", f"{API}:2.0", "--yes").exit_code == 0
    assert len(stage.removals()) == 1
    assert stage.tags() == {"3.0"}


def test_a_dry_run_prints_the_plan_and_changes_nothing(stage: Stage, run: Run) -> None:
    built = stage.push("one", "1.0")

    result = run(f"{API}:1.0", "--dry-run", "--json")

    assert result.exit_code == 0
    assert document(result)["tags"] == [{"repository": API, "tag": "1.0", "digest": built.digest}]
    assert stage.pulls("1.0")
    assert stage.removals() == []


def test_json_says_what_became_of_each_tag_and_manifest(stage: Stage, run: Run) -> None:
    children = platforms("one")
    built = stage.pusher.push_index(API, children, ["1.0"])
    stage.pusher.push(API, index([children[0]]), ["2.0"])
    stage.sync()

    result = run(f"{API}:1.0", f"{API}:0.9", "--yes", "--json")
    answer = document(result)

    assert result.exit_code == 0
    assert {(each["tag"], each["outcome"]) for each in answer["tags"]} == {("1.0", "deleted"), ("0.9", "already-gone")}
    assert {(each["digest"], each["outcome"]) for each in answer["manifests"]} == {
        (built.digest, "deleted"),
        (children[1].digest, "deleted"),
    }
    assert answer["kept"] == [{"repository": API, "name": children[0].digest, "reason": "It is part of 2.0."}]
    assert isinstance(answer["bytes_freed"], int)
    assert answer["bytes_freed_is_exact"] is False


def test_an_image_of_which_one_part_stays_is_partly_removed(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")
    stage.pusher.push("team/web", build("two"), ["1.0", "latest"])

    result = run(f"{API}:1.0", "team/web:latest", "--yes", "--json", PROTECTED_TAGS="latest,1.0-*")

    assert result.exit_code == 3
    assert stage.tags() == set()
    assert stage.tags("team/web") == {"1.0", "latest"}


def test_a_registry_that_refuses_is_an_error(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")
    stage.registry.restart(read_only=True)

    result = run(f"{API}:1.0", "--yes", "--json")

    assert result.exit_code == 1
    assert document(result)["tags"][0]["outcome"] == "failed"
    assert "read-only" in document(result)["tags"][0]["reason"]


def test_a_registry_that_is_away_is_an_error_in_a_sentence(stage: Stage, run: Run) -> None:
    stage.registry.stop()

    result = run(f"{API}:1.0", "--yes")

    assert result.exit_code == 1
    assert "The registry cannot be reached" in result.output


def test_deleting_can_be_switched_off(stage: Stage, run: Run) -> None:
    stage.push("one", "1.0")

    result = run(f"{API}:1.0", "--yes", DELETE_ENABLED="false")

    assert result.exit_code == 1
    assert "HOLYSTONE_DELETE_ENABLED" in result.output
    assert stage.pulls("1.0")


@pytest.mark.parametrize("reference", ["Team/API:1.0", "team/api:", "../etc:1", f"{API}@sha256:12"])
def test_what_is_no_reference_is_refused(run: Run, reference: str) -> None:
    assert run(reference, "--yes").exit_code == 2
