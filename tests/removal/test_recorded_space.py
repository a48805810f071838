"""What pages say that a removal would free is what the dialog says, although they ask the registry nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, seed, settings

from demo.build import image, layer
from tests.query_plans import plan_of, statements_of
from tests.removal.fleets import Fleet, fleets
from tests.removal.stage import API, Stage, build
from tests.removal.test_exactness import LIMITS, PROTECTED, SEED, stage_of
from webapp.catalogue.models import ManifestDescriptor, Repository
from webapp.removal.execute import preview
from webapp.removal.recorded import recorded_space
from webapp.removal.space import UNSEEN, Space
from webapp.removal.wanted import Siblings, Wanted

FLEETS = 5


def recorded(stage: Stage, wanted: Wanted) -> Space:
    with stage.records.reading() as session:
        repository = session.query(Repository).filter_by(name=wanted.repository).one()
        found = recorded_space(session, repository, wanted, stage.remover.now(), stage.protected)
    assert found is not None
    return found


def test_the_figure_of_every_tag_and_manifest_is_the_dialogs(records_template: Path) -> None:
    print(f"FLEETS_SEED={SEED}")  # noqa: T201

    @seed(SEED)
    @settings(LIMITS, max_examples=FLEETS)
    @given(fleets(), PROTECTED)
    def check(fleet: Fleet, protected: tuple[str, ...]) -> None:
        if not fleet:
            return
        with stage_of(fleet, records_template, protected, store_is_readable=True) as stage:
            believe_no_descriptor(stage, fleet)
            for name, here in fleet.items():
                for wanted in [
                    *(Wanted(name, (tag,)) for tag in here.tags),
                    *(Wanted(name, (tag,), siblings=Siblings.REMOVE) for tag in here.tags),
                    *(Wanted(name, digests=(digest,)) for digest in here.manifests),
                ]:
                    shown = preview(stage.remover, wanted).space
                    assert recorded(stage, wanted) == shown, wanted

    check()


def believe_no_descriptor(stage: Stage, fleet: Fleet) -> None:
    """Some descriptors of these fleets lie about sizes. The dialog looks at the files; pages cannot."""
    sizes = {digest: len(raw) for here in fleet.values() for digest, raw in here.blobs.items()}
    sizes |= {digest: len(each.raw) for here in fleet.values() for digest, each in here.manifests.items()}
    with stage.records.writing() as session:
        for row in session.query(ManifestDescriptor):
            row.size_bytes = sizes.get(row.digest, 0)


def test_a_layer_that_another_repository_has_is_not_freed(stage: Stage) -> None:
    shared, own = layer("shared", 9_000), layer("own", 3_000)
    goes = stage.pusher.push(API, image([shared, own]), ["1.0"])
    stage.pusher.push("other", image([shared]), ["1.0"])
    stage.sync()
    found = recorded(stage, Wanted(API, ("1.0",)))
    assert found.bytes_freed == len(own.raw) + len(goes.raw) + len(goes.blobs[0].raw)


def test_an_image_that_another_repository_has_as_well_frees_nothing(stage: Stage) -> None:
    for repository in (API, "other"):
        stage.pusher.push(repository, build("a"), ["1.0"])
    stage.sync()
    assert recorded(stage, Wanted(API, ("1.0",))).bytes_freed == 0


def test_a_tag_beside_another_of_its_image_frees_nothing_alone(stage: Stage) -> None:
    stage.pusher.push(API, build("a"), ["1.0", "latest"])
    stage.sync()
    assert recorded(stage, Wanted(API, ("1.0",))).bytes_freed == 0
    assert recorded(stage, Wanted(API, ("1.0",), siblings=Siblings.REMOVE)).bytes_freed > 0


def test_it_is_not_called_exact_where_untagged_manifests_are_not_known(stage: Stage) -> None:
    blind = replace(stage, store=None)
    stage.pusher.push(API, build("a"), ["1.0"])
    blind.sync()
    found = recorded(blind, Wanted(API, ("1.0",)))
    assert (found.is_exact, found.reason) == (False, UNSEEN)


def test_a_figure_costs_what_it_reaches_and_not_what_else_is_in_the_repository(stage: Stage) -> None:
    _, children = stage.push_index("multi", "1.0", "1.1")
    stage.pusher.sign(API, children[0])
    stage.sync()
    with stage.records.reading() as session, statements_of(stage.records) as sent:
        repository = session.query(Repository).filter_by(name=API).one()
        recorded_space(session, repository, Wanted(API, ("1.0",)), stage.remover.now())
        plans = [plan_of(session, *each) for each in list(sent)]
    lines = [line for plan in plans for line in plan.splitlines()]
    assert not [line for line in lines if line.startswith("SCAN") and line.split()[1] in ("tags", "manifests")]
    walked = [line for line in lines if line.endswith(("(repository_id=?)", "(repository_id=? AND digest>?)"))]
    assert walked == []
