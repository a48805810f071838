"""The removal of an image of 100 tags, beside a bare loop of DELETE on a copy of the same store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figure import Figure, in_turns
from benchmarks.ground import bare_session, build, empty_records, fresh_records, now, push_tags
from tests.registry_process import RegistryProcess
from webapp.catalogue.sync import Catalogue, sync
from webapp.registry.client import open_registry
from webapp.removal.execute import Remover, preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal, RemovalState

TAGS = 100
ROUNDS = 5
REPOSITORY = "team/api"


def measure(folder: Path) -> list[Figure]:
    """Delete the same 100 images both ways, each time from a fresh copy."""
    template = empty_records(folder)
    copies = folder / "copies"
    copies.mkdir()
    with RegistryProcess(folder / "registry") as registry:
        push_tags(registry, REPOSITORY, range(TAGS))
        records = fresh_records(template, copies)
        sync(Catalogue(open_registry(registry.url), records.reading, records.writing, now, None))
        records.engine.dispose()
    with ExitStack() as running:

        def fresh_registry() -> RegistryProcess:
            place = folder / f"round-{len(list(folder.iterdir()))}"
            shutil.copytree(registry.store, place / "store")
            return running.enter_context(RegistryProcess(place))

        ours, bare = in_turns(
            ROUNDS,
            lambda: _removal(fresh_registry(), records.path, copies),
            lambda: _bare_loop(fresh_registry()),
        )
    return [Figure("removal of 100 tags", ours, "bare loop of DELETE", bare, "ms", 2.5, target_is_ratio=True)]


def _removal(registry: RegistryProcess, synced: Path, copies: Path) -> Callable[[], object]:
    records = fresh_records(synced, copies)
    remover = Remover(open_registry(registry.url), records.reading, records.writing, now)
    plan = preview(remover, REPOSITORY, ()).plan
    agreement = Agreement(plan.fingerprint, "the dialog", "alice", "bench")

    def run() -> None:
        removal_id = remove(remover, REPOSITORY, (), agreement)
        with records.reading() as session:
            assert session.get_one(Removal, removal_id).state == RemovalState.DONE

    return run


def _bare_loop(registry: RegistryProcess) -> Callable[[], object]:
    session = bare_session()
    digests = [build(number).digest for number in range(TAGS)]

    def run() -> None:
        for digest in digests:
            answer = session.delete(f"{registry.url}/v2/{REPOSITORY}/manifests/{digest}", timeout=60)
            answer.raise_for_status()

    return run
