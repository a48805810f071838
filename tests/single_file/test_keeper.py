"""`holystone keeper`: the keeper of the single file, for a machine without Python."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import image, layer
from demo.push import Pusher
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.runtime.orders import Ended, Phase, Reads


@pytest.fixture
def keeper(tmp_path: Path, built: Path) -> Iterator[KeeperProcess]:
    """Not started yet; it unpacks itself into a folder of the test."""
    keeper = KeeperProcess(tmp_path / "registry", drain_s=15.0)
    options = keeper.command()[2:]
    keeper.command = lambda: [str(built / "holystone"), "keeper", *options]  # type: ignore[method-assign]
    (tmp_path / "unpacked").mkdir()
    keeper.environment["TMPDIR"] = str(tmp_path / "unpacked")
    try:
        yield keeper
    finally:
        keeper.end()


def test_the_file_keeps_a_registry_collects_and_ends_with_its_code(keeper: KeeperProcess) -> None:
    start_with_an_image(keeper)
    assert accepts_writes(keeper.url)
    assert keeper.collect(Reads.OWN).ended is Ended.DONE
    os.kill(keeper.pid, signal.SIGTERM)
    assert keeper.wait() == 0


def test_killed_in_the_middle_it_leaves_nothing_alive_and_the_next_one_is_read_write(keeper: KeeperProcess) -> None:
    start_with_an_image(keeper)
    keeper.order(reads=Reads.SAME)
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.kill()
    keeper.start()
    wait_for(lambda: accepts_writes(keeper.url), "the registry is read-write again")
    unpacked = Path(keeper.environment["TMPDIR"])
    assert len(list(unpacked.iterdir())) == 1, "what the killed one had unpacked is gone"


def start_with_an_image(keeper: KeeperProcess) -> None:
    keeper.start()
    Pusher(keeper.url).push("team/api", image([layer("kept")]), ["1.0"])
