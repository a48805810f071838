"""What the dashboard costs while nobody does anything, as it is deployed; beside an empty Flask application so served."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.memory import empty_application, family, has_synced, wait_until
from demo.fleet import push_fleet
from tests.dashboard_process import DashboardProcess
from tests.runtime.keeper_process import KeeperProcess

WATCHED_S = 60.0
SETTLED_S = 3.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def measure(folder: Path) -> list[Figure]:
    """Let it sync the demo fleet behind a keeper, then watch both at the same time.

    It looks at the registry once while it is watched, five times as often as by default: that is part of its rest.
    """
    with KeeperProcess(folder / "keeper") as keeper:
        push_fleet(keeper.url)
        dashboard = DashboardProcess(
            folder / "dashboard",
            keeper.url,
            KEEPER_FOLDER=keeper.folder,
            REGISTRY_STORE=keeper.store,
            REGISTRY_CONFIG=keeper.config,
            SYNC_INTERVAL=f"{WATCHED_S:g}s",
        )
        dashboard.prepare()
        with dashboard, empty_application(folder) as empty:
            wait_until(lambda: has_synced(folder / "dashboard/data/holystone.db"))
            time.sleep(SETTLED_S)
            ours, bare = _shares(dashboard.pid, empty)
    return [
        Figure("CPU of the dashboard at rest", ours, "empty Flask application", bare, "%", 1, target_is_ratio=False)
    ]


def _shares(*pids: int) -> list[float]:
    """The shares of one processor, in percent, that some processes with their children take while they are watched."""
    before, began = [_cpu_s(pid) for pid in pids], time.monotonic()
    time.sleep(WATCHED_S)
    passed_s = time.monotonic() - began
    return [100 * (_cpu_s(pid) - taken) / passed_s for pid, taken in zip(pids, before, strict=True)]


def _cpu_s(pid: int) -> float:
    """Time on a processor so far of a process and its children, threads that have ended included."""
    return sum(_ticks(each) for each in family(pid)) / TICKS_A_SECOND


def _ticks(pid: int) -> int:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[11]) + int(after_name[12])  # utime and stime, proc(5)
