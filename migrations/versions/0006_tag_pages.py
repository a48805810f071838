"""Pages of tags and manifests: configurations that are kept, and which repositories have not been read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table. What was read before is read again when somebody looks."""
    op.create_table(
        "kept_configurations",
        sa.Column("manifest_id", sa.Integer, sa.ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_repositories_unread", "repositories", ["revisions_read_at", "tag_count"])
