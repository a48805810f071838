"""The real collector sweeps blobs that a manifest names by sha512: no run begins where one does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from sqlalchemy import event

from demo.build import OCI_MANIFEST, Built, image, layer
from demo.push import Pusher
from tests.maintenance.by_sha512 import CONFIG, LAYER, push_by_sha512, sha512_of
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
)
from tests.registry_process import BINARY, RegistryProcess
from webapp.maintenance.models import Run, RunOutcome, StepName
from webapp.maintenance.other_digests import named_otherwise

BOTH = pytest.mark.parametrize("which", [CONFIG, LAYER], ids=["configuration", "layer"])


def said_of(built: Built, which: int = LAYER) -> str:
    return (
        f"team/api@{built.digest} names {sha512_of(built.blobs[which].raw)}. "
        "The registry stores such a blob by its sha256, so a collection would delete it as unused."
    )


def pulls(url: str, built: Built, which: int) -> bool:
    """Whether the blob comes whole. What HEAD says is from the registry's memory."""
    raw = built.blobs[which].raw
    try:
        return requests.get(f"{url}/v2/team/api/blobs/{sha512_of(raw)}", timeout=5).content == raw
    except requests.RequestException:
        return False


@BOTH
@pytest.mark.parametrize("option", [[], ["--delete-untagged"]], ids=["plain", "delete-untagged"])
def test_the_real_collector_sweeps_it_although_it_is_tagged_and_lists_another_digest(
    tmp_path: Path, which: int, option: list[str]
) -> None:
    with RegistryProcess(tmp_path) as registry:
        built = push_by_sha512(registry.url, "team/api", "odd", which, "odd")
        assert pulls(registry.url, built, which)
        command = [BINARY, "garbage-collect", *option, str(registry.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        assert f"team/api: marking blob {sha512_of(built.blobs[which].raw)}" in done.stdout
        assert f"blob eligible for deletion: {built.blobs[which].digest}" in done.stdout
        tag = requests.get(f"{registry.url}/v2/team/api/manifests/odd", headers={"Accept": OCI_MANIFEST}, timeout=5)
        assert (tag.status_code, pulls(registry.url, built, which)) == (200, False)


def test_a_manifest_cannot_be_put_by_its_sha512(tmp_path: Path) -> None:
    built = image([layer("plain")])
    with RegistryProcess(tmp_path) as registry:
        Pusher(registry.url).push("team/api", built, ["plain"])
        url = f"{registry.url}/v2/team/api/manifests/{sha512_of(built.raw)}"
        put = requests.put(url, data=built.raw, headers={"Content-Type": built.media_type}, timeout=5)
        assert (put.status_code, put.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def assert_refused_before_anything_stopped(house: House, row: Run, step: StepName, said: str, writer: int) -> None:
    outcome = RunOutcome.SKIPPED if step == StepName.PREFLIGHT else RunOutcome.FAILED
    assert (row.outcome, failed_step(row)) == (outcome, step)
    assert said in row.reason
    assert_nothing_was_collected(house, row)
    assert house.keeper.pid_of("writer") == writer
    assert_read_write(house)


@BOTH
@pytest.mark.parametrize("has_store", [True, False], ids=["with its store", "without"])
def test_a_run_does_not_begin_where_a_tagged_image_names_one(house: House, which: int, has_store: bool) -> None:
    built, house.has_store = push_by_sha512(house.keeper.url, "team/api", "odd", which, "odd"), has_store
    house.look()
    writer = house.keeper.pid_of("writer")
    row = house.run()
    assert_refused_before_anything_stopped(house, row, StepName.PREFLIGHT, said_of(built, which), writer)
    assert "Push the image again with sha256 digests, or delete it." in row.reason
    assert house.keeper.started("dry-run") == 0
    assert pulls(house.keeper.url, built, which)


def test_what_the_catalogue_learns_only_then_is_refused_by_the_comparison(house: House, kept: Built) -> None:
    house.look()
    built = push_by_sha512(house.keeper.url, "team/api", "odd", tag="odd")
    writer = house.keeper.pid_of("writer")
    assert_refused_before_anything_stopped(house, house.run(), StepName.COMPARE, said_of(built), writer)


def test_an_untagged_image_is_not_robbed_either(house: House, kept: Built) -> None:
    built = push_by_sha512(house.keeper.url, "team/api", "odd")
    house.look()
    writer = house.keeper.pid_of("writer")
    assert_refused_before_anything_stopped(house, house.run(), StepName.PREFLIGHT, said_of(built), writer)


def test_what_is_pushed_after_the_comparison_keeps_the_go_back(house: House, gone: Built) -> None:
    pushed: list[Built] = []
    house.at[StepName.ORDER] = lambda: pushed.append(push_by_sha512(house.keeper.url, "team/api", "odd", tag="odd"))
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.PROVE_READ_ONLY)
    assert said_of(pushed[0]) in row.reason
    assert_nothing_was_collected(house, row)
    assert_read_write(house)
    assert house.has(gone)
    assert pulls(house.keeper.url, pushed[0], LAYER)


def test_once_the_image_is_deleted_a_run_succeeds_although_its_link_stays(house: House, kept: Built) -> None:
    built = push_by_sha512(house.keeper.url, "team/api", "odd", tag="odd")
    house.look()
    house.delete(built)
    row = house.run()
    assert (row.outcome, row.blobs) == (RunOutcome.SUCCEEDED, 3)
    assert list((house.keeper.store / "docker/registry/v2/repositories/team/api/_layers/sha512").rglob("link"))


def test_an_image_that_was_deleted_behind_our_back_is_no_obstacle(house: House, kept: Built) -> None:
    house.has_store = False  # so that the catalogue cannot know
    built = push_by_sha512(house.keeper.url, "team/api", "odd")
    with_store = replace(house, has_store=True)
    with_store.look()
    house.delete(built)
    assert house.run().outcome == RunOutcome.SUCCEEDED
    assert not house.has(built)


def test_a_subject_that_is_named_by_sha512_is_only_spoken_of(house: House, kept: Built) -> None:
    document = json.loads(kept.raw)
    document["subject"] = {"mediaType": OCI_MANIFEST, "digest": sha512_of(b"somewhere else"), "size": 14}
    house.delete(kept)
    Pusher(house.keeper.url).push("team/api", replace(kept, raw=json.dumps(document).encode()), ["referrer"])
    house.look()
    assert house.run().outcome == RunOutcome.SUCCEEDED


def test_they_are_found_by_an_index_however_many_blobs_there_are(house: House) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    with house.reading() as session:
        connection = session.connection()
        event.listen(
            connection, "before_cursor_execute", lambda _c, _k, statement, given, *_: asked.append((statement, given))
        )
        named_otherwise(session)
        statement, given = asked[0]
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
    for bound in ("digest>?", "digest<?"):
        assert f"SEARCH manifest_descriptors USING INDEX ix_manifest_descriptors_digest ({bound})" in plan
    assert not [step for step in plan if step.startswith("SCAN")]
