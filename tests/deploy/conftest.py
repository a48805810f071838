"""A keeper per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.keeper_process import KeeperProcess


@pytest.fixture
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeeperProcess]:
    """A keeper with a second address, not started yet. Its parameter is its `--drain`."""
    keeper = KeeperProcess(tmp_path / "registry", drain_s=getattr(request, "param", 15.0))
    try:
        yield keeper
    finally:
        keeper.end()
