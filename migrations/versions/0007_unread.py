"""Repositories that could not be read completely at the last look, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, empty: the next look fills it."""
    op.create_table(
        "unread_repositories",
        sa.Column("repository_id", sa.Integer, sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("tags", sa.Integer, nullable=True),
        sa.Column("since", sa.DateTime, nullable=False),
    )
