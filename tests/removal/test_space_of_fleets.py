"""What /space adds up is what the bytes of the manifests say, what a removal foretells, what the real collector frees."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from demo.build import image, layer
from tests.registry_process import RegistryProcess
from tests.removal.fleets import FOREIGN, Fleet, fleets
from tests.removal.space_model import SpaceModel, below, model_of
from tests.removal.stage import API, Stage
from tests.removal.test_exactness import LIMITS, SEED, collected_bytes, stage_of
from tests.removal.test_recorded_space import believe_no_descriptor
from webapp.catalogue.models import Repository
from webapp.catalogue.space import InTrash, Measured, add_up
from webapp.catalogue.totals import measure
from webapp.removal.execute import preview
from webapp.removal.models import Removal
from webapp.removal.trash_models import TrashItem, TrashState
from webapp.removal.trash_space import in_trash, trash_version
from webapp.removal.wanted import Wanted

FLEETS = 8


def added_up(stage: Stage) -> Measured:
    with stage.records.reading() as session:
        return add_up(session, InTrash())


def by_name(found: Measured) -> dict[str, int]:
    return {each["name"]: each["exclusive_bytes"] for each in found.repositories}


@pytest.mark.parametrize("are_all_known", [True, False])
def test_it_is_what_the_manifests_say(are_all_known: bool, records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=FLEETS)
    @given(fleets())
    def check(fleet: Fleet) -> None:
        assume(fleet)
        with stage_of(fleet, records_template, (), store_is_readable=are_all_known) as stage:
            model, found = model_of(fleet, are_all_known), added_up(stage)
            expect_repositories(model, found)
            expect_namespaces(model, found)
            expect_layers(model, fleet, found)
            expect_tags(fleet, found)

    check()


def expect_repositories(model: SpaceModel, found: Measured) -> None:
    names = {name for name, held in model.held.items() if held}
    assert by_name(found) == {name: model.exclusive([name]) for name in names}
    everything = model.used(names)
    shared = {digest for digest in everything if sum(digest in model.used([name]) for name in names) > 1}
    counted = sum(each["size_bytes"] for each in found.repositories)
    assert {key: found.whole[key] for key in ("size_bytes", "saved_bytes", "shared_blobs", "shared_bytes")} == {
        "size_bytes": model.size_of(everything),
        "saved_bytes": max(0, counted - model.size_of(everything)),
        "shared_blobs": len(shared),
        "shared_bytes": model.size_of(shared),
    }


def expect_namespaces(model: SpaceModel, found: Measured) -> None:
    names = {each["name"]: each["namespace"] for each in found.repositories}
    for row in found.namespaces:
        own = [name for name, namespace in names.items() if namespace == row["namespace"]]
        assert row["repositories"] == len(own)
        assert row["exclusive_bytes"] == model.exclusive(own)
        assert row["size_bytes"] <= row["counted_bytes"]
        assert row["size_bytes"] <= model.size_of(model.used(own))
    assert {row["namespace"] for row in found.namespaces} == set(names.values())


def expect_layers(model: SpaceModel, fleet: Fleet, found: Measured) -> None:
    naming: dict[str, set[str]] = {}
    for held in model.held.values():
        for manifest in held:
            for each in json.loads(model.manifests[manifest].raw).get("layers", []):
                if each["mediaType"] != FOREIGN:
                    naming.setdefault(each["digest"], set()).add(manifest)
    assert {row["digest"] for row in found.layers} <= naming.keys()
    assert len(found.layers) == min(20, len(naming))
    assert [row["size_bytes"] for row in found.layers] == sorted(
        (row["size_bytes"] for row in found.layers), reverse=True
    )
    for row in found.layers:
        by = naming[row["digest"]]
        reaching = [
            (name, tag)
            for name, here in fleet.items()
            for tag, on in here.tags.items()
            if by & below([on], model.manifests)
        ]
        assert row["manifests"] == len(by)
        assert row["repositories"] == sum(bool(by & held) for held in model.held.values())
        assert row["tags"] == len(reaching)
        assert (row["repository"], row["tag"]) in (reaching or [("", "")])


def expect_tags(fleet: Fleet, found: Measured) -> None:
    on = {(name, tag): digest for name, here in fleet.items() for tag, digest in here.tags.items()}
    sizes = [row["size_bytes"] for row in found.tags]
    assert sizes == sorted(sizes, reverse=True)
    images = [on[row["repository"], row["tag"]] for row in found.tags]
    assert len(images) == len(set(images)), "one tag of each image"
    for row, digest in zip(found.tags, images, strict=True):
        assert row["others"] == sum(each == digest for each in on.values()) - 1


def test_what_a_repository_alone_needs_is_what_the_collector_frees_without_it(records_template: Path) -> None:
    """And, where all of it may go, what the dialog of its deletion says."""
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=FLEETS)
    @given(fleets())
    def check(fleet: Fleet) -> None:
        assume(any(here.manifests for here in fleet.values()))  # else the collector says that there is nothing to mark
        with stage_of(fleet, records_template, (), store_is_readable=True) as stage:
            _measure_by_true_sizes(stage, fleet)
            whole, found = collected_bytes(stage.registry), by_name(added_up(stage))
            for name in (name for name, here in fleet.items() if here.manifests):
                assert found[name] == whole - collected_bytes(stage.registry, {name}), name
                looked = preview(stage.remover, Wanted(name, whole_image=True))
                goes_whole = {step.digest for step in looked.plan.steps} == fleet[name].manifests.keys()
                if goes_whole and not looked.plan.rewrites:
                    assert found[name] == looked.space.bytes_freed, name

    check()


def _measure_by_true_sizes(stage: Stage, fleet: Fleet) -> None:
    """Some descriptors of these fleets lie, and a page believes them."""
    believe_no_descriptor(stage, fleet)
    with stage.records.writing() as session:
        for repository in session.query(Repository):
            measure(session, repository)


def test_what_only_the_trash_holds_is_what_nothing_else_does(records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=FLEETS)
    @given(fleets(), st.randoms(use_true_random=False))
    def check(fleet: Fleet, chance: random.Random) -> None:
        every = [(name, digest) for name, here in fleet.items() for digest in here.manifests]
        assume(every)
        items = chance.sample(every, chance.randint(1, min(4, len(every))))
        with stage_of(fleet, records_template, (), store_is_readable=True) as stage:
            put_into_trash(stage, items)
            with stage.records.reading() as session:
                found = in_trash(session)
                ids = {each.name: each.id for each in session.query(Repository)}
        model = model_of(fleet, are_all_known=True)
        going = {name: going_of(fleet, name, {digest for where, digest in items if where == name}) for name in fleet}
        expected = freed_by(model, going)
        assert found.size_bytes == expected
        for name in fleet:
            own = {each: going[each] if each == name else set() for each in fleet}
            alone = freed_by(model, own)
            assert found.of_repositories.get(ids.get(name, 0), 0) == alone, name

    check()


def going_of(fleet: Fleet, name: str, items: set[str]) -> set[str]:
    """What emptying the trash would delete in a repository."""
    here = fleet[name]
    down = below(items, here.manifests)
    staying = below([*here.tags.values(), *(here.manifests.keys() - down)], here.manifests)
    return down - staying


def freed_by(model: SpaceModel, going: dict[str, set[str]]) -> int:
    left = SpaceModel(model.manifests, {name: held - going[name] for name, held in model.held.items()})
    return model.size_of(model.used(model.held) - left.used(left.held))


def put_into_trash(stage: Stage, items: list[tuple[str, str]], state: TrashState = TrashState.IN_TRASH) -> None:
    now = stage.clock()
    with stage.records.writing() as session:
        removal = Removal(
            request_key="k", started_at=now, actor="alice", place="", repository=API, tag=None, fingerprint="",
            fencing_token=1, bytes_freed=None,
        )  # fmt: skip
        session.add(removal)
        session.flush()
        kept = {"removal_id": removal.id, "actor": "alice", "deleted_at": now, "until": now + timedelta(days=14)}
        for repository, digest in items:
            session.add(TrashItem(repository=repository, tag="", digest=digest, state=state, **kept))


def test_a_real_collection_frees_what_the_trash_held_once_it_is_emptied(stage: Stage) -> None:
    base = layer("base", 20_000)
    goes = stage.pusher.push(API, image([base, layer("goes", 3_000)]))
    stage.pusher.push("team/web", image([base, layer("stays", 4_000)]), ["1.0"])
    stage = Stage(stage.registry, stage.client, stage.pusher, stage.records, stage.clock, store=stage.registry.store)
    stage.sync()
    put_into_trash(stage, [(API, goes.digest)])
    with stage.records.reading() as session:
        held = in_trash(session).size_bytes
    before = stored(stage.registry)
    stage.client.delete_manifest(API, goes.digest)
    stage.registry.collect()
    assert before - stored(stage.registry) == held > 3_000


def test_what_left_the_trash_does_not_count_and_is_another_version(stage: Stage) -> None:
    goes = stage.pusher.push(API, image([layer("goes", 3_000)]), ["1.0"])
    stage.sync()
    with stage.records.reading() as session:
        empty = trash_version(session)
    put_into_trash(stage, [(API, goes.digest)], TrashState.RESTORED)
    with stage.records.reading() as session:
        assert in_trash(session) == InTrash(0, {})
        assert trash_version(session) == empty
    with stage.records.writing() as session:
        session.query(TrashItem).one().state = TrashState.IN_TRASH
    with stage.records.reading() as session:
        assert trash_version(session) != empty


def stored(registry: RegistryProcess) -> int:
    return sum(path.stat().st_size for path in Path(registry.store).rglob("blobs/**/data"))
