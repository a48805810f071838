"""Removals of whole images, beside a bare loop of DELETE by digest on a copy of the same store; and their plans."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, in_turns, percentile_95_ms
from benchmarks.ground import bare_session, build, empty_records, fresh_records, now, push_tags
from tests.records import Records
from tests.registry_process import RegistryProcess
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import revisions_in
from webapp.catalogue.sync import sync
from webapp.registry.client import open_registry
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal, RemovalState
from webapp.removal.remover import Remover
from webapp.removal.wanted import Wanted

REPOSITORY = "team/api"
WHOLE_IMAGE = Wanted(REPOSITORY, whole_image=True)
TARGETS = {100: (2.5, 5), 200: (1.6, 5), 2_000: (0.35, 1)}
"""How many times as long as the bare loop a removal of so many tags may take, and how many rounds are measured."""

TAGS_TO_PLAN = 5_000
PLAN_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Filled:
    """A store with an image of many tags, and records that were synced with it."""

    folder: Path
    store: Path
    records: Path
    tags: int


def measure(folder: Path) -> list[Figure]:
    """Delete the same images both ways, each time from a fresh copy."""
    figures = []
    for tags, (target, rounds) in TARGETS.items():
        place = folder / str(tags)
        place.mkdir()
        figures.append(_measure_removal(fill(place, tags), target, rounds))
        shutil.rmtree(place)
    return figures


def measure_plans(folder: Path) -> list[Figure]:
    """Plan, from fresh facts, the removal of one tag and of all, in a repository of 5,000 tags."""
    filled = fill(folder, TAGS_TO_PLAN)
    with RegistryProcess(folder / "registry") as registry:
        remover = remover_of(registry, fresh_records(filled.records, folder / "copies"))
        one = _plan_ms(remover, Wanted(REPOSITORY, ("build-7",)), PLAN_ROUNDS)
        whole = _plan_ms(remover, WHOLE_IMAGE, 3)
        bare = _listing_ms(registry)
    beside = "GET of its list of tags"
    return [
        Figure("plan of 1 tag of 5,000, p95", one, beside, bare, "ms", 300, target_is_ratio=False),
        Figure("plan of all 5,000 tags", whole, beside, bare, "ms", 3_000, target_is_ratio=False),
    ]


def fill(folder: Path, tags: int) -> Filled:
    """Push an image of so many tags, and sync."""
    template = empty_records(folder)
    (folder / "copies").mkdir()
    with RegistryProcess(folder / "registry") as registry:
        push_tags(registry, REPOSITORY, range(tags))
        records = fresh_records(template, folder / "copies")
        sync(_catalogue(registry, records))
        records.engine.dispose()
    return Filled(folder, registry.store, records.path, tags)


def _measure_removal(filled: Filled, target: float, rounds: int) -> Figure:
    with ExitStack() as running:

        def fresh_registry() -> RegistryProcess:
            place = filled.folder / f"round-{len(list(filled.folder.iterdir()))}"
            shutil.copytree(filled.store, place / "store")
            return running.enter_context(RegistryProcess(place))

        ours, bare = in_turns(
            rounds,
            lambda: _removal(fresh_registry(), filled),
            lambda: _bare_loop(fresh_registry(), filled.tags),
        )
    name = f"removal of {filled.tags:,} tags"
    return Figure(name, ours, "bare loop of DELETE", bare, "ms", target, target_is_ratio=True)


def _removal(registry: RegistryProcess, filled: Filled) -> Callable[[], object]:
    records = fresh_records(filled.records, filled.folder / "copies")
    remover = remover_of(registry, records)
    agreement = Agreement(preview(remover, WHOLE_IMAGE).plan.fingerprint, "the dialog", "alice", "bench")

    def run() -> None:
        removal_id = remove(remover, WHOLE_IMAGE, agreement)
        with records.reading() as session:
            assert session.get_one(Removal, removal_id).state == RemovalState.DONE

    return run


def _bare_loop(registry: RegistryProcess, tags: int) -> Callable[[], object]:
    session = bare_session()
    digests = [build(number).digest for number in range(tags)]

    def run() -> None:
        for digest in digests:
            answer = session.delete(f"{registry.url}/v2/{REPOSITORY}/manifests/{digest}", timeout=60)
            answer.raise_for_status()

    return run


def _plan_ms(remover: Remover, wanted: Wanted, rounds: int) -> float:
    def plan() -> None:
        shown = preview(remover, wanted)
        assert shown.plan.tags, "nothing to plan"
        assert shown.space.is_exact

    plan()
    return percentile_95_ms(plan, rounds)


def _listing_ms(registry: RegistryProcess) -> float:
    session = bare_session()
    return percentile_95_ms(lambda: session.get(f"{registry.url}/v2/{REPOSITORY}/tags/list", timeout=60), PLAN_ROUNDS)


def _catalogue(registry: RegistryProcess, records: Records) -> Catalogue:
    revisions = revisions_in(registry.store, None, records.writing)
    return Catalogue(open_registry(registry.url), records.reading, records.writing, now, registry.store, revisions)


def remover_of(registry: RegistryProcess, records: Records) -> Remover:
    """What removals work with, with the store at hand."""
    return Remover(
        open_registry(registry.url),
        records.reading,
        records.writing,
        now,
        store=registry.store,
        revisions=revisions_in(registry.store, None, records.writing),
    )
