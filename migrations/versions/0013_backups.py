"""How the last try to make the nightly backup went."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table; it is filled by the first try."""
    op.create_table(
        "nightly_backup",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tried_at", sa.DateTime, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
    )


def downgrade() -> None:
    """Back to the tables of 0012."""
    op.drop_table("nightly_backup")
