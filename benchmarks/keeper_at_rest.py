"""What the keeper costs while it has nothing to do, beside an empty Python program that sleeps as often."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.memory import proportional_mb
from tests.registry_process import BINARY
from tests.runtime.keeper_process import KeeperProcess
from webapp.runtime.keeper import IDLE_S

WATCHED_S = 15.0
SETTLED_S = 2.0
SLEEPER = f"import time\nwhile True: time.sleep({IDLE_S})"


def measure(folder: Path) -> list[Figure]:
    """Watch both at the same time, so that the machine is equally busy for both."""
    keeper = KeeperProcess(folder)
    keeper.binary = Path(BINARY)
    with keeper:
        sleeper = subprocess.Popen([sys.executable, "-c", SLEEPER])
        try:
            time.sleep(SETTLED_S)
            before = _cpu_s(keeper.pid), _cpu_s(sleeper.pid), time.monotonic()
            time.sleep(WATCHED_S)
            passed_s = time.monotonic() - before[2]
            ours, bare = (_cpu_s(pid) - taken for pid, taken in zip((keeper.pid, sleeper.pid), before, strict=False))
            memory, bare_memory = proportional_mb(keeper.pid), proportional_mb(sleeper.pid)
        finally:
            sleeper.kill()
            sleeper.wait()
    beside = "empty Python program"
    return [
        Figure("CPU of the keeper at rest", 100 * ours / passed_s, beside, 100 * bare / passed_s, "%", 0.5, False),
        Figure("memory of the keeper at rest", memory, beside, bare_memory, "MB", 20, False),
    ]


def _cpu_s(pid: int) -> float:
    """Time on a processor so far, of the process alone; `stat` would count in hundredths of a second."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
