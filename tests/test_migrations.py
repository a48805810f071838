"""The migrations make exactly the tables that the models speak of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from pysqlite3 import dbapi2

from tests.records import records_template
from webapp.database import ENGINE_OPTIONS, Base, db, prepare

__all__ = ["records_template"]

MIGRATIONS = Path(__file__).parent.parent / "migrations"


@pytest.fixture
def upgraded(tmp_path: Path, records_template: Path) -> Iterator[Path]:
    """An empty database that was brought to the newest version. `records_template` has imported every model."""
    file = tmp_path / "upgraded.db"
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}", SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS)
    db.init_app(app)
    flask_migrate.Migrate(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        prepare(db.engine)
        flask_migrate.upgrade()
        yield file
        db.engine.dispose()


def test_alembic_finds_no_difference_between_the_migrations_and_the_models(upgraded: Path) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_column_constraint_and_index_is_written_as_the_models_would(
    upgraded: Path, records_template: Path
) -> None:
    made = _statements(upgraded)
    del made["alembic_version"]
    assert made == _statements(records_template)


def test_upgrading_again_changes_nothing_and_keeps_the_rows(upgraded: Path) -> None:
    with dbapi2.connect(str(upgraded)) as connection:
        connection.execute("INSERT INTO leases VALUES ('sync', 'somebody', 7, '', 0)")
    flask_migrate.upgrade()
    with dbapi2.connect(str(upgraded)) as connection:
        assert connection.execute("SELECT token FROM leases").fetchall() == [(7,)]


def test_an_upgrade_leaves_foreign_keys_on_for_everybody_else(upgraded: Path) -> None:
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def _statements(file: Path) -> dict[str, list[str]]:
    """The lines of the statement that made each table and index; the order of constraints means nothing, nor do quotes."""
    with dbapi2.connect(str(file)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sorted(line.strip(" \t,").replace('"', "") for line in sql.splitlines()) for name, sql in rows}
