"""A keeper per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.runtime.keeper_process import KeeperProcess


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[KeeperProcess]:
    """A keeper that a test starts itself; ended with the test."""
    keeper = KeeperProcess(tmp_path)
    try:
        yield keeper
    finally:
        keeper.end()


@pytest.fixture
def empty(unstarted: KeeperProcess) -> KeeperProcess:
    """A keeper that serves an empty registry."""
    unstarted.start()
    return unstarted


@pytest.fixture
def keeper(empty: KeeperProcess) -> KeeperProcess:
    """A keeper whose registry holds team/api:kept, and the bytes of an image that was deleted."""
    pusher = Pusher(empty.url)
    pusher.push("team/api", image([layer("kept")]), ["kept"])
    gone = pusher.push("team/api", image([layer("gone")]), ["gone"])
    requests.delete(f"{empty.url}/v2/team/api/manifests/{gone.digest}", timeout=5).raise_for_status()
    return empty
