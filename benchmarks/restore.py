"""A restore of many tags out of the trash, beside a bare loop that PUTs the same manifests under the same tags."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from benchmarks.figure import Figure, in_turns
from benchmarks.ground import bare_session, build, fresh_records
from benchmarks.removal import REPOSITORY, WHOLE_IMAGE, Filled, fill, remover_of
from tests.registry_process import RegistryProcess
from webapp.activities.models import Outcome
from webapp.catalogue.revisions import unknown
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.remover import Remover
from webapp.removal.restore import restore
from webapp.removal.trash_models import TrashItem

TAGS = 500
TARGET = 1.3
ROUNDS = 3


def measure(folder: Path) -> list[Figure]:
    """Restore the same tags both ways, each time from a fresh copy, where the store can be read and where it cannot."""
    filled = fill(folder, TAGS)
    return [
        _measure(filled, f"restore of {TAGS} tags", reads_store=True),
        _measure(filled, f"restore of {TAGS} tags, no store", reads_store=False),
    ]


def _measure(filled: Filled, name: str, *, reads_store: bool) -> Figure:
    with ExitStack() as running:

        def emptied() -> tuple[RegistryProcess, Remover]:
            place = filled.folder / f"round-{len(list(filled.folder.iterdir()))}"
            shutil.copytree(filled.store, place / "store")
            registry = running.enter_context(RegistryProcess(place))
            return registry, _into_the_trash(registry, filled)

        ours, bare = in_turns(
            ROUNDS, lambda: _restore(emptied()[1], reads_store=reads_store), lambda: _bare_loop(emptied()[0])
        )
    return Figure(name, ours, "bare loop of PUT", bare, "ms", TARGET, target_is_ratio=True)


def _into_the_trash(registry: RegistryProcess, filled: Filled) -> Remover:
    remover = remover_of(registry, fresh_records(filled.records, filled.folder / "copies"))
    remover = replace(remover, retention=timedelta(days=14))
    agreement = Agreement(preview(remover, WHOLE_IMAGE).plan.fingerprint, "the dialog", "alice", "bench")
    remove(remover, WHOLE_IMAGE, agreement)
    return remover


def _restore(remover: Remover, *, reads_store: bool) -> Callable[[], object]:
    with remover.reading() as session:
        ids = session.scalars(select(TrashItem.id)).all()
    assert len(ids) == TAGS
    seen = remover if reads_store else replace(remover, store=None, revisions=unknown)

    def run() -> None:
        assert {each.outcome for each in restore(seen, ids, "alice", "bench")} == {Outcome.DONE}

    return run


def _bare_loop(registry: RegistryProcess) -> Callable[[], object]:
    session = bare_session()
    images = [(f"build-{number}", build(number)) for number in range(TAGS)]

    def run() -> None:
        for tag, built in images:
            url = f"{registry.url}/v2/{REPOSITORY}/manifests/{tag}"
            headers = {"Content-Type": built.media_type}
            session.put(url, data=built.raw, headers=headers, timeout=60).raise_for_status()

    return run
