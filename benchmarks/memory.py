"""Memory of the dashboard at rest, as it is deployed; beside an empty Flask application under the same server."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figure import Figure
from demo.fleet import push_fleet
from tests.dashboard_process import DashboardProcess
from tests.records import open_records
from tests.registry_process import RegistryProcess
from webapp.catalogue.models import RegistryState

TIMEOUT_S = 60
PAGES = ("/", "/repositories/tools/builder", "/activities", "/maintenance", "/status")


def measure(folder: Path) -> list[Figure]:
    """Let it sync the demo fleet, open each page once, and read what it keeps."""
    with RegistryProcess(folder / "registry") as registry:
        push_fleet(registry.url)
        dashboard = DashboardProcess(folder / "dashboard", registry.url, ANONYMOUS_VIEW="true")
        dashboard.prepare()
        with dashboard:
            wait_until(lambda: has_synced(folder / "dashboard/data/holystone.db"))
            for page in PAGES:
                urllib.request.urlopen(dashboard.url + page, timeout=TIMEOUT_S).close()
            ours = resident_mb(dashboard.pid)
    with empty_application(folder) as pid:
        empty = resident_mb(pid)
    return [Figure("memory at rest", ours, "empty Flask application", empty, "MB", 150, target_is_ratio=False)]


def has_synced(file: Path) -> bool:
    """Whether the catalogue in these records is complete."""
    records = open_records(file)
    with records.reading() as session:
        state = session.get(RegistryState, 1)
    records.engine.dispose()
    return state is not None and state.sync_complete_at is not None


@contextmanager
def empty_application(folder: Path) -> Iterator[int]:
    """gunicorn with one worker of threads and an application that has nothing in it."""
    socket = folder / "socket"
    command = [sys.executable, "-m", "gunicorn", "--threads", "16", "--bind", f"unix:{socket}", "flask:Flask('empty')"]
    with (folder / "empty.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: socket.exists() and len(family(process.pid)) == 2)
        time.sleep(1)  # its worker loads the application
        yield process.pid
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def resident_mb(pid: int) -> float:
    """What a process and its children keep in memory, pages that they share counted once (PSS), in millions of bytes."""
    return sum(proportional_mb(each) for each in family(pid))


def proportional_mb(pid: int) -> float:
    """What a process alone keeps in memory (PSS), in millions of bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(each) for each in children)]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail where it does not in time."""
    until = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until, "it did not become so in time"
        time.sleep(0.05)
