"""Every removal from fleets that are made up is the one that is worked out in `what_may_go`, to the byte.

FLEETS says on how many (200), FLEETS_SEED on which: others each time in `make storm` only. What may go is worked out a second time, in
`what_may_go`; what a collection frees is measured with the real collector.
"""

from __future__ import annotations

import copy
import hashlib
import http.client
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, seed, settings

from demo.build import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Blob, Built
from demo.push import Pusher
from tests.records import Clock, open_records
from tests.registry_process import BINARY, RegistryProcess
from tests.removal.acts import (
    Delete,
    Fleet,
    Index,
    Made,
    Scenario,
    scenarios,
)
from tests.removal.stage import Stage, agreed_to, bytes_less, stand_ins
from tests.removal.what_may_go import MayGo, what_may_go
from tests.runtime.keeper_process import KeeperProcess
from webapp.registry.client import open_registry
from webapp.removal.execute import Preview, preview, remove
from webapp.removal.models import GOOD

FLEETS = int(os.environ.get("FLEETS", "200"))
SEED = int(os.environ.get("FLEETS_SEED") or 1)
PARTS = 4
"""So that several workers share the work."""

ACCEPT = ", ".join((OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST))

Property = Callable[[Scenario, Path, Path], None]
"""Of a scenario, with a folder of its own and an empty database to copy."""


class Puller:
    """Pulls layer by layer over one connection; bytes that are not those of the digest are no pull."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._known: dict[tuple[str, str], bool] = {}

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """A manifest's bytes; None where it does not answer."""
        return self._get(f"/v2/{repository}/manifests/{reference}")

    def pulls(self, repository: str, digest: str) -> bool:
        """Whether a manifest is there with all that it names, but layers that are kept elsewhere."""
        if (repository, digest) not in self._known:
            self._known[repository, digest] = self._pulls(repository, digest)
        return self._known[repository, digest]

    def _pulls(self, repository: str, digest: str) -> bool:
        raw = self.manifest(repository, digest)
        if raw is None or digest != f"sha256:{hashlib.sha256(raw).hexdigest()}":
            return False
        document = json.loads(raw)
        blobs = [each for each in [document.get("config"), *document.get("layers", ())] if each and "urls" not in each]
        return all(self._has_blob(repository, each["digest"]) for each in blobs) and all(
            self.pulls(repository, each["digest"]) for each in document.get("manifests", ())
        )

    def _has_blob(self, repository: str, digest: str) -> bool:
        if (repository, digest) not in self._known:
            raw = self._get(f"/v2/{repository}/blobs/{digest}")
            is_there = raw is not None and digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
            self._known[repository, digest] = is_there
        return self._known[repository, digest]

    def _get(self, path: str) -> bytes | None:
        self._connection.request("GET", path, headers={"Accept": ACCEPT})
        answer = self._connection.getresponse()
        raw = answer.read()
        assert answer.status in (200, 404), f"{path}: {answer.status} {raw!r}"
        return raw if answer.status == 200 else None


@contextmanager
def staged(folder: Path, template: Path, scenario: Scenario, *, reads_store: bool) -> Iterator[Stage]:
    """A registry that holds the fleet, and a catalogue that has not seen it yet."""
    registry = RegistryProcess(folder / "registry")
    scenario.fleet().write(registry.store)
    records = open_records(Path(shutil.copy(template, folder / "holystone.db")))
    try:
        with registry:
            client = open_registry(registry.url, connect_timeout_s=2, read_timeout_s=10)
            store = registry.store if reads_store else None
            yield Stage(registry, client, None, records, Clock(), store=store, protected=scenario.request.protected)  # type: ignore[arg-type]
    finally:
        records.engine.dispose()


@contextmanager
def staged_with_keeper(folder: Path, template: Path, scenario: Scenario) -> Iterator[Stage]:
    """The same with a keeper in front of the registry, whose store cannot be read."""
    keeper = KeeperProcess(folder)
    scenario.fleet().write(keeper.store)
    records = open_records(Path(shutil.copy(template, folder / "holystone.db")))
    try:
        with keeper:
            client = open_registry(keeper.url, connect_timeout_s=2, read_timeout_s=10)
            protected = scenario.request.protected
            yield Stage(keeper, client, None, records, Clock(), folder=keeper.folder, protected=protected)  # type: ignore[arg-type]
    finally:
        records.engine.dispose()


@dataclass(frozen=True)
class Outcome:
    """What a removal was to do, and what it and a collection did. `before` is the fleet that it met."""

    before: Fleet
    looked: Preview
    bytes_freed: int
    puller: Puller

    @property
    def repository(self) -> str:
        return self.looked.plan.repository

    @property
    def steps(self) -> set[str]:
        return {each.digest for each in self.looked.plan.steps}


def try_removal(stage: Stage, scenario: Scenario, folder: Path) -> Outcome:
    """Sync, go on pushing, look, press, collect."""
    fleet = scenario.fleet()
    stage.sync()
    push_more(stage, scenario, fleet)
    wanted = scenario.request.wanted(fleet)
    looked = preview(stage.remover, wanted)
    bytes_before = bytes_left(stage.registry.store, folder / "before")
    if not (looked.plan.refusal or looked.plan.is_empty):
        removal = stage.removal(remove(stage.remover, wanted, agreed_to(looked)))
        states = {each.state for each in [*removal.steps, *removal.tags]}
        assert states <= set(GOOD), [(each.digest, each.state, each.reason) for each in removal.steps]
    stage.registry.stop()
    bytes_after = collect(stage.registry.store, folder)
    stage.registry.start()
    return Outcome(fleet, looked, bytes_before - bytes_after, Puller(stage.registry.port))


def push_more(stage: Stage, scenario: Scenario, fleet: Fleet) -> None:
    """What happens after the sync: deletions over HTTP, pushes on disk."""
    for digest in scenario.go_on(fleet):
        requests.delete(f"{stage.registry.url}/v2/{scenario.request.repository}/manifests/{digest}", timeout=10)
    if scenario.late:
        fleet.write(stage.registry.store)


def bytes_left(store: Path, folder: Path) -> int:
    """What a collection would leave, tried on a copy. It takes files away and changes none, so links are enough."""
    shutil.copytree(store, folder / "store", copy_function=os.link)
    return collect(folder / "store", folder)


def collect(store: Path, folder: Path) -> int:
    """Collect, and return the bytes of the blobs' data files that are left."""
    config = folder / "collect.json"
    storage = {"filesystem": {"rootdirectory": str(store)}}
    config.write_text(json.dumps({"version": "0.1", "log": {"level": "error"}, "storage": storage}))
    subprocess.run([BINARY, "garbage-collect", str(config)], capture_output=True, timeout=60, check=True)
    return sum(path.stat().st_size for path in (store / "docker/registry/v2/blobs").glob("*/*/*/data"))


def assert_what_stays_pulls(outcome: Outcome) -> None:
    """Every manifest that pulled before and was not to go pulls, by digest and by its tags; what lacked a part answers."""
    before, puller, plan = outcome.before, outcome.puller, outcome.looked.plan
    rewritten = {each.tag: each.new for each in plan.rewrites}
    for repository, contents in before.repositories.items():
        is_it = repository == outcome.repository
        for digest in contents.revisions.keys() - (outcome.steps if is_it else set()):
            if before.is_whole(repository, digest):
                assert puller.pulls(repository, digest), f"{repository}@{digest} does not pull any more"
            assert puller.manifest(repository, digest), f"{repository}@{digest} does not answer any more"
        for tag in contents.tags.keys() - (plan.tags.keys() if is_it else set()):
            digest = (rewritten if is_it else {}).get(tag, contents.tags[tag])
            assert puller.manifest(repository, tag) == puller.manifest(repository, digest), f"{tag} is on another one"
            assert puller.manifest(repository, tag), f"{repository}:{tag} does not answer any more"


def assert_what_was_to_go_is_gone(outcome: Outcome) -> None:
    """None of the tags and manifests of the plan answers, and no stand-in is left."""
    for reference in [*outcome.looked.plan.tags, *outcome.steps]:
        assert outcome.puller.manifest(outcome.repository, reference) is None, f"{reference} answers"


def assert_is_as_worked_out(outcome: Outcome, protected: tuple[str, ...]) -> MayGo:
    """The plan is what the words of the issue say."""
    plan = outcome.looked.plan
    expected = what_may_go(outcome.before, plan.wanted, protected)
    assert set(plan.tags) == expected.tags
    assert outcome.steps == expected.manifests
    assert {each.tag for each in plan.rewrites} == expected.rewritten
    return expected


def assert_is_exact(outcome: Outcome) -> None:
    """The bytes that were foretold are those that came back."""
    assert outcome.looked.space.is_exact
    assert bytes_less(outcome.looked.space) == outcome.bytes_freed


def fleet_after(outcome: Outcome, expected: MayGo) -> Fleet:
    """What should be there after a removal."""
    fleet, contents = outcome.before, outcome.before.repositories[outcome.repository]
    for each in outcome.looked.plan.rewrites:
        old = fleet.made[each.old]
        children = tuple(child for child in old.children if child in contents.revisions and child not in outcome.steps)
        fleet.put(outcome.repository, Made(each.media_type, each.raw, (), children, old.subject, old.height), each.tag)
    for tag in expected.tags:
        fleet.untag(outcome.repository, tag)
    for digest in expected.manifests:
        fleet.delete(outcome.repository, digest)
    return fleet


def assert_second_look_is_as_worked_out(stage: Stage, scenario: Scenario, outcome: Outcome, expected: MayGo) -> None:
    """After another sync the same removal finds what is left of it: nothing, mostly."""
    fleet = fleet_after(outcome, expected)
    stage.sync()
    again = preview(stage.remover, outcome.looked.plan.wanted)
    assert_is_as_worked_out(replace(outcome, before=fleet, looked=again), scenario.request.protected)


def holds_at_readable_store(scenario: Scenario, folder: Path, template: Path) -> None:
    """With the store at hand, everything is exact."""
    with staged(folder, template, scenario, reads_store=True) as stage:
        outcome = try_removal(stage, scenario, folder)
        expected = assert_is_as_worked_out(outcome, scenario.request.protected)
        assert_is_exact(outcome)
        assert_what_stays_pulls(outcome)
        assert_what_was_to_go_is_gone(outcome)
        assert stand_ins(stage, outcome.repository) == []
        if scenario.late or outcome.looked.plan.rewrites:  # a look at each would take a third of the time
            assert_second_look_is_as_worked_out(stage, scenario, outcome, expected)


def holds_with_keeper(scenario: Scenario, folder: Path, template: Path) -> None:
    """With nothing but a keeper, everything is exact, too."""
    scenario = with_true_sizes(scenario)
    with staged_with_keeper(folder, template, scenario) as stage:
        outcome = try_removal(stage, scenario, folder)
        assert_is_as_worked_out(outcome, scenario.request.protected)
        assert_is_exact(outcome)
        assert_what_stays_pulls(outcome)
        assert_what_was_to_go_is_gone(outcome)


def holds_where_nobody_knows(scenario: Scenario, folder: Path, template: Path) -> None:
    """With neither, the promise is a bound, and only what nobody could see can be missed.

    What others delete after the sync goes on counting as there.
    """
    scenario = with_true_sizes(scenario)
    scenario = replace(scenario, late=tuple(act for act in scenario.late if not isinstance(act, Delete)))
    with staged(folder, template, scenario, reads_store=False) as stage:
        outcome = try_removal(stage, scenario, folder)
        space = outcome.looked.space
        assert bytes_less(space) >= outcome.bytes_freed
        assert space.is_exact == (not outcome.steps)
        forget_what_nobody_saw(outcome)
        assert_what_stays_pulls(outcome)
        assert_what_was_to_go_is_gone(outcome)
        assert stand_ins(stage, outcome.repository) == []


def with_true_sizes(scenario: Scenario) -> Scenario:
    """The same without indexes that lie: of a manifest that was deleted from under one, only it tells the size."""
    acts, late = (
        tuple(replace(act, lie=0) if isinstance(act, Index) else act for act in some)
        for some in (scenario.acts, scenario.late)
    )
    return replace(scenario, acts=acts, late=late)


def forget_what_nobody_saw(outcome: Outcome) -> None:
    """Take out of the model the untagged indexes that no API tells of, where they held something that goes."""
    contents = outcome.before.repositories[outcome.repository]
    stays = [digest for tag, digest in contents.tags.items() if tag not in outcome.looked.plan.tags]
    seen = reached_by(outcome.before, stays)
    for digest in contents.revisions.keys() - seen - outcome.steps:
        if reached_by(outcome.before, [digest]) & outcome.steps:
            del contents.revisions[digest]


def reached_by(fleet: Fleet, digests: list[str]) -> set[str]:
    """Some manifests and all that they name."""
    return {*digests, *(each for digest in digests for each in reached_by(fleet, list(fleet.made[digest].children)))}


def holds_of_writing(scenario: Scenario, folder: Path, _template: Path) -> None:
    """What is written into a store is what pushes and deletions over HTTP leave there."""
    fleet = scenario.empty()
    with RegistryProcess(folder / "pushed") as registry:
        push(registry.url, Fleet(), fleet)
        for act in scenario.acts:
            before = copy.deepcopy(fleet)
            act.act(fleet, scenario.place_of(act))
            if is_refused(before, fleet):
                fleet = before
            else:
                push(registry.url, before, fleet)
        fleet.write(folder / "written")
        assert files_of(folder / "written") == files_of(registry.store)


def is_refused(before: Fleet, after: Fleet) -> bool:
    """Whether a registry does not take it: a child that is not there, or a layer that is kept elsewhere."""
    return any(
        not after.is_whole(name, digest) or b'"urls"' in after.made[digest].raw
        for name, contents in after.repositories.items()
        for digest in {
            *(contents.revisions.keys() - before.repositories[name].revisions.keys()),
            *(on for tag, on in contents.tags.items() if before.repositories[name].tags.get(tag) != on),
        }
    )


def push(url: str, before: Fleet, after: Fleet) -> None:
    """Do over HTTP what leads from one fleet to another."""
    pusher = Pusher(url)
    for name, contents in after.repositories.items():
        old = before.repositories[name]
        for digest in contents.layers - old.layers:
            pusher.push_blob(name, Blob("", after.blobs[digest]))
        for digest in [each for each in contents.revisions if each not in old.revisions]:
            pusher.put_manifest(name, digest, Built(after.made[digest].media_type, after.made[digest].raw))
        for tag, digest in contents.tags.items():
            if old.tags.get(tag) != digest:
                pusher.put_manifest(name, tag, Built(after.made[digest].media_type, after.made[digest].raw))
        for digest in old.revisions.keys() - contents.revisions.keys():
            requests.delete(f"{url}/v2/{name}/manifests/{digest}", timeout=10).raise_for_status()


def files_of(store: Path) -> dict[str, bytes]:
    """Every file of a store, with its bytes."""
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def try_on_fleets(check: Property, number: int, part: int, tmp: Path, of: Path) -> None:
    """Try a property on fleets that are made up, each in a folder of its own. FLEETS_SEED repeats them."""
    print(f"FLEETS_SEED={SEED} FLEETS={FLEETS}, part {part}")  # noqa: T201 the way to repeat what found something
    folders = itertools.count()

    @seed(SEED + part)
    @settings(
        max_examples=max(1, number),
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(scenarios())
    def tried(scenario: Scenario) -> None:
        folder = tmp / str(next(folders))
        folder.mkdir()
        try:
            check(scenario, folder, of)
        finally:
            shutil.rmtree(folder)

    tried()


@pytest.mark.parametrize("part", range(PARTS))
def test_exactly_what_was_promised_goes_and_every_byte_is_foretold(
    part: int, tmp_path: Path, records_template: Path
) -> None:
    try_on_fleets(holds_at_readable_store, FLEETS // PARTS, part, tmp_path, records_template)


def test_without_a_store_to_read_the_promise_is_a_bound_and_nothing_else_is_lost(
    tmp_path: Path, records_template: Path
) -> None:
    try_on_fleets(holds_where_nobody_knows, FLEETS // 5, PARTS, tmp_path, records_template)


def test_a_keeper_alone_makes_the_promise_exact(tmp_path: Path, records_template: Path) -> None:
    try_on_fleets(holds_with_keeper, FLEETS // 20, PARTS + 1, tmp_path, records_template)


def test_a_fleet_that_is_written_is_the_one_that_is_pushed(tmp_path: Path, records_template: Path) -> None:
    try_on_fleets(holds_of_writing, FLEETS // 20, PARTS + 2, tmp_path, records_template)
