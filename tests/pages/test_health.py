"""For whoever watches: `/healthz` says that the process lives, `/readyz` that it can do its work. A word each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import stamp
from sqlalchemy import event, text

from tests.pages.conftest import MakeApp, Visitor, parts_of
from webapp.catalogue.state import registry_state
from webapp.scheduler import beat


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """In front of no registry: neither address asks it. Its tables are of the newest version, and its scheduler lives."""
    app = make_app()
    with app.app_context():
        stamp()
    beat(parts_of(app))
    return app


def readiness(app: Flask) -> tuple[int, str]:
    answer = Visitor(app).get("/readyz")
    assert answer.mimetype == "text/plain"
    return answer.status_code, answer.get_data(as_text=True)


def test_it_is_ready(app: Flask) -> None:
    assert readiness(app) == (200, "ready\n")


def test_before_the_first_migration_and_behind_the_newest_it_is_not_ready(app: Flask) -> None:
    with parts_of(app).writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert readiness(app) == (503, "migrations\n")
    with parts_of(app).writing() as session:
        session.execute(text("DROP TABLE alembic_version"))
    assert readiness(app) == (503, "migrations\n")


@pytest.mark.parametrize("seen", ["never", "some minutes ago"])
def test_without_a_scheduler_that_lives_it_is_not_ready(app: Flask, seen: str) -> None:
    here = parts_of(app)
    with here.writing() as session:
        registry_state(session).scheduler_seen_at = None if seen == "never" else here.now() - timedelta(minutes=3)
    assert readiness(app) == (503, "scheduler\n")


@pytest.mark.parametrize("harm", ["gone", "no database"])
def test_without_records_the_process_lives_and_is_not_ready(app: Flask, tmp_path: Path, harm: str) -> None:
    for file in (tmp_path / "data").glob("holystone.db*"):
        file.write_bytes(b"no database" * 1000) if harm == "no database" else file.unlink()
    parts_of(app).reading().__enter__().get_bind().dispose()
    status, word = readiness(app)
    assert status == 503
    assert word in ("records\n", "migrations\n")
    assert Visitor(app).get("/healthz").get_data(as_text=True) == "ok\n"


def test_neither_writes_and_the_first_does_not_even_read(app: Flask) -> None:
    asked: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    engine = parts_of(app).reading().__enter__().get_bind()
    event.listen(engine, "before_cursor_execute", keep)
    assert Visitor(app).get("/healthz").get_data(as_text=True) == "ok\n"
    assert asked == []
    readiness(app)
    assert asked
    assert all(each.startswith(("SELECT", "BEGIN")) and "IMMEDIATE" not in each for each in asked)
