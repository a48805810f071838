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
from webapp.database import ENGINE_OPTIONS, Base, db, is_of_a_model, prepare

__all__ = ["records_template"]

MIGRATIONS = Path(__file__).parent.parent / "migrations"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A file for records, before any migration."""
    file = tmp_path / "upgraded.db"
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}", SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS)
    db.init_app(app)
    flask_migrate.Migrate(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        prepare(db.engine)
        yield file
        db.engine.dispose()


@pytest.fixture
def upgraded(empty: Path, records_template: Path) -> Path:
    """An empty database that was brought to the newest version. `records_template` has imported every model."""
    flask_migrate.upgrade()
    return empty


def test_alembic_finds_no_difference_between_the_migrations_and_the_models(upgraded: Path) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_of_a_model})
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


def test_removals_of_the_first_version_are_kept_with_their_steps_and_tags(empty: Path) -> None:
    flask_migrate.upgrade(revision="0001")
    with dbapi2.connect(str(empty)) as connection:
        connection.execute(
            "INSERT INTO removals (id, request_key, started_at, actor, place, repository, fingerprint, state,"
            " fencing_token, notice) VALUES (1, 'k', '2026-11-01 10:00:00', 'alice', '', 'team/api', '', 'done', 1, '')"
        )
        connection.execute("INSERT INTO removal_steps VALUES (1, 0, 'sha256:a', 'deleted', '', NULL, NULL)")
        connection.execute("INSERT INTO removed_tags VALUES (1, '1.0', 'sha256:a', 1, 'deleted', '')")

    flask_migrate.upgrade()

    with dbapi2.connect(str(empty)) as connection:
        assert connection.execute("SELECT actor, wanted, pause FROM removals").fetchall() == [("alice", "", "")]
        assert connection.execute("SELECT digest, kind FROM removal_steps").fetchall() == [("sha256:a", "delete")]
        assert connection.execute("SELECT name, stand_in FROM removed_tags").fetchall() == [("1.0", "")]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_tags_of_before_are_ordered_and_found_by_their_names(empty: Path) -> None:
    flask_migrate.upgrade(revision="0007")
    with dbapi2.connect(str(empty)) as connection:
        connection.execute(
            "INSERT INTO repositories (id, name, namespace, first_seen_at, tag_count, image_count, version)"
            " VALUES (1, 'team/api', 'team', '2026-11-01 10:00:00', 2, 2, 0)"
        )
        connection.executemany(
            "INSERT INTO tags (repository_id, name, problem, pushed_at, pushed_at_is_seen)"
            " VALUES (1, ?, '', '2026-11-01 10:00:00', 0)",
            [("1.10",), ("1.9",)],
        )

    flask_migrate.upgrade()

    with dbapi2.connect(str(empty)) as connection:
        assert connection.execute("SELECT name FROM tags ORDER BY sort_key").fetchall() == [("1.9",), ("1.10",)]
        found = connection.execute("SELECT rowid FROM tag_names WHERE tag_names MATCH '\"1.1\"'").fetchall()
        assert found == connection.execute("SELECT id FROM tags WHERE name = '1.10'").fetchall()


def test_known_tags_are_ordered_and_untagged_manifests_marked(empty: Path) -> None:
    flask_migrate.upgrade(revision="0010")
    with dbapi2.connect(str(empty)) as connection:
        connection.execute(
            "INSERT INTO repositories (id, name, namespace, first_seen_at, tag_count, image_count, left_out, version)"
            " VALUES (1, 'team/api', 'team', '2026-11-01 10:00:00.000000', 2, 1, 0, 0)"
        )
        manifests = [(1, "sha256:a", 700), (2, "sha256:b", None), (3, "sha256:c", 5)]
        connection.executemany(
            "INSERT INTO manifests (id, digest, media_type, kind, raw, size_bytes, image_size_bytes, artifact_type,"
            " platforms, labels) VALUES (?, ?, '', 'index', '', 9, ?, '', 'linux/arm64', '{}')",
            manifests,
        )
        connection.execute("INSERT INTO manifest_descriptors VALUES (1, 0, 'child', 'sha256:b', '', 9, '')")
        connection.executemany("INSERT INTO repository_manifests VALUES (1, ?)", [(1,), (2,), (3,)])
        connection.executemany(
            "INSERT INTO tags (repository_id, name, sort_key, digest, manifest_id, problem, pushed_at, pushed_at_is_seen)"
            " VALUES (1, ?, ?, ?, ?, '', ?, 0)",
            [
                ("1.0", "1.0", "sha256:a", 1, "2026-11-01 10:00:00.000000"),
                ("1.1", "1.1", "sha256:a", 1, "2026-11-02 10:00:00.000000"),
                ("lost", "lost", None, None, "2026-11-03 10:00:00.000000"),
            ],
        )

    flask_migrate.upgrade()

    with dbapi2.connect(str(empty)) as connection:
        found = connection.execute("SELECT name, size_bytes, platforms, image, image_pushed_at FROM tags ORDER BY name")
        assert found.fetchall() == [
            ("1.0", 700, "linux/arm64", "sha256:a", "2026-11-02 10:00:00.000000"),
            ("1.1", 700, "linux/arm64", "sha256:a", "2026-11-02 10:00:00.000000"),
            ("lost", -1, "", "", "2026-11-03 10:00:00.000000"),
        ]
        untagged = connection.execute("SELECT manifest_id FROM repository_manifests WHERE is_untagged")
        assert untagged.fetchall() == [(3,)]


def test_an_upgrade_leaves_foreign_keys_on_for_everybody_else(upgraded: Path) -> None:
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def _statements(file: Path) -> dict[str, list[str]]:
    """The lines of the statement that made each table and index; the order of constraints means nothing, nor do quotes."""
    with dbapi2.connect(str(file)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sorted(line.strip(" \t,").replace('"', "") for line in sql.splitlines()) for name, sql in rows}
