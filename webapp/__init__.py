"""Holystone: the web dashboard that removes tags and images from a registry and frees their space."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import logs
from config import SettingError, Settings, read_settings
from webapp import cli, pages
from webapp.backups.backup import records_file
from webapp.backups.in_use import use
from webapp.database import (
    ENGINE_OPTIONS,
    MIGRATIONS,
    DatabaseTooOld,
    db,
    prepare,
    reading_from,
    refuse_old_sqlite,
    writing_to,
)
from webapp.extensions import csrf, login_manager, migrate
from webapp.pages.addresses import in_a_plain_prefix
from webapp.parts import Parts
from webapp.registry.client import RegistryClient, open_registry

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Flask:
    """Wire the application together.

    Args:
        settings: read from the environment where they are not given.

    Raises:
        SettingError: a setting is missing, unknown or cannot be read.
        DatabaseTooOld: the SQLite that was found can corrupt the records.
    """
    settings = settings or read_settings(os.environ)
    logs.write_lines()
    logs.hide(settings.secrets)
    refuse_old_sqlite()
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config.update(_flask_configuration(settings))
    _trust_proxies(app, settings.TRUSTED_PROXIES)

    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    app.extensions["holystone-use"] = use(records_file(settings))
    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS), render_as_batch=True)
    csrf.init_app(app)
    login_manager.init_app(app)

    app.extensions["holystone"] = _make_parts(app, settings)
    pages.register(app)
    cli.register(app)
    return app


def settings_or_exit() -> Settings:
    """The settings for a start from a terminal: what is refused is a sentence there, not a traceback."""
    try:
        refuse_old_sqlite()
        return read_settings(os.environ)
    except (SettingError, DatabaseTooOld) as refusal:
        sys.exit(f"Holystone does not start. {refusal}")


def _flask_configuration(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.SECRET_KEY,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": ENGINE_OPTIONS,
        "SESSION_COOKIE_NAME": "holystone-form",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,  # a page left open overnight still works
        "WTF_CSRF_SSL_STRICT": False,  # the token decides; a Referer may be withheld
        "MAX_CONTENT_LENGTH": 1024 * 1024,
    }


def _trust_proxies(app: Flask, hops: int) -> None:
    if hops:
        proxied = ProxyFix(
            in_a_plain_prefix(app.wsgi_app), hops, hops, hops, x_prefix=1
        )  # the last one alone knows its path
        app.wsgi_app = proxied  # type: ignore[method-assign]


def _make_parts(app: Flask, settings: Settings) -> Parts:
    with app.app_context():
        engine = prepare(db.engine)
    return Parts(
        settings=settings,
        registry=_open_registry(settings, settings.REGISTRY_URL),
        other_registries=tuple(_open_registry(settings, url) for url in settings.REGISTRY_OTHER_URLS),
        reader=_open_registry(settings, settings.REGISTRY_READS_URL) if settings.REGISTRY_READS_URL else None,
        reading=reading_from(engine),
        writing=writing_to(engine),
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )


def _open_registry(settings: Settings, url: str) -> RegistryClient:
    return open_registry(
        url,
        settings.REGISTRY_USERNAME,
        settings.REGISTRY_PASSWORD,
        settings.REGISTRY_CA,
        settings.REGISTRY_CONNECT_TIMEOUT,
        settings.REGISTRY_READ_TIMEOUT,
        settings.TOKEN_REALMS,
    )
