"""`python -m soak`: soak for MINUTES (15), with the faults of SEED, and say what came of it; 1 where something does not hold."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from soak import invariants, report, windows
from soak.administrator import Administrator
from soak.faults import Faults
from soak.ledger import Ledger
from soak.stage import Stage, missing_programs
from soak.traffic import Traffic
from soak.watch import Watch
from webapp.maintenance.models import RunOutcome
from webapp.maintenance.records import unfinished_runs
from webapp.removal.journal import any_unfinished

HOME = Path("var/soak")
MINUTES = 15.0
SETTLED_WITHIN_S = 240.0  # a lease, the next look at what was interrupted, and the run that is found


def main() -> int:
    """Soak; returns the exit code."""
    minutes = float(os.environ.get("MINUTES") or MINUTES)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    if missing := missing_programs():
        print(f"Missing: {', '.join(missing)}. Install it, then type the command again.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _end)
    HOME.mkdir(parents=True, exist_ok=True)
    print(f"SEED={seed} MINUTES={minutes:g}; everything is in {HOME}", flush=True)
    try:
        with Stage(HOME.absolute()) as stage:
            return soak(stage, seed, minutes * 60)
    except KeyboardInterrupt:
        print("Ended before its time: nothing was found out.")
        return 130


def soak(stage: Stage, seed: int, seconds: float) -> int:
    """Let everybody work and break things meanwhile; then look whether everything holds."""
    ledger = Ledger()
    died: list[str] = []
    threading.excepthook = lambda died_of: died.append(f"a thread of the soak died: {died_of.exc_value!r}")
    traffic = Traffic(stage.url, ledger, seed)
    administrator = Administrator(stage, ledger, seed)
    watch = Watch(stage.keeper.url)
    over = threading.Event()
    faults = Faults(stage, random.Random(f"{seed} faults"), over, seconds)
    with stage.records.writing() as session:
        windows.plan(session, datetime.now(UTC), seconds)
    for each in (traffic, administrator, watch):
        each.start()
    try:
        faults.go_on_until(time.monotonic() + seconds)
        broken = settle(stage, administrator)
    finally:
        over.set()
        for each in (administrator, traffic, watch):
            each.stop()
    broken += invariants.broken(stage, traffic, ledger, watch, faults.done, datetime.now(UTC))
    broken += in_peace(administrator) + died
    print("\n".join(["", *report.lines(stage, traffic, ledger, administrator, watch, faults), ""]))
    return verdict(stage, broken, seed)


def settle(stage: Stage, administrator: Administrator) -> list[str]:
    """No more windows and commands; returns when what is under way has ended, with what has not."""
    administrator.stop()
    until = time.monotonic() + SETTLED_WITHIN_S
    wait_until(lambda: not windows_without_end(stage), until)
    with stage.records.writing() as session:
        windows.end(session, datetime.now(UTC))
    is_settled = wait_until(lambda: not is_anything_open(stage) and stage.is_back(), until)
    return [] if is_settled else [f"{SETTLED_WITHIN_S:.0f} s after the last fault something is still under way"]


def wait_until(condition: Callable[[], bool], until_s: float) -> bool:
    """Wait for a condition until that second of the monotonic clock; whether it came about."""
    while not condition():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.2)
    return True


def windows_without_end(stage: Stage) -> list[str]:
    """The windows whose time has come and whose end is not known."""
    with stage.records.reading() as session:
        return list(windows.without_end(session, datetime.now(UTC)))


def is_anything_open(stage: Stage) -> bool:
    """Whether a run or a removal has no end yet."""
    with stage.records.reading() as session:
        return bool(unfinished_runs(session)) or any_unfinished(session)


def in_peace(administrator: Administrator) -> list[str]:
    """After everything, a run succeeds."""
    administrator.mend_links()
    answer = administrator.run_now()
    if answer and answer["outcome"] == RunOutcome.SUCCEEDED:
        return []
    return [f"a run in peace does not succeed: {answer['reason'] if answer else 'the command gave no answer'}"]


def verdict(stage: Stage, broken: list[str], seed: int) -> int:
    """Say whether everything holds, and where to look if not; returns the exit code."""
    if not broken:
        print("Everything acknowledged and not deleted pulls, and everything else that must hold does.")
        return 0
    print(f"{len(broken)} things do not hold:")
    for line in broken[:50]:
        print(f"  {line}")
    print(
        f"Look at {stage.home}: registry.log is the keeper's, dashboard.log, nginx/error.log, and records/holystone.db.\n"
        f"The same faults again, as far as the machine repeats itself: make soak SEED={seed}"
    )
    return 1


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
