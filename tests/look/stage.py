"""The real application on real records, one for each state, in front of one registry with the demo fleet."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from playwright.sync_api import BrowserContext

from config import read_settings
from demo.build import image, layer
from demo.fleet import push_fleet
from demo.push import Pusher
from tests.look import records
from tests.look.scenes import (
    ADMINISTRATOR,
    BROKEN,
    EVERYTHING,
    LOOKED_AT,
    NOBODY,
    PROTECTED,
    SPARE,
    STATES,
    USER,
    Scene,
)
from tests.runtime.keeper_process import KeeperProcess
from tests.served_app import served
from webapp import create_app
from webapp.accounts import passwords
from webapp.accounts.models import Role
from webapp.accounts.sessions import open_session
from webapp.accounts.users import create_user
from webapp.backups.backup import records_file
from webapp.backups.schema import bring_to_newest
from webapp.catalogue.sync import sync
from webapp.database import db
from webapp.parts import Parts

PASSWORD = "soft stone on deck"


@dataclass(frozen=True, slots=True)
class Stage:
    """The address of each state's application, and the session's token of each person; both good everywhere."""

    urls: dict[str, str]
    tokens: dict[str, str]


def become(context: BrowserContext, stage: Stage, scene: Scene) -> str:
    """Be signed in as who the scene is for; the address at which it begins."""
    context.clear_cookies()
    url = stage.urls[scene.state]
    if scene.who != NOBODY:
        context.add_cookies([{"name": "holystone", "value": stage.tokens[scene.who], "url": url}])
    return url + scene.path


@contextmanager
def open_stage(folder: Path, states: Iterable[str]) -> Iterator[Stage]:
    """Start the usual state and the ones named, and end them with the block."""
    passwords.hasher = passwords.make_hasher(memory_kib=8, rounds=1)
    with ExitStack() as stack:
        keeper = stack.enter_context(KeeperProcess(folder / "keeper", drain_timeout_s=0))
        push_fleet(keeper.url)
        for number in range(16):
            Pusher(keeper.url).push(SPARE, image([layer(f"spare {number}", 200_000)]), [f"0.{number}"])
        for number in range(4):
            built = image([layer(f"protected {number}", 200_000)])
            Pusher(keeper.url).push(PROTECTED, built, [f"release-{number}" if number < 2 else f"nightly-{number}"])
        for built in records.TRASHED:
            Pusher(keeper.url).push(SPARE, built)
        app = _make_app(folder / EVERYTHING, keeper)
        tokens = _fill(app)
        urls = {EVERYTHING: stack.enter_context(served(app))}
        for state in states:
            shutil.copytree(folder / EVERYTHING, folder / state)
            urls[state] = stack.enter_context(served(_in_state(_make_app(folder / state, keeper), state)))
        yield Stage(urls, tokens)


def _make_app(folder: Path, keeper: KeeperProcess) -> Flask:
    given = {
        "SECRET_KEY": "k" * 64,
        "DATA_DIR": str(folder),
        "REGISTRY_URL": keeper.url,
        "REGISTRY_STORE": str(keeper.store),
        "REGISTRY_CONFIG": str(keeper.config),
        "REGISTRY_PUBLIC_NAME": "registry.example",
        "PROTECTED_TAGS": "release-*",
        "KEEPER_FOLDER": str(keeper.folder),
        "WEBHOOK_URL": "https://hooks.example/notices",
        "MAIL_SERVER": "127.0.0.1:9",
        "MAIL_FROM": "holystone@example.org",
        "MAIL_TO": "ops@example.org",
        "DEAD_MANS_SWITCH_URL": "http://switch.example/",
    }
    app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
    is_looked_at = folder.name == LOOKED_AT  # elsewhere no tag is: what is drawn would be something else minutes later
    app.extensions["holystone-background"].check_soon = lambda *_tags: is_looked_at
    return app


def _fill(app: Flask) -> dict[str, str]:
    """Make the records of the usual state; the tokens of those who are signed in."""
    parts: Parts = app.extensions["holystone"]
    bring_to_newest(records_file(parts.settings))
    sync(parts.catalogue)
    tokens = {}
    with parts.writing() as session:
        for name, role in ((ADMINISTRATOR, Role.ADMIN), (USER, Role.USER)):
            user = create_user(session, name, PASSWORD, role, lambda: datetime.now(UTC), actor="make look", place="")
            tokens[name] = open_session(session, user, "10.0.0.7", "make look", lambda: datetime.now(UTC))
        records.everything(session)
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return tokens


def _in_state(app: Flask, state: str) -> Flask:
    if state == BROKEN:
        app.view_functions["activities.index"] = _fail
        return app
    parts: Parts = app.extensions["holystone"]
    with parts.writing() as session:
        STATES[state](session)
    return app


def _fail() -> str:
    raise RuntimeError("This is drawn on purpose.")
