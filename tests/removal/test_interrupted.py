"""A process that deletes an image is killed at any moment: the records tell the truth, and the rest can be deleted."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from demo.push import Pusher
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from tests.removal.removing import remove_image
from tests.removal.stage import API, Stage, build, platforms, stand_ins, states, steps
from webapp.leases import LeaseRow
from webapp.registry.client import open_registry
from webapp.removal.recovery import recover
from webapp.removal.wanted import Siblings

ROUNDS = 5
TAGS = 20
PATIENCE_S = 30
ENDED = {"deleted", "already-gone", "failed"}


@pytest.fixture
def draining(tmp_path: Path, records: Records, clock: Clock) -> Iterator[Stage]:
    """A registry that finishes what it was asked when it is restarted."""
    with RegistryProcess(tmp_path / "draining", drain_timeout_s=10) as registry:
        yield Stage(registry, open_registry(registry.url), Pusher(registry.url), records, clock)


def push_image(stage: Stage) -> None:
    """Twenty tags: an index with two, and eighteen on sixteen images."""
    stage.pusher.push_index(API, platforms("index"), ["index", "latest"])
    for number in range(16):
        tags = [f"{number}.0", f"{number}"] if number < 2 else [f"{number}.0"]
        stage.pusher.push(API, build(f"build {number}"), tags)


def kill_while_removing(stage: Stage, dice: random.Random) -> None:
    """Start a process that deletes the image, and kill it when a number of tags, at random, is gone."""
    left = dice.randint(0, TAGS)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([remove_image.__module__])
    process = context.Process(target=remove_image, args=(stage.registry.url, stage.records.path))
    process.start()
    assert process.pid
    until = time.monotonic() + PATIENCE_S
    while process.is_alive() and (len(list((stage.links / "tags").iterdir())) > left or not stage.removals()):
        assert time.monotonic() < until, "the removal does not go on"
        time.sleep(0.001)
    process.kill()
    process.join(PATIENCE_S)


def let_the_lease_run_out(stage: Stage) -> None:
    with stage.records.writing() as session:
        session.execute(update(LeaseRow).values(ends_boottime_s=0.0))


def put_the_journal_back(stage: Stage, removal_id: int) -> None:
    journal = {digest: (media_type, raw) for digest, media_type, raw in stage.journal(removal_id)}
    for digest, (media_type, raw) in journal.items():
        stage.client.put_manifest(API, digest, media_type, raw)
    for tag in stage.removal(removal_id).tags:
        media_type, raw = journal[tag.digest]
        stage.client.put_manifest(API, tag.name, media_type, raw)


def test_a_removal_killed_at_any_moment_leaves_a_true_record_and_can_be_ended(draining: Stage) -> None:
    stage = draining
    push_image(stage)
    whole = stage.tags()
    assert len(whole) == TAGS
    for seed in range(ROUNDS):
        stage.sync()
        before = len(stage.activities())
        kill_while_removing(stage, random.Random(seed))
        stage.registry.restart()  # what is under way in it is carried out first
        let_the_lease_run_out(stage)

        recover(stage.remover)

        removal = stage.removals()[-1]
        there = stage.tags()
        assert removal.state in ("done", "partly", "failed")
        assert set(steps(removal).values()) <= ENDED
        assert {digest for digest, state in steps(removal).items() if state == "failed"} == {
            digest for digest in steps(removal) if stage.has(digest)
        }
        assert {tag for tag, state in states(removal).items() if state == "failed"} == there
        assert all(stage.pulls(tag) for tag in there)
        assert stage.catalogued() == there
        told = stage.activities()[before:]
        assert {tag for tag, outcome, _ in told if outcome == "failed"} == there
        assert {tag for tag, outcome, _ in told if outcome == "done"} == whole - there
        assert len(told) == TAGS

        rest = stage.remove()

        assert stage.tags() == set()
        assert set(states(rest)) == there
        assert not any(stage.has(digest) for digest in steps(removal))

        put_the_journal_back(stage, removal.id)
        assert stage.tags() == whole
        assert all(stage.pulls(tag) for tag in whole)


def test_a_registry_killed_with_the_process_leaves_nothing_half_deleted(draining: Stage) -> None:
    """Killed inside a DELETE, the registry leaves tags without their manifest: looking up takes them away."""
    stage = draining
    built = stage.push("one", "1.0", "latest")
    other = stage.push("two", "2.0")
    stage.sync()

    class Killed(BaseException):
        pass

    class DiesInside(type(stage.client)):  # type: ignore[misc]
        def delete_manifest(self, repository: str, digest: str) -> None:
            stage.untag_on_disk(digest)
            raise Killed

    with pytest.raises(Killed):
        stage.press(stage.look("1.0", siblings=Siblings.REMOVE), DiesInside(stage.client._transport))
    let_the_lease_run_out(stage)

    recover(stage.remover)

    removal = stage.removals()[0]
    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted", "latest": "deleted"})
    assert stage.tags() == {"2.0"}
    assert stand_ins(stage) == []
    assert not stage.has(built.digest)
    assert stage.pulls(other.digest)
