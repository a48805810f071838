"""Pushes, deletions, restores, emptyings, tags given and moved, collections, in any order, with a model beside them.

Whatever comes after what: every tag that the model has answers with its bytes and pulls whole, every item of the trash
whose date has not come can be pulled by its digest, and nothing else is listed. SEQUENCES says how many (100).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from demo.build import Built
from demo.push import Pusher
from tests.records import Clock, open_records
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage, build, platforms
from tests.removal.test_as_worked_out import Puller
from tests.removal.trashing import RETENTION, collect
from tests.retention.rules_stage import RulesStage
from webapp.activities.models import Outcome
from webapp.registry.client import open_registry
from webapp.removal.empty import empty_what_is_due
from webapp.removal.models import Removal
from webapp.removal.trash_models import TrashState
from webapp.removal.trash_upkeep import look_after_trash
from webapp.retention.run import carry_out_rules

SEQUENCES = int(os.environ.get("SEQUENCES", "100"))
PARTS = 2
TAGS = ("1.0", "1.1", "latest")
NAMES = st.sampled_from(("api", "web", "job"))
IMAGES = st.integers(0, 11)


@dataclass
class InTrash:
    """What the model has of an item."""

    tag: str
    built: Built
    until: datetime


class Sequences(RuleBasedStateMachine):
    """A registry of its own for each sequence, and what should be in it."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="sequence-"))
        self.stack.callback(shutil.rmtree, folder)
        registry = self.stack.enter_context(RegistryProcess(folder / "registry"))
        records = open_records(Path(shutil.copy(self.template, folder / "holystone.db")))
        self.stack.callback(records.engine.dispose)
        client = open_registry(registry.url, connect_timeout_s=2, read_timeout_s=10)
        plain = Stage(registry, client, Pusher(registry.url), records, Clock())
        self.stage = replace(plain, retention=RETENTION)
        self.stage.pusher.push("another", build("stays"), ["1.0"])  # a collector refuses an empty store
        self.rules = RulesStage(self.stage)
        self.rules.rule(repositories=API, keep_newest=2, untagged_days=5)
        self.built: dict[str, Built] = {}
        self.tags: dict[str, Built] = {}
        self.trash: dict[int, InTrash] = {}

    def teardown(self) -> None:
        self.stack.close()

    @rule(tag=st.sampled_from(TAGS), number=IMAGES)
    def push(self, tag: str, number: int) -> None:
        self.note(tag, self.stage.pusher.push(API, build(f"image {number}"), [tag]))

    @rule(tag=st.sampled_from(TAGS), name=NAMES, both=st.booleans())
    def push_index(self, tag: str, name: str, both: bool) -> None:
        children = platforms(name) if both else platforms(name)[:1]
        self.note(tag, self.stage.pusher.push_index(API, children, [tag]))
        self.built |= {child.digest: child for child in children}

    @rule(tag=st.sampled_from(TAGS))
    def sign(self, tag: str) -> None:
        if tag not in self.tags:
            return
        signed = self.tags[tag]
        signature = self.stage.pusher.sign(API, signed)
        self.note(f"{signed.digest.replace(':', '-')}.sig", signature)

    @rule(tag=st.sampled_from(TAGS), onto=st.sampled_from(TAGS))
    def retag(self, tag: str, onto: str) -> None:
        if tag in self.tags:
            self.stage.retag(onto, self.tags[tag])
            self.note(onto, self.tags[tag])

    @rule(tags=st.sets(st.sampled_from(TAGS), min_size=1), for_good=st.booleans())
    def delete(self, tags: set[str], for_good: bool) -> None:
        asked = sorted(tags & self.tags.keys())
        if not asked:
            return
        self.sync()
        looked = self.stage.look(*asked, for_good=for_good)
        assert set(asked) <= looked.plan.tags.keys()
        removal = self.stage.press(looked)
        assert removal.state == "done"
        self.learn(removal)
        assert not set(asked) & self.tags.keys()

    @rule()
    def let_rules_take(self) -> None:
        self.sync()
        before = {removal.id for removal in self.stage.removals()}
        newest = {tag for tag in self.tags if tag in TAGS}
        carry_out_rules(self.rules.retainer)
        for removal in self.stage.removals():
            if removal.id not in before:
                assert removal.actor == "retention: CI"
                self.learn(removal)
        assert len({tag for tag in self.tags if tag in TAGS}) >= min(2, len(newest))

    def note(self, tag: str, built: Built) -> None:
        self.tags[tag] = self.built[built.digest] = built

    def learn(self, removal: Removal) -> None:
        """What a removal says that it has taken away is gone, and is in the trash."""
        for tag in removal.tags:
            if tag.state == "deleted":
                assert self.tags.pop(tag.name).digest == tag.digest
        for item in self.stage.items():
            if item.removal_id == removal.id and item.state == TrashState.IN_TRASH:
                assert item.until is not None
                self.trash[item.id] = InTrash(item.tag, self.built[item.digest], item.until)

    @precondition(lambda self: self.trash)
    @rule(number=IMAGES)
    def restore(self, number: int) -> None:
        item_id = sorted(self.trash)[number % len(self.trash)]
        for each in self.stage.restore(item_id):
            item = self.trash[each.item_id]
            on = self.tags.get(item.tag) if item.tag else None
            is_free = on is None or on.digest == item.built.digest
            assert (each.outcome == Outcome.DONE) == is_free, each.reason
            if is_free and item.tag:
                self.tags[item.tag] = item.built
            if is_free:
                del self.trash[each.item_id]

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.stage.clock.advance(days=days)

    @rule()
    def empty(self) -> None:
        self.sync()
        empty_what_is_due(self.stage.remover, "window")
        left = {item.id for item in self.stage.items() if item.state == TrashState.IN_TRASH}
        for item_id, item in list(self.trash.items()):
            assert item.until <= self.stage.clock() or item_id in left
            if item_id not in left:
                del self.trash[item_id]

    @rule()
    def collect(self) -> None:
        collect(self.stage)

    @rule()
    def look_after(self) -> None:
        self.sync()
        look_after_trash(self.stage.remover, 0)
        items = {item.id: item for item in self.stage.items()}
        on = {built.digest for built in self.tags.values()}
        for item_id in list(self.trash):
            if items[item_id].state == TrashState.STAYS:
                assert self.trash[item_id].built.digest in on
                del self.trash[item_id]

    def sync(self) -> None:
        self.stage.clock.advance(seconds=1)
        assert not self.stage.sync().problem

    @invariant()
    def everything_pulls(self) -> None:
        puller = Puller(self.stage.registry.port)
        assert self.stage.tags() == set(self.tags)
        for tag, built in self.tags.items():
            assert puller.manifest(API, tag) == built.raw
            assert puller.pulls(API, built.digest)
        for item in self.trash.values():
            if item.until > self.stage.clock():
                assert puller.pulls(API, item.built.digest), f"{item.tag} in the trash"


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_comes_after_what_nothing_that_should_pull_fails_to(part: int, records_template: Path) -> None:
    machine = type(f"Sequences{part}", (Sequences,), {"template": records_template})
    how = settings(
        max_examples=max(1, SEQUENCES // PARTS),
        stateful_step_count=15,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
