"""Exact removal: stand-ins, lists of referrers, what was wanted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns. Removals of before were of tags or of whole images; that is all that is known of them."""
    _add(
        "removals",
        sa.Column("wanted", sa.String, nullable=False, server_default=""),
        sa.Column("stopped_by", sa.String, nullable=False, server_default=""),
        sa.Column("pause", sa.String, nullable=False, server_default=""),
    )
    _add(
        "removal_steps",
        sa.Column("kind", sa.String(40), nullable=False, server_default="delete"),
        sa.Column("tag", sa.String, nullable=False, server_default=""),
        sa.Column("replaces", sa.String, nullable=False, server_default=""),
        sa.Column("media_type", sa.String, nullable=False, server_default=""),
        sa.Column("raw", sa.LargeBinary, nullable=True),
        sa.Column("activity_id", sa.Integer, nullable=True),
    )
    _add(
        "removed_tags",
        sa.Column("stand_in", sa.String, nullable=False, server_default=""),
        sa.Column("started_at", sa.DateTime, nullable=True),
    )


def _add(table: str, *columns: sa.Column) -> None:
    with op.batch_alter_table(table) as batch:
        for column in columns:
            batch.add_column(column)
    with op.batch_alter_table(table, recreate="always") as batch:
        for column in columns:
            if column.server_default is not None:
                batch.alter_column(column.name, server_default=None)
