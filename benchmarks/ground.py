"""What the measurements stand on: a store with many tags, empty records, a bare HTTP session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import requests
from flask_migrate import upgrade
from requests.adapters import HTTPAdapter

from config import read_settings
from demo.build import Built, image, layer
from demo.push import Pusher
from tests.records import Records, open_records
from tests.registry_process import RegistryProcess
from webapp import create_app

THREADS = 16


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def build(number: int) -> Built:
    """An image of its own digest on a layer that all share."""
    return image([layer("base", 20_000), layer(f"build {number}", 500)], labels={"build": str(number)})


def push_tags(registry: RegistryProcess, repository: str, numbers: range) -> None:
    """Push images, each under a tag of its own."""
    pusher = Pusher(registry.url)
    pusher.push(repository, build(numbers[0]), ["build-0"])  # the shared layer once, before the threads
    with ThreadPoolExecutor(THREADS) as executor:
        list(executor.map(lambda number: pusher.push(repository, build(number), [f"build-{number}"]), numbers))


def empty_records(folder: Path) -> Path:
    """An empty database, made by the migrations; to be copied."""
    given = {"SECRET_KEY": "k" * 64, "DATA_DIR": str(folder)}
    app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
    with app.app_context():
        upgrade()
    records = open_records(folder / "holystone.db")
    records.engine.dispose()
    return records.path


def fresh_records(template: Path, folder: Path) -> Records:
    """A copy of some records, opened."""
    file = folder / f"{len(list(folder.iterdir()))}.db"
    file.write_bytes(template.read_bytes())
    return open_records(file)


def bare_session() -> requests.Session:
    """What a script would use: one session for all threads."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return session
