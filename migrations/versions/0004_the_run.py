"""The run: strategies, the dry run before it, an estimate, questions, and when a manifest was first seen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns. Of the runs of before, the registry stepped aside when they began, or later."""
    _add(
        "runs",
        sa.Column("seconds_without_pull", sa.Double, nullable=True),
        sa.Column("asks", sa.String, nullable=False, server_default=""),
        sa.Column("agreed", sa.String, nullable=False, server_default=""),
        sa.Column("stopped_by", sa.String, nullable=False, server_default=""),
        sa.Column("ordered_at", sa.DateTime, nullable=True),
        sa.Column("estimated_s", sa.Double, nullable=True),
        sa.Column("estimated_least_s", sa.Double, nullable=True),
        sa.Column("estimated_most_s", sa.Double, nullable=True),
        sa.Column("dry_run_s", sa.Double, nullable=True),
        sa.Column("blobs_marked", sa.Integer, nullable=True),
        sa.Column("manifests_marked", sa.Integer, nullable=True),
        sa.Column("blobs_deleted", sa.Integer, nullable=True),
        sa.Column("blobs_of_unknown_size", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tags_seen", sa.Integer, nullable=True),
    )
    op.execute("UPDATE runs SET ordered_at = started_at WHERE kind = 'collect'")
    op.create_index("ix_runs_freed_at", "runs", ["kind", "outcome", "ordered_at"])
    _add("manifests", sa.Column("first_seen_at", sa.DateTime, nullable=True))
    _add("registry_state", sa.Column("mode_until", sa.DateTime, nullable=True))
    op.create_table(
        "confirmations",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_confirmations"),
    )


def _add(table: str, *columns: sa.Column) -> None:
    with op.batch_alter_table(table) as batch:
        for column in columns:
            batch.add_column(column)
    with op.batch_alter_table(table, recreate="always") as batch:
        for column in columns:
            if column.server_default is not None:
                batch.alter_column(column.name, server_default=None)
