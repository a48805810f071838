"""Into the trash and back, on fleets that are made up: the store answers as before, byte for byte; or is emptied exactly.

FLEETS and FLEETS_SEED are those of `test_as_worked_out`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.removal.acts import Fleet, Scenario
from tests.removal.stage import Stage, agreed_to
from tests.removal.test_as_worked_out import FLEETS, Puller, collect, push_more, staged, try_on_fleets
from tests.removal.trashing import RETENTION
from tests.removal.what_may_go import what_may_go
from webapp.removal.empty import DATE_HAS_COME, due, empty, how_many_are_due
from webapp.removal.execute import Preview, preview, remove
from webapp.removal.models import GOOD
from webapp.removal.restore import restore
from webapp.removal.trash_models import TrashState

PARTS = 2


@dataclass(frozen=True)
class Answers:
    """All that a registry answers of a fleet: its tags and manifests with their bytes, and which of them pull."""

    tags: dict[tuple[str, str], bytes | None]
    manifests: dict[tuple[str, str], bytes | None]
    pulling: frozenset[tuple[str, str]]


def answers(stage: Stage, fleet: Fleet) -> Answers:
    """Ask for everything that was ever in the fleet."""
    puller = Puller(stage.registry.port)
    places = [(name, contents) for name, contents in fleet.repositories.items()]
    tags = {(name, tag): puller.manifest(name, tag) for name, contents in places for tag in contents.tags}
    revisions = [(name, digest) for name, contents in places for digest in contents.revisions]
    manifests = {each: puller.manifest(*each) for each in revisions}
    return Answers(tags, manifests, frozenset(each for each in revisions if puller.pulls(*each)))


def removed(stage: Stage, scenario: Scenario, fleet: Fleet) -> Preview:
    """Sync, go on pushing, delete into the trash."""
    stage.sync()
    push_more(stage, scenario, fleet)
    looked = preview(stage.remover, scenario.request.wanted(fleet))
    if not (looked.plan.refusal or looked.plan.is_empty):
        removal = stage.removal(remove(stage.remover, looked.plan.wanted, agreed_to(looked)))
        assert {each.state for each in [*removal.steps, *removal.tags]} <= set(GOOD)
    return looked


def collected(stage: Stage, folder: Path) -> int:
    """Collect, and return the bytes that are left."""
    stage.registry.stop()
    left = collect(stage.registry.store, folder)
    stage.registry.start()
    return left


def restores_as_before(scenario: Scenario, folder: Path, template: Path) -> None:
    """Delete, collect twice, restore everything: all that a registry takes is there again, and nothing is other."""
    with staged(folder, template, scenario, reads_store=True) as plain:
        stage = replace(plain, retention=RETENTION)
        fleet = scenario.fleet()
        looked = removed(stage, scenario, fleet)
        before = answers_before(stage, fleet)
        collected(stage, folder)
        collected(stage, folder)
        items = [item for item in stage.items() if item.state == TrashState.IN_TRASH]
        restore(stage.remover, [item.id for item in items], "alice", "192.0.2.1")
        after = answers(stage, fleet)
        for each, raw in before.manifests.items():  # a child that was not there may be, by now: its index needs it
            assert raw is None or after.manifests[each] == raw
        assert after.pulling >= before.pulling
        for (repository, tag), raw in before.tags.items():
            stayed = repository != looked.plan.repository or tag not in looked.plan.tags
            states = [item.state for item in stage.items() if item.tag == tag]
            if stayed or is_taken_by_a_registry(fleet, repository, fleet.repositories[repository].tags[tag]):
                assert after.tags[repository, tag] == raw, f"{repository}:{tag}"
            elif after.tags[repository, tag] is None:
                assert states == [TrashState.IN_TRASH]
            else:
                assert (after.tags[repository, tag], states) == (raw, [TrashState.RESTORED])


def answers_before(stage: Stage, fleet: Fleet) -> Answers:
    """What the registry answered before the removal: manifests as now, since none went, and tags as the fleet has them."""
    now = answers(stage, fleet)
    tags = {
        (name, tag): now.manifests.get((name, digest))
        for name, contents in fleet.repositories.items()
        for tag, digest in contents.tags.items()
    }
    return replace(now, tags=tags)


def is_taken_by_a_registry(fleet: Fleet, repository: str, digest: str) -> bool:
    """Whether 2.8 certainly takes a manifest: one that lacks a part it refuses, and some that have `urls`."""
    return fleet.is_whole(repository, digest) and b'"urls"' not in fleet.made[digest].raw


def is_emptied_exactly(scenario: Scenario, folder: Path, template: Path) -> None:
    """Delete, wait, empty, collect: what goes is what a removal for good would have taken, and every byte is foretold."""
    with staged(folder, template, scenario, reads_store=True) as plain:
        stage = replace(plain, retention=RETENTION)
        fleet = scenario.fleet()
        looked = removed(stage, scenario, fleet)
        expected = what_may_go(fleet, looked.plan.wanted, scenario.request.protected)
        before = answers_before(stage, fleet)
        bytes_before = collected(stage, folder)
        stage.clock.advance(days=15)
        with stage.records.reading() as session:
            ids = due(session, stage.clock())
        done = empty(stage.remover, ids, DATE_HAS_COME, "window")
        assert (done.left, done.sentences) == (0, ())
        with stage.records.reading() as session:
            assert how_many_are_due(session, stage.clock()) == 0
        predicted = done.bytes_freed - added_by_lists(stage, fleet)
        assert bytes_before - collected(stage, folder) == predicted
        after = answers(stage, fleet)
        repository = looked.plan.repository
        gone = {(repository, digest) for digest in expected.manifests}
        assert {each for each, raw in after.manifests.items() if raw is None} == gone | {
            each for each, raw in before.manifests.items() if raw is None
        }
        assert after.pulling >= before.pulling - gone


def added_by_lists(stage: Stage, fleet: Fleet) -> int:
    """What lists of referrers took that were written anew and are larger than what came back."""
    known = {digest for contents in fleet.repositories.values() for digest in contents.revisions}
    new = {
        hashlib.sha256(step.raw or b"").hexdigest(): 0
        for removal in stage.removals()
        for step in removal.steps
        if step.kind == "rewrite" and step.digest not in known
    }
    return sum(new.values())


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_restored_after_two_collections_is_as_before(part: int, tmp_path: Path, records_template: Path) -> None:
    try_on_fleets(restores_as_before, FLEETS // 10, 10 + part, tmp_path, records_template)


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_emptied_is_what_was_said_to_the_byte(part: int, tmp_path: Path, records_template: Path) -> None:
    try_on_fleets(is_emptied_exactly, FLEETS // 10, 20 + part, tmp_path, records_template)
