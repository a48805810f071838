"""Runs and their keeper under attack: whatever is killed, stopped or restarted, whenever, the registry comes back, and is whole.

STORM_ROUNDS says how often (20), STORM_SEED repeats a storm as far as the machine lets it be repeated.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from tests.faults.storm import BACK_S, Storm
from tests.faults.storm_dashboard import ANSWERS, maintainer_in
from tests.runtime.keeper_process import KeeperProcess, wait_for
from webapp.maintenance.models import RunKind, RunOutcome
from webapp.maintenance.run import run
from webapp.runtime.orders import Ended

ROUNDS = int(os.environ.get("STORM_ROUNDS", "20"))
SAMPLE = 8


def test_the_registry_comes_back_and_is_whole_whatever_dies(tmp_path: Path) -> None:
    seed = int(os.environ.get("STORM_SEED") or random.SystemRandom().randrange(10**6))
    print(f"STORM_SEED={seed} STORM_ROUNDS={ROUNDS}")  # noqa: T201 the way to repeat a storm that found something
    with Storm(tmp_path, seed) as storm:
        for _ in range(ROUNDS):
            storm.round()
            storm.rest()
            storm.assert_pulls(SAMPLE)
            storm.go_on()
        storm.rest()
        wait_for(lambda: not storm.records.has_open_run(), "every run has an outcome", BACK_S)
        storm.pushes.stop()
        looks = storm.watched()
        print(f"{sum(storm.faults.values())} faults: {dict(storm.faults)}; orders: {outcomes(storm.keeper)}")  # noqa: T201
        print(f"{len(storm.pushes.acknowledged())} tags are to pull; {looks}")  # noqa: T201
        print(f"runs: {storm.records.outcomes()}")  # noqa: T201
        assert [line for line in looks if line.startswith("violation")] == []
        storm.records.assert_each_run_has_one_end()
        remove_torn_links(storm.keeper.store)
        run(maintainer_in(tmp_path), RunKind.COLLECT, "in peace", "", agreed=ANSWERS)
        assert storm.records.last_outcome() == RunOutcome.SUCCEEDED
        storm.assert_pulls()
        pull_with_skopeo(storm, tmp_path / "pulled")


def outcomes(keeper: KeeperProcess) -> dict[str, int]:
    """How the orders ended, by the keeper's log."""
    log = keeper.log.read_text()
    return {str(ended): log.count(f"(collect): {ended}.") for ended in Ended}


def remove_torn_links(store: Path) -> None:
    """Registry 2.8 writes links in place: killed in between, it leaves an empty one, on which its collector gives up."""
    for link in store.rglob("link"):
        if link.stat().st_size == 0:
            link.unlink()


def pull_with_skopeo(storm: Storm, folder: Path) -> None:
    """Every tag, by another client than ours, which compares every digest."""
    folder.mkdir()
    for tag in storm.pushes.acknowledged():
        image = f"docker://127.0.0.1:{storm.keeper.port}/{storm.pushes.repository}:{tag}"
        command = [
            "skopeo",
            "--insecure-policy",
            "copy",
            "--quiet",
            "--src-tls-verify=false",
            image,
            f"dir:{folder}/{tag}",
        ]
        pulled = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
        assert pulled.returncode == 0, f"{tag}: {pulled.stderr}"
