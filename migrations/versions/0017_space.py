"""Where the space goes: what was last added up, and a figure for each day."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the tables. They are filled after the next sync."""
    op.create_table(
        "measured_space",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("content_version", sa.Integer, nullable=False),
        sa.Column("trash_version", sa.String, nullable=False),
        sa.Column("measured_at", sa.DateTime, nullable=False),
        sa.Column("repositories", sa.Integer, nullable=False),
        sa.Column("namespaces", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("left_out", sa.Integer, nullable=False),
        sa.Column("saved_bytes", sa.Integer, nullable=False),
        sa.Column("shared_blobs", sa.Integer, nullable=False),
        sa.Column("shared_bytes", sa.Integer, nullable=False),
        sa.Column("in_trash_bytes", sa.Integer, nullable=False),
    )
    _make_repository_space()
    _make_namespace_space()
    op.create_table(
        "largest_tags",
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("others", sa.Integer, nullable=False),
    )
    op.create_table(
        "largest_layers",
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("manifests", sa.Integer, nullable=False),
        sa.Column("repositories", sa.Integer, nullable=False),
        sa.Column("tags", sa.Integer, nullable=False),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
    )
    op.create_table(
        "daily_sizes",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("in_trash_bytes", sa.Integer, nullable=False),
        sa.Column("collectable_bytes", sa.Integer),
    )


def _make_repository_space() -> None:
    op.create_table(
        "repository_space",
        sa.Column("repository_id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, unique=True, nullable=False),
        sa.Column("namespace", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("exclusive_bytes", sa.Integer, nullable=False),
        sa.Column("left_out", sa.Integer, nullable=False),
        sa.Column("in_trash_bytes", sa.Integer, nullable=False),
    )
    for name, columns in {
        "size": ["size_bytes", "repository_id"],
        "exclusive": ["exclusive_bytes", "repository_id"],
        "namespace": ["namespace", "name"],
        "namespace_size": ["namespace", "size_bytes", "repository_id"],
        "namespace_exclusive": ["namespace", "exclusive_bytes", "repository_id"],
    }.items():
        op.create_index(f"ix_repository_space_{name}", "repository_space", columns)


def _make_namespace_space() -> None:
    op.create_table(
        "namespace_space",
        sa.Column("namespace", sa.String, primary_key=True),
        sa.Column("repositories", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("exclusive_bytes", sa.Integer, nullable=False),
        sa.Column("counted_bytes", sa.Integer, nullable=False),
        sa.Column("left_out", sa.Integer, nullable=False),
        sa.Column("in_trash_bytes", sa.Integer, nullable=False),
    )
    for name in ("size", "exclusive", "counted"):
        op.create_index(f"ix_namespace_space_{name}", "namespace_space", [f"{name}_bytes", "namespace"])


def downgrade() -> None:
    """Back to the tables of 0015."""
    for table in (
        "daily_sizes",
        "largest_layers",
        "largest_tags",
        "namespace_space",
        "repository_space",
        "measured_space",
    ):
        op.drop_table(table)
