"""Fixtures that many tests share. A registry is always the real one (see tests/registry_process.py)."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser

from demo.fleet import push_fleet
from demo.push import Pusher
from tests.chromium import chromium_program, open_chromium
from tests.registry_process import RegistryProcess
from webapp.registry.client import RegistryClient, open_registry

hypothesis.settings.register_profile("no wall-clock time is asserted", deadline=None)
hypothesis.settings.load_profile("no wall-clock time is asserted")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as a shell starts what runs in the background, with all it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window; one for all, since a process can have no two at a time."""
    if chromium_program() is None:
        pytest.skip("there is no Chromium on this machine")
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    """An empty registry with deletes enabled."""
    with RegistryProcess(tmp_path / "registry") as process:
        yield process


@pytest.fixture
def client(registry: RegistryProcess) -> RegistryClient:
    """A client for `registry`."""
    return open_registry(registry.url, connect_timeout_s=2, read_timeout_s=10)


@pytest.fixture
def pusher(registry: RegistryProcess) -> Pusher:
    """Pushes to `registry`."""
    return Pusher(registry.url)


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo fleet as a registry stores it, pushed once; copy it, never change it."""
    with RegistryProcess(tmp_path_factory.mktemp("fleet")) as process:
        push_fleet(process.url)
    return process.store


@pytest.fixture
def fleet_registry(tmp_path: Path, fleet_store: Path) -> Iterator[RegistryProcess]:
    """A registry that holds the demo fleet."""
    shutil.copytree(fleet_store, tmp_path / "fleet-registry" / "store")
    with RegistryProcess(tmp_path / "fleet-registry") as process:
        yield process


@pytest.fixture
def fleet_client(fleet_registry: RegistryProcess) -> RegistryClient:
    """A client for `fleet_registry`."""
    return open_registry(fleet_registry.url, connect_timeout_s=2, read_timeout_s=10)
