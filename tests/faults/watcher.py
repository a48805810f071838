"""Looks at /proc, all the time: is there ever a collector beside a writer, or a second writer, on one store?

    python -m tests.faults.watcher CONFIG REPORT [PAUSE]

Appends a line per violation to REPORT; told to end (TERM), it appends how often it looked. PAUSE is between two looks,
in seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from itertools import combinations
from pathlib import Path

from tests.runtime.keeper_process import RegistryProcess, registry_processes

FORBIDDEN = ({"writer"}, {"writer", "collector"}, {"collector"})  # the roles of two that live at the same moment


def violations(config: Path) -> list[tuple[RegistryProcess, RegistryProcess]]:
    """Pairs that lived at one moment.

    A look takes a while, so the first may have ended before the second began. Only if the first, looked at again after
    the second was found, still has a command line, both lived then. (A process that ends loses its command line before
    it lets go of its locks.)
    """
    found = [each for each in registry_processes(config) if each.role in ("writer", "collector")]
    suspect = [pair for pair in combinations(found, 2) if {each.role for each in pair} in FORBIDDEN]
    suspect = [pair for pair in suspect if pair[1].session != pair[0].session]  # a script and what it has forked
    return [pair for pair in suspect if pair[0] in registry_processes(config)]


def main(config: Path, report: Path, pause_s: float = 0.002) -> None:
    is_over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: is_over.append(number))
    looks, parent = 0, os.getppid()
    with report.open("a", buffering=1) as lines:
        while not is_over and os.getppid() == parent:
            for pair in violations(config):
                lines.write(f"violation: {pair}\n")
            looks += 1
            time.sleep(pause_s)
        lines.write(f"looks: {looks}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(float, sys.argv[3:]))
