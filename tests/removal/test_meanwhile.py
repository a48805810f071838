"""Two removals at once in one repository, and somebody who pushes all the while."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import requests

from demo.build import Built, index
from demo.push import Pusher
from tests.removal.contending import ACTED, REFUSED, contend
from tests.removal.stage import API, Stage, build, stand_ins, states
from tests.removal.watching import PATIENCE_S, Watcher, wait_until
from webapp.registry.client import RegistryClient, open_registry
from webapp.removal.execute import PlanChanged
from webapp.removal.models import GONE
from webapp.removal.recovery import recover

REMOVALS = 20
TAGS = tuple(f"{number}.0" for number in range(8))
IMAGES = tuple(build(f"build {number}") for number in range(12))
PAIRS = ((0, 1), (2, 3), (4, 5), (1, 2))


@pytest.mark.parametrize("tags", [("1.0", "1.0"), ("1.0", "2.0")], ids=["the same tag", "two tags"])
def test_of_two_processes_one_acts_and_the_other_says_that_it_does_not(stage: Stage, tags: tuple[str, str]) -> None:
    stage.push("one", "1.0", "latest")
    stage.push("two", "2.0", "2")
    stage.sync()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([contend.__module__])
    together, refused = context.Barrier(2), context.Event()
    where = (stage.registry.url, stage.records.path)
    both = [context.Process(target=contend, args=(*where, tag, together, refused)) for tag in tags]

    for process in both:
        process.start()
    for process in both:
        process.join(PATIENCE_S)

    assert sorted(process.exitcode or 0 for process in both) == [ACTED, REFUSED]
    (removal,) = stage.removals()
    acted = next(tag for tag, process in zip(tags, both, strict=True) if process.exitcode == ACTED)
    assert (removal.state, states(removal)) == ("done", {acted: "deleted"})
    assert stage.tags() == {"1.0", "latest", "2.0", "2"} - {acted}
    assert stage.activities() == [(acted, "done", "")]


@dataclass
class Pushes:
    """What somebody pushed: of each tag the last digest that was acknowledged, and when that was under way."""

    last: dict[str, str] = field(default_factory=dict)
    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)
    count: int = 0

    def push(self, pusher: Pusher, tag: str, built: Built) -> None:
        began = time.monotonic()
        pusher.put_manifest(API, tag, built)
        self.last[tag], self.times[tag] = built.digest, (began, time.monotonic())
        self.digests.add(built.digest)
        self.count += 1


@contextmanager
def pushing(stage: Stage, seed: int) -> Iterator[Pushes]:
    """Move tags to other images, add siblings, put indexes over images that are there, all the while."""
    pushes, stop, pusher = Pushes(), threading.Event(), Pusher(stage.registry.url)
    dice = random.Random(seed)

    def push() -> None:
        while not stop.is_set():
            for tag in TAGS:  # each in its turn: the same one is never pushed twice in a moment
                built = dice.choice(IMAGES)
                if dice.random() < 0.3:
                    children = [IMAGES[number] for number in dice.choice(PAIRS)]
                    for child in children:
                        pusher.put_manifest(API, child.digest, child)
                    built = index(children)
                try:
                    pushes.push(pusher, tag, built)
                except requests.HTTPError:
                    continue  # a child went in between: not acknowledged

    thread = threading.Thread(target=push)
    thread.start()
    try:
        wait_until(lambda: pushes.count > len(TAGS), "the first pushes were made")
        yield pushes
    finally:
        stop.set()
        thread.join()


class Timed(Watcher):
    """Notes when its requests that change something are under way."""

    def __init__(self, client: RegistryClient) -> None:
        super().__init__(client)
        self.times: list[tuple[float, float]] = []

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        with self._timed():
            return super().put_manifest(repository, reference, media_type, raw)

    def delete_manifest(self, repository: str, digest: str) -> None:
        with self._timed():
            super().delete_manifest(repository, digest)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.times.append((began, time.monotonic()))

    def ran_beside(self, began: float, ended: float) -> bool:
        """Whether something was under way at the same time: the race that cannot be closed over HTTP (docs/)."""
        return any(ours < ended and began < its_end for ours, its_end in self.times)


@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_pushes_meanwhile_loses_nothing(stage: Stage, seed: int) -> None:
    client = open_registry(stage.registry.url)  # one that asks again
    stage = replace(stage, store=stage.registry.store, client=client)
    for built in IMAGES:
        stage.pusher.push(API, built)
    dice = random.Random(seed)
    timed = Timed(client)
    agreed = changed = 0

    with pushing(stage, seed) as pushes:
        while agreed < REMOVALS:
            if changed % 5 == 0:
                stage.sync()
            try:
                stage.press(stage.look(dice.choice(TAGS)), timed)
                agreed += 1
            except PlanChanged:
                changed += 1
                assert changed < 30 * REMOVALS, "nothing is ever agreed on"

    recover(stage.remover)
    removals = stage.removals()
    assert not {each.state.value for each in removals} & {"open", "unknown"}
    taken = {(tag.name, tag.digest) for each in removals for tag in each.tags if tag.state in GONE}
    deleted = {step.digest for each in removals for step in each.steps if step.state in GONE}
    assert len(removals) == REMOVALS
    for tag, digest in pushes.last.items():
        if (tag, digest) in taken or digest in deleted or timed.ran_beside(*pushes.times[tag]):
            continue
        told = [(each.id, each.state, tag, states(each)) for each in removals if tag in states(each)]
        assert stage.has(tag), f"{tag} on {digest} is gone: {told}"
        assert stage.client.head_manifest(API, tag).digest == digest
        assert stage.pulls(tag)
    assert all(stage.pulls(tag) for tag in stage.tags())
    lost = {each for each in pushes.digests - deleted if not stage.has(each)}
    assert [
        (each.id, each.notice, step.digest, step.state, step.reason)
        for each in removals
        for step in each.steps
        if step.digest in lost
    ] == []
    assert lost == set()
    assert stand_ins(stage) == []
