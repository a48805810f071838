"""What a collection has freed: measured in the store where it can be read, else summed up from what was deleted."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.maintenance.rehearsal import sizes_of
from webapp.maintenance.running import Running, sum_of_known
from webapp.maintenance.store_files import blob_sizes, freed_bytes
from webapp.runtime import orders
from webapp.runtime.collector_output import deleted_blobs
from webapp.runtime.orders import KeeperError


@dataclass(frozen=True, slots=True)
class Freed:
    """Bytes of blobs that are gone; where some had a size that nobody knows, it is at least that much, or None."""

    bytes_known: int | None
    blobs_of_unknown_size: int


def freed(running: Running) -> Freed | None:
    """What the collector of this run has freed; None where that cannot be known any more."""
    maintainer = running.maintainer
    if maintainer.store is not None:
        measured = freed_bytes(running.found.sizes_before, blob_sizes(maintainer.store))
        return None if measured is None else Freed(measured, 0)
    try:
        deleted = frozenset(deleted_blobs(orders.output_lines(running.folder)))
    except KeeperError:
        return None
    sizes = sizes_of(maintainer, deleted)
    return Freed(sum_of_known(deleted, sizes), len(deleted) - len(sizes))
