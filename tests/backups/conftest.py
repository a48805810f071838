"""Records with rows in every table, as the version before backups left them, and settings that name them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from config import Settings, read_settings
from tests.records import Clock, cheap_passwords, records_template
from webapp.backups.schema import bring_to_newest, migrate

__all__ = ["cheap_passwords", "records_template"]

ROWS_OF_0012 = Path(__file__).with_name("records_of_0012.sql")
NOWHERE = "http://127.0.0.1:9"
PASSWORD = "soft stone on deck"
"""Of alice, bob and carol, who are in the records."""

SECRETS = {
    "SECRET_KEY": "a-key-that-nobody-may-know-" + "k" * 16,
    "REGISTRY_PASSWORD": "registry-password-of-ours",
    "WEBHOOK_URL": "https://hooks.example/in/path-that-lets-in?key=query-that-lets-in",
    "WEBHOOK_SECRET": "signs-what-is-posted",
    "DEAD_MANS_SWITCH_URL": "https://switch.example/ping/0b1c2d3e-uuid",
    "MAIL_PASSWORD": "password-for-mails",
    "METRICS_TOKEN": "metrics-token-0123456789",
}
PEOPLE = {
    "MAIL_FROM": "holystone@example.org",
    "MAIL_TO": "ann@example.org,joe@example.org",
    "MAIL_USERNAME": "ann.lee",
}

Make = Callable[[], Settings]


def settings_in(folder: Path, **more: str) -> Settings:
    """Settings whose records are in `folder`, with every secret set."""
    given = {**SECRETS, **PEOPLE, "DATA_DIR": str(folder), "REGISTRY_URL": NOWHERE, "MAIL_SERVER": "mail.example:587"}
    return read_settings({f"HOLYSTONE_{name}": value for name, value in {**given, **more}.items()})


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still, some days after the rows of the records were written."""
    clock = Clock()
    clock.at = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    return clock


@pytest.fixture(scope="session")
def template_of_0012(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of the version before; copy them, never change them."""
    file = tmp_path_factory.mktemp("records of 0012") / "holystone.db"
    migrate(file, "0012")
    with closing(dbapi2.connect(str(file))) as connection:
        connection.executescript(ROWS_OF_0012.read_text(encoding="utf-8"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture(scope="session")
def template(template_of_0012: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, of this version; copy them, never change them."""
    file = Path(shutil.copy(template_of_0012, tmp_path_factory.mktemp("records") / "holystone.db"))
    bring_to_newest(file)
    with closing(dbapi2.connect(str(file))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def records(template: Path, tmp_path: Path) -> Path:
    """Records of this version, in a folder of their own."""
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(template, tmp_path / "data" / "holystone.db"))


@pytest.fixture
def records_of_0012(template_of_0012: Path, tmp_path: Path) -> Path:
    """Records of the version before, in a folder of their own."""
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(template_of_0012, tmp_path / "data" / "holystone.db"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that name `records`."""
    return settings_in(tmp_path / "data")
