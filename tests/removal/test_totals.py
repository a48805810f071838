"""What a repository takes, and what the registry does, is what the real collector leaves in the store, to the byte."""

from __future__ import annotations

from pathlib import Path

from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from tests.removal.fleets import Fleet, fleets
from tests.removal.stage import Stage, agreed_to
from tests.removal.test_exactness import LIMITS, SEED, collected_bytes, stage_of, wishes
from tests.removal.test_recorded_space import believe_no_descriptor
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.totals import measure, measure_registry
from webapp.removal.execute import preview, remove

FLEETS = 12


def test_sizes_are_what_a_collection_leaves_before_and_after_a_removal(records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=FLEETS)
    @given(st.data(), fleets())
    def check(data: st.DataObject, fleet: Fleet) -> None:
        assume(any(here.manifests for here in fleet.values()))  # else the collector says that there is nothing to mark
        with stage_of(fleet, records_template, (), store_is_readable=True) as stage:
            _measure_by_true_sizes(stage, fleet)
            for name in (name for name, here in fleet.items() if here.manifests):
                assert _size_of(stage, name) == collected_bytes(stage.registry, fleet.keys() - {name}), name
            assert _registry(stage) == collected_bytes(stage.registry)

            looked = preview(stage.remover, data.draw(wishes(fleet)))
            if looked.plan.tags or looked.plan.steps:
                remove(stage.remover, looked.plan.wanted, agreed_to(looked))
            at_once, added = _registry(stage), sum(len(each.raw) for each in looked.plan.rewrites)
            assert collected_bytes(stage.registry) - added <= at_once <= collected_bytes(stage.registry)
            assert stage.sync().is_complete
            assert _registry(stage) == collected_bytes(stage.registry)

    check()


def _measure_by_true_sizes(stage: Stage, fleet: Fleet) -> None:
    """Some descriptors of these fleets lie, and a page believes them."""
    believe_no_descriptor(stage, fleet)
    with stage.records.writing() as session:
        for repository in session.query(Repository):
            measure(session, repository)
    measure_registry(stage.records.reading, stage.records.writing)


def _size_of(stage: Stage, name: str) -> int | None:
    with stage.records.reading() as session:
        return session.query(Repository).filter_by(name=name).one().size_bytes


def _registry(stage: Stage) -> int:
    with stage.records.reading() as session:
        size_bytes = session.get_one(RegistryState, 1).size_bytes
    assert size_bytes is not None
    return size_bytes
