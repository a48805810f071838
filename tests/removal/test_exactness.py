"""Over every shape of fleet: what was foretold is freed, to the byte, and only what was named is gone.

`FLEETS` says how many fleets are tried, `FLEETS_SEED` which: always the same ones, but for `make storm`, which tries
others each time. The seed is printed with a failure.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

from demo.build import Blob
from demo.push import Pusher
from tests.records import Clock, open_records
from tests.registry_process import RegistryProcess
from tests.removal.fleets import (
    TAGS,
    Fleet,
    blobs_of,
    children_of,
    fleets,
    subject_of,
    write_fleet,
)
from tests.removal.stage import Stage, blob_file, bytes_less, stand_ins
from webapp.catalogue.revisions import read_in_store, tags_in_store
from webapp.registry.client import open_registry
from webapp.removal.execute import Preview, preview
from webapp.removal.models import RemovalState
from webapp.removal.plan import Plan
from webapp.removal.wanted import Referrers, Siblings, Wanted

FLEETS = int(os.environ.get("FLEETS", "200"))
SEED = int(os.environ.get("FLEETS_SEED") or 1)
PARTS = 4
LIMITS = settings(
    max_examples=max(1, FLEETS // PARTS),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
PROTECTED = st.sampled_from([(), (), (), ("latest",), ("1.?", "stable*")])

Places = dict[str, dict[str, bytes]]
"""Of each repository, its manifests by digest."""


@contextmanager
def stage_of(fleet: Fleet, template: Path, protected: tuple[str, ...], store_is_readable: bool) -> Iterator[Stage]:
    """A registry that holds a fleet, and a catalogue that was synced with it."""
    with tempfile.TemporaryDirectory() as folder:
        registry = RegistryProcess(Path(folder) / "registry")
        write_fleet(registry.store, fleet)
        records = open_records(Path(shutil.copy(template, Path(folder) / "holystone.db")))
        with registry:
            store = registry.store if store_is_readable else None
            client, pusher = open_registry(registry.url), Pusher(registry.url)
            stage = Stage(registry, client, pusher, records, Clock(), store=store, protected=protected)
            assert stage.sync().is_complete
            yield stage
        records.engine.dispose()


@st.composite
def wishes(draw: st.DrawFn, fleet: Fleet) -> Wanted:
    """Anything that somebody could ask to be removed."""
    repository = draw(st.sampled_from(sorted(fleet)))
    here = fleet[repository]
    choices = Wanted(
        repository,
        siblings=draw(st.sampled_from(Siblings)),
        referrers=draw(st.sampled_from([Referrers.REMOVE, Referrers.REMOVE, Referrers.KEEP])),
        include_protected=draw(st.booleans()),
    )
    kind = draw(st.sampled_from(["tag", "tag", "tags", "digest", "image"]))
    if kind == "image":
        return replace(choices, whole_image=True)
    if kind == "digest" and here.manifests:
        return replace(choices, digests=(draw(st.sampled_from(sorted(here.manifests))),))
    tags = sorted(here.tags) or list(TAGS)
    most = 1 if kind == "tag" else 4
    return replace(choices, tags=tuple(draw(st.lists(st.sampled_from(tags), unique=True, min_size=1, max_size=most))))


@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_foretold_is_freed_and_nothing_else_is_gone(part: int, records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED + part)
    @LIMITS
    @given(st.data(), fleets(), PROTECTED)
    def check(data: st.DataObject, fleet: Fleet, protected: tuple[str, ...]) -> None:
        if fleet:
            check_removal(fleet, data.draw(wishes(fleet)), protected, records_template, store_is_readable=True)

    check()


def test_without_store_and_keeper_at_most_what_was_foretold_is_freed(records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=max(1, FLEETS // 5))
    @given(st.data(), fleets())
    def check(data: st.DataObject, fleet: Fleet) -> None:
        if fleet:
            check_removal(fleet, data.draw(wishes(fleet)), (), records_template, store_is_readable=False)

    check()


def check_removal(
    fleet: Fleet, wanted: Wanted, protected: tuple[str, ...], template: Path, *, store_is_readable: bool
) -> None:
    """Remove something, collect with the real collector, and compare."""
    with stage_of(fleet, template, protected, store_is_readable) as stage:
        before = manifests_in(stage.registry.store)
        untouched = collected_bytes(stage.registry)
        pulled = pulling(stage, before)
        looked = preview(stage.remover, wanted)
        if looked.plan.refusal or looked.plan.is_empty:
            assert looked.space.bytes_freed == 0
            return
        expect_what_the_issue_says(
            before[wanted.repository], tags_in_store(stage.registry.store, wanted.repository), looked
        )
        removal = stage.press(looked)
        assert removal.state == RemovalState.DONE, [(each.digest, each.state, each.reason) for each in removal.steps]
        freed = untouched - collected_bytes(stage.registry)
        if store_is_readable:
            assert (freed, True) == (bytes_less(looked.space), looked.space.is_exact)
        else:
            assert freed <= bytes_less(looked.space)
            assert not looked.space.is_exact or not looked.plan.steps
        if not store_is_readable:  # what nobody has seen may break, and the dialog says so
            pulled = {each for each in pulled if each[1] in looked.facts.revisions}
        expect_only_that_gone(stage, looked.plan, before, pulled)


def expect_what_the_issue_says(manifests: dict[str, bytes], tags: dict[str, str], looked: Preview) -> None:
    """Work out anew, the plain way, that the plan takes all that it may and nothing that something needs."""
    plan = looked.plan
    going = {step.digest for step in plan.steps}
    moved = {each.tag: each.new for each in plan.rewrites}
    left = {tag: moved.get(tag, on) for tag, on in tags.items() if tag not in plan.tags}
    known = manifests.keys() if plan.revisions_known else looked.facts.revisions
    names = {digest: children_of(raw) for digest, raw in manifests.items() if digest in known - going}
    names |= {each.new: children_of(each.raw) for each in plan.rewrites}
    needed = {child for children in names.values() for child in children} | set(left.values())
    assert not going & needed, "something that stays needs it"
    assert set(plan.tags) <= set(tags)
    if not plan.revisions_known:
        return
    for digest in wished(plan, manifests, tags, going):
        assert digest in going or digest in needed, f"nothing needs {digest}"


def wished(plan: Plan, manifests: dict[str, bytes], tags: dict[str, str], going: set[str]) -> set[str]:
    """All that should go unless something that stays needs it. With a whole image, not what refers to what stays."""
    roots = {tags[tag] for tag in plan.tags if tags[tag] in manifests} | set(plan.wanted.digests)
    if plan.wanted.whole_image:
        stays = manifests.keys() - going
        roots |= {digest for digest, raw in manifests.items() if subject_of(raw) not in stays}
    if plan.wanted.referrers == Referrers.REMOVE:
        roots |= {digest for digest, raw in manifests.items() if subject_of(raw) in going}
    found: set[str] = set()
    while roots:
        found |= roots
        roots = {child for each in roots for child in children_of(manifests[each]) if child in manifests} - found
    return found


def expect_only_that_gone(stage: Stage, plan: Plan, before: Places, pulled: set[tuple[str, str]]) -> None:
    """After the collection, by a registry that was started anew: its cache knows what was swept."""
    stage.registry.collect()
    stage.registry.restart()
    gone = {(plan.repository, step.digest) for step in plan.steps}
    now_there = manifests_in(stage.registry.store)
    assert {(name, digest) for name in before for digest in before[name]} - gone == {
        (name, digest)
        for name in now_there
        for digest in now_there[name]
        if digest not in {each.new for each in plan.rewrites} - before[plan.repository].keys()
    }
    assert pulling(stage, now_there) >= pulled - gone
    assert not any(stage.has(digest, name) for name, digest in gone)
    assert not any(stage.has(tag, plan.repository) for tag in plan.tags)
    assert not stage.tags(plan.repository).intersection(plan.tags)
    assert stand_ins(stage, plan.repository) == []


def manifests_in(store: Path) -> Places:
    """What the store's links name, where the bytes are there."""
    root = store / "docker/registry/v2/repositories"
    names = [str(path.parent.relative_to(root)) for path in root.glob("**/_manifests")]
    return {
        name: {digest: blob_file(store, digest).read_bytes() for digest in read_in_store(store, name) or ()}
        for name in names
    }


def pulling(stage: Stage, places: Places) -> set[tuple[str, str]]:
    """The manifests that can be pulled whole: they, all that they name, and every layer that the registry ever had."""
    found = {(name, digest) for name, manifests in places.items() for digest in manifests if stage.pulls(digest, name)}
    assert all(
        blob_file(stage.registry.store, blob).exists()
        for name, digest in found
        for blob in blobs_of(places[name][digest])
    )
    return found


def collected_bytes(registry: RegistryProcess, without: Collection[str] = ()) -> int:
    """Bytes of the blobs' data files that a collection of this store would leave; the store itself stays as it is.

    Args:
        without: repositories that are taken away before.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = RegistryProcess(Path(folder))
        shutil.copytree(registry.store, copy.store, dirs_exist_ok=True)
        for name in without:
            shutil.rmtree(copy.store / "docker/registry/v2/repositories" / name)
        copy.config.write_text(registry.config.read_text().replace(str(registry.store), str(copy.store)))
        copy.collect()
        return sum(path.stat().st_size for path in copy.store.glob("docker/registry/v2/blobs/**/data"))


def test_a_fleet_that_is_written_is_the_one_that_is_pushed(tmp_path: Path) -> None:
    @seed(SEED)
    @settings(LIMITS, max_examples=10)
    @given(fleets())
    def check(fleet: Fleet) -> None:
        for repository in fleet.values():
            named = {child for built in repository.manifests.values() for child in children_of(built.raw)}
            assume(named <= repository.manifests.keys())  # a registry takes no index whose child is not there
            assume(not any(b'"urls"' in built.raw for built in repository.manifests.values()))  # nor any URL, unasked
        with tempfile.TemporaryDirectory() as folder, RegistryProcess(Path(folder) / "pushed") as registry:
            write_fleet(Path(folder) / "written", fleet)
            push(Pusher(registry.url), fleet)
            assert linked(registry.store) == linked(Path(folder) / "written")

    check()


def push(pusher: Pusher, fleet: Fleet) -> None:
    """Push what a fleet holds: blobs, manifests with children first, tags."""
    for name, repository in fleet.items():
        for raw in repository.blobs.values():
            pusher.push_blob(name, Blob("", raw))
        for built in repository.manifests.values():
            pusher.put_manifest(name, built.digest, built)
        for tag, digest in repository.tags.items():
            pusher.put_manifest(name, tag, repository.manifests[digest])


def linked(store: Path) -> set[tuple[str, bytes]]:
    """Every file of a store with its bytes."""
    return {(str(path.relative_to(store)), path.read_bytes()) for path in store.rglob("*") if path.is_file()}
