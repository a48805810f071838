"""A collector that fails where it marks, fails where it sweeps, hangs, is killed, is stopped by a person."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.faults.scene import REPOSITORY, Scene
from tests.maintenance.house import BLOBS, fingerprint_of, in_background
from tests.maintenance.test_collector_faults import count_blobs, litter
from tests.maintenance.test_stopped import stop
from tests.runtime.keeper_process import wait_for
from webapp.maintenance.models import RunKind, StepName
from webapp.runtime.orders import Phase

LONGEST_S = 2.0


def fails_where_it_marks(scene: Scene) -> None:
    """A link becomes empty after the last look and before the 'go'."""
    house = scene.house
    untagged = Pusher(house.keeper.url).push(REPOSITORY, image([layer("torn")]))
    revisions = house.keeper.store / f"docker/registry/v2/repositories/{REPOSITORY}/_manifests/revisions"
    link = revisions / untagged.digest.replace(":", "/") / "link"
    house.at[StepName.PROVE_READ_ONLY] = lambda: link.write_text("")
    scene.mend.callback(link.write_text, untagged.digest)
    house.run()


def fails_where_it_sweeps(scene: Scene) -> None:
    """One of the blobs cannot be deleted."""
    data = data_of(scene, scene.gone.digest)
    program = shutil.which("chattr")
    if not program or subprocess.run([program, "+i", data], capture_output=True, check=False).returncode:
        pytest.skip("chattr +i, which makes a file that nobody can delete, does not work here")
    scene.mend.callback(subprocess.run, [program, "-i", data], check=True)
    scene.house.run()


def data_of(scene: Scene, digest: str) -> Path:
    """Where the store has the bytes of that digest."""
    hexadecimal = digest.partition(":")[2]
    return scene.house.keeper.store / BLOBS / "sha256" / hexadecimal[:2] / hexadecimal / "data"


def hangs(scene: Scene) -> None:
    """The collector is stopped (SIGSTOP), so that it does not listen to TERM either, until its deadline."""
    house = scene.house
    house.longest_s = LONGEST_S
    held_back = house.keeper.tell("hold", "collect")

    def stop() -> None:
        wait_for(lambda: bool(house.keeper.processes("collector")), "the collector has begun")
        os.kill(house.keeper.pid_of("collector"), signal.SIGSTOP)
        held_back.unlink()

    house.at[StepName.COLLECT] = stop
    house.run()


def killed_in_its_sweep(scene: Scene) -> None:
    """kill -9 of the collector between the first blob that it deletes and the last; the registry says what is gone."""
    house = scene.house
    litter(house)
    before = count_blobs(house)
    held_back = house.keeper.tell("choke", "collect")

    def kill() -> None:
        wait_for(lambda: count_blobs(house) < before, "the sweep has begun")
        os.killpg(house.keeper.pid_of("collector"), signal.SIGKILL)
        held_back.unlink()

    house.at[StepName.COLLECT] = lambda: in_background(kill)
    house.run()
    for blob in scene.gone.blobs:
        answer = requests.head(f"{house.keeper.url}/v2/{REPOSITORY}/blobs/{blob.digest}", timeout=5)
        assert (answer.status_code == 200) is data_of(scene, blob.digest).exists(), answer


def stopped_by_a_person(scene: Scene) -> None:
    """Somebody presses Stop while the collector works."""
    house = scene.house
    scene.mend.callback(house.keeper.tell("hold", "collect").unlink)

    def press_stop() -> None:
        house.keeper.wait_for_phase(Phase.COLLECTING)
        stop(house)

    house.at[StepName.COLLECT] = press_stop
    house.run()


def dry_run(scene: Scene) -> None:
    """Nothing but a dry run; it changes nothing in the store."""
    house = scene.house
    before = fingerprint_of(house.keeper.store)
    house.run(RunKind.DRY_RUN)
    assert fingerprint_of(house.keeper.store) == before
