"""What the collector of a run has printed: read once it has ended, line by line, and kept compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from webapp.runtime import orders
from webapp.runtime.collector_output import Collected, collected
from webapp.runtime.orders import KeeperError

LARGEST_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Printed:
    """`packed` is for the row."""

    found: Collected
    packed: bytes | None


NOTHING_PRINTED = Printed(Collected(None, 0, ""), None)


def read_printed(folder: Path) -> Printed:
    """Read the output in the keeper's folder."""

    def lines() -> Iterable[str]:
        return orders.output_lines(folder)

    try:
        return Printed(collected(lines()), pack(lines))
    except KeeperError as error:
        return Printed(Collected(None, 0, str(error)), None)


def pack(lines: Callable[[], Iterable[str]], largest_bytes: int = LARGEST_KEPT_BYTES) -> bytes:
    """Compress the lines; of more than `largest_bytes` only the end, where the failure stands."""
    too_many = sum(len(line.encode()) + 1 for line in lines()) - largest_bytes
    packer, packed = zlib.compressobj(), []
    for line in lines():
        raw = line.encode() + b"\n"
        if too_many > 0:
            too_many -= len(raw)
            continue
        packed.append(packer.compress(raw))
    return b"".join([*packed, packer.flush()])


def unpack(packed: bytes | None) -> str:
    """The lines as they were; '' where nothing was kept."""
    return zlib.decompress(packed).decode() if packed else ""
