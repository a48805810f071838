"""Fixtures of the tests of removals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import Built
from demo.push import Pusher
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from tests.removal.stage import TAGS, Stage
from tests.removal.watching import Watcher
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.transport import Transport

__all__ = ["clock", "records", "records_template"]


@pytest.fixture
def client(registry: RegistryProcess) -> RegistryClient:
    """A client that asks once: these tests take the registry away."""
    return RegistryClient(Transport(registry.url, connect_timeout_s=2, read_timeout_s=10, pauses_s=()))


@pytest.fixture
def stage(registry: RegistryProcess, client: RegistryClient, pusher: Pusher, records: Records, clock: Clock) -> Stage:
    """An empty registry, an empty catalogue, and somebody to delete things."""
    return Stage(registry, client, pusher, records, clock)


@pytest.fixture
def draining(tmp_path: Path, records: Records, clock: Clock) -> Iterator[Stage]:
    """A stage whose registry finishes what it was asked when it is restarted."""
    with RegistryProcess(tmp_path / "draining", drain_timeout_s=10) as registry:
        yield Stage(registry, open_registry(registry.url), Pusher(registry.url), records, clock)


@pytest.fixture
def watcher(client: RegistryClient) -> Watcher:
    """The client, with somebody who notes what it changes."""
    return Watcher(client)


@pytest.fixture
def images(stage: Stage) -> list[Built]:
    """An image for each of TAGS."""
    built = [stage.push(f"build {tag}", tag) for tag in TAGS]
    stage.sync()
    return built
