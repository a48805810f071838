"""Sizes: of the whole registry, and how many manifests are left out of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns. All sizes are computed anew by the next sync, and images of schema 1 have none."""
    for table in ("repositories", "registry_state"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("left_out", sa.Integer, nullable=False, server_default="0"))
        with op.batch_alter_table(table, recreate="always") as batch:
            batch.alter_column("left_out", server_default=None)
    with op.batch_alter_table("registry_state") as batch:
        batch.add_column(sa.Column("size_bytes", sa.Integer, nullable=True))
        batch.add_column(sa.Column("content_version", sa.Integer, nullable=False, server_default="0"))
        batch.add_column(sa.Column("measured_version", sa.Integer, nullable=True))
    with op.batch_alter_table("registry_state", recreate="always") as batch:
        batch.alter_column("content_version", server_default=None)
    op.execute("UPDATE repositories SET size_bytes = NULL")
    op.execute("UPDATE manifests SET image_size_bytes = NULL WHERE kind = 'schema1'")
