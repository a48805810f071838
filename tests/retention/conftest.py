"""Fixtures of the tests of retention."""

from __future__ import annotations

import pytest

from demo.push import Pusher
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from tests.removal.stage import Stage
from tests.retention.rules_stage import RulesStage
from webapp.registry.client import RegistryClient
from webapp.registry.transport import Transport

__all__ = ["clock", "records", "records_template"]


@pytest.fixture
def client(registry: RegistryProcess) -> RegistryClient:
    """A client that asks once: these tests take the registry away."""
    return RegistryClient(Transport(registry.url, connect_timeout_s=2, read_timeout_s=10, pauses_s=()))


@pytest.fixture
def stage(
    registry: RegistryProcess, client: RegistryClient, pusher: Pusher, records: Records, clock: Clock
) -> RulesStage:
    """An empty registry with a store that can be read, an empty catalogue, and no rule."""
    return RulesStage(Stage(registry, client, pusher, records, clock, store=registry.store))
