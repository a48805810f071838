"""A house per test: a registry that holds team/api:kept, and the bytes of an image that was deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import House, open_records
from tests.records import clock, records, records_template
from tests.runtime.keeper_process import KeeperProcess
from webapp.database import Base

__all__ = ["clock", "records", "records_template"]


@pytest.fixture(scope="session")
def empty_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with all tables and no rows; copy it, never change it."""
    path = tmp_path_factory.mktemp("records") / "records.sqlite3"
    engine = open_records(path)
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def house(tmp_path: Path, empty_records: Path) -> Iterator[House]:
    """A registry behind its keeper, and records."""
    records = tmp_path / "records.sqlite3"
    shutil.copy(empty_records, records)
    keeper = KeeperProcess(tmp_path, drain_s=2.0, drain_timeout_s=1)
    engine = open_records(records)
    try:
        keeper.start()
        yield House(keeper, records, engine)
    finally:
        keeper.end()
        engine.dispose()


@pytest.fixture
def kept(house: House) -> Built:
    """An image that stays."""
    return house.push("kept")


@pytest.fixture
def gone(house: House, kept: Built) -> Built:
    """An image that was deleted, so that its bytes can be collected."""
    built = house.push("gone")
    house.delete(built)
    return built
