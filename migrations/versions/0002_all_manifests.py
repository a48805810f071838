"""All manifests of a repository, tagged or not: when they were last known."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; nothing was known before."""
    with op.batch_alter_table("repositories", recreate="always") as batch:
        batch.add_column(sa.Column("revisions_read_at", sa.DateTime, nullable=True))
