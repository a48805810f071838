"""The four invariants that hold after each fault, whatever it was (reliability.md, section 3).

I1  The registry is read-write within T.
I2  Every manifest that was acknowledged, and that nobody deleted, pulls.
I3  Every intent has exactly one outcome.
I4  No collector lives while the registry is read-write.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo.build import digest_of
from tests.faults import watcher
from tests.faults.scene import Acknowledged, Scene
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.activities.models import Activity, Outcome
from webapp.maintenance.models import Hold, Run, RunStep, StepState
from webapp.removal.models import OPEN_STATES, Removal
from webapp.runtime.orders import Phase
from webapp.windows.models import Occurrence

LOOK_EVERY_S = 0.01
T_S = 20.0
"""More than the longest order in the matrix, with its drain and the start of a registry."""


def assert_invariants(scene: Scene) -> None:
    """I1 to I4 at this moment; what I4 says of all moments is the watch's (`no_collector_beside_a_writer`)."""
    assert_safe(scene)
    with scene.house.reading() as session:
        assert_each_intent_has_one_outcome(session)


def assert_safe(scene: Scene) -> None:
    """All that must hold also where no dashboard lives: I1, I2 and I4."""
    keeper = scene.house.keeper
    wait_for(lambda: accepts_writes(keeper.url), "the registry is read-write", T_S)
    assert keeper.processes("collector") == []
    wait_for(lambda: keeper.state().phase is Phase.SERVING, "the keeper takes orders")
    assert_all_pull(keeper.url, scene.fleet)


def assert_all_pull(url: str, fleet: Iterable[Acknowledged]) -> None:
    """Every manifest as it was pushed, and every byte of its blobs."""
    with requests.Session() as session:
        for each in fleet:
            here = f"{url}/v2/{each.repository}"
            accept = {"Accept": each.built.media_type}
            manifest = session.get(f"{here}/manifests/{each.reference}", headers=accept, timeout=10)
            assert (manifest.status_code, manifest.content) == (200, each.built.raw), each.reference
            for blob in each.built.blobs:
                pulled = session.get(f"{here}/blobs/{blob.digest}", timeout=10)
                assert digest_of(pulled.content) == blob.digest, f"{each.reference}: {pulled.status_code}"


def assert_each_intent_has_one_outcome(session: Session) -> None:
    """Nothing that was written down before an act is without an end, and each act is one line of the activities."""
    runs = session.scalars(select(Run)).all()
    holds = session.scalars(select(Hold)).all()
    assert [each.id for each in (*runs, *holds) if each.outcome is None or each.finished_at is None] == []
    assert session.scalar(select(func.count()).where(RunStep.state == StepState.NOW)) == 0
    assert session.scalar(select(func.count()).where(Removal.state.in_(OPEN_STATES))) == 0
    assert session.scalar(select(func.count()).where(Occurrence.state.is_(None))) == 0
    claimed = Counter(session.scalars(select(Occurrence.run_id).where(Occurrence.run_id.is_not(None))))
    assert claimed <= Counter(run.id for run in runs)
    assert session.scalar(select(func.count()).where(Activity.outcome == Outcome.UNKNOWN)) == 0
    told = Counter(session.scalars(select(Activity.run_id).where(Activity.run_id.is_not(None))))
    assert told == Counter(run.id for run in runs)


@contextmanager
def no_collector_beside_a_writer(keeper: KeeperProcess) -> Iterator[None]:
    """I4 all the time: another process looks at /proc again and again. Fails at the end, with what it saw."""
    report = keeper.home / "watcher.txt"
    watching = os.fork()
    if watching == 0:
        try:
            watcher.main(keeper.config, report, LOOK_EVERY_S)
        finally:
            os._exit(0)
    try:
        wait_for(report.exists, "the watch has begun")
        yield
    finally:
        os.kill(watching, signal.SIGTERM)
        os.waitpid(watching, 0)
    *violations, looks = report.read_text().splitlines()
    assert [line for line in violations if "collector" in line] == []  # a reader that takes writes is F10
    assert int(looks.removeprefix("looks: ")) > 0
