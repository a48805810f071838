"""How much room is left where the registry and the records are kept. Looked at outside of any transaction."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

GB = 1_000_000_000
STORE, RECORDS = "store", "records"

_WHOSE = {STORE: "the registry's storage", RECORDS: "Holystone's records"}


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk and its room in bytes; `free_bytes` is None where it cannot be seen. `holds` says what is kept on it."""

    name: str
    free_bytes: int | None
    total_bytes: int = 0
    holds: str = ""

    @property
    def least_bytes(self) -> int:
        """Below this it is nearly full: a twentieth, at least 1 GB and at most 50 GB; of a small disk a tenth."""
        return min(self.total_bytes // 10, max(GB, self.total_bytes // 20), 50 * GB)

    @property
    def sentence(self) -> str:
        """What is said when it is nearly full. It names no path: the sentence leaves the house."""
        free = f"{(self.free_bytes or 0) / GB:.1f} GB of {self.total_bytes / GB:.1f} GB"
        return (
            f"On the disk of {self.holds} {free} are free. Where it is full, pushes fail and nothing can be recorded."
        )


def look_at_disks(folders: Mapping[str, Path]) -> list[Disk]:
    """The disks of some folders; two folders on one disk are told as one, under the first one's name."""
    disks: dict[int, Disk] = {}
    unseen = []
    for name, folder in folders.items():
        try:
            device, room = folder.stat().st_dev, shutil.disk_usage(folder)
        except OSError:
            unseen.append(Disk(name, None))
            continue
        first = disks.get(device)
        disks[device] = (
            replace(first, holds=f"{first.holds} and of {_WHOSE[name]}")
            if first
            else Disk(name, room.free, room.total, _WHOSE[name])
        )
    return [*disks.values(), *unseen]
