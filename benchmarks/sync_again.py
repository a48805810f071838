"""A sync that finds nothing new, beside a bare loop of its very requests with as many threads.

Where the store can be read it asks for the list of repositories and for each one's list of tags, and looks at the links of
the tags itself; nothing but the time of each look is written. Where it cannot, a tag may have been pushed anew without
any sign in a list: the only way to know is a HEAD for each, and that it was looked at is written for each. A deployed
dashboard spreads these HEADs evenly over the time until the next sync; here they go as fast as they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from benchmarks.big_store import Shape, write_store
from benchmarks.figure import Figure, in_turns
from benchmarks.first_sync import Recording, bare_loop
from benchmarks.ground import empty_records, fresh_records, now
from tests.registry_process import RegistryProcess
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import revisions_in
from webapp.catalogue.sync import sync
from webapp.registry.client import RegistryClient

SHAPE = Shape(manifests=5_000, repositories=200, blobs_each=2, tags_each=2)
TAGS = SHAPE.manifests * SHAPE.tags_each
ROUNDS = 1


def measure(folder: Path) -> Iterator[Figure]:
    """Sync once, then again, with the store and without."""
    copies = folder / "copies"
    copies.mkdir()
    template = empty_records(folder)
    with RegistryProcess(folder / "registry") as registry:
        write_store(registry.store, garbage=0, shape=SHAPE)
        yield from _again(registry.url, registry.store, template, copies)
        yield from _again(registry.url, None, template, copies)


def _again(url: str, store: Path | None, template: Path, copies: Path) -> Iterator[Figure]:
    records = fresh_records(template, copies)
    asking = Recording(url)
    revisions = revisions_in(store, None, records.writing)
    catalogue = Catalogue(RegistryClient(asking), records.reading, records.writing, now, store, revisions)
    assert sync(catalogue).is_complete
    asking.asked.clear()
    with _rows_written(records.engine) as written:
        assert sync(catalogue).is_complete
    asked = list(asking.asked)
    ours, bare = in_turns(ROUNDS, lambda: partial(sync, catalogue), lambda: bare_loop(url, asked))
    records.engine.dispose()
    named = f"{TAGS // 1000}k tags again, {'in the store' if store else 'by the registry'}"
    yield Figure(named, ours, "bare loop of its requests", bare, "ms", None, target_is_ratio=True)
    yield Figure(f"{named}: requests", len(asked), "tags", TAGS, "requests", None, target_is_ratio=True)
    yield Figure(f"{named}: rows", sum(written), "tags", TAGS, "rows", None, target_is_ratio=True)


@contextmanager
def _rows_written(engine: Engine) -> Iterator[list[int]]:
    """How many rows each transaction writes meanwhile."""
    written: list[int] = []

    def note_begin(connection: Connection) -> None:
        connection.info["changes"] = connection.connection.dbapi_connection.total_changes

    def note_end(connection: Connection) -> None:
        written.append(connection.connection.dbapi_connection.total_changes - connection.info["changes"])

    event.listen(engine, "begin", note_begin)
    event.listen(engine, "commit", note_end)
    try:
        yield written
    finally:
        event.remove(engine, "begin", note_begin)
        event.remove(engine, "commit", note_end)
