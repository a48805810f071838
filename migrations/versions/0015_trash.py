"""The trash: what was taken away and can be put back."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table. What was deleted before went for good: it is not in the trash."""
    with op.batch_alter_table("removals", recreate="always") as table:
        table.add_column(sa.Column("until", sa.DateTime))
    op.create_table(
        "trash_items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("removal_id", sa.Integer, sa.ForeignKey("removals.id"), nullable=False),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("deleted_at", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime),
        sa.Column("refers_to", sa.String, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("restorable", sa.String, nullable=False),
        sa.Column("missing", sa.String, nullable=False),
        sa.Column("checked_at", sa.DateTime),
        sa.Column("size_bytes", sa.Integer),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("restored_as", sa.String, nullable=False),
        sa.Column("activity_id", sa.Integer),
    )
    op.create_index("ix_trash_items_removal_id", "trash_items", ["removal_id"])
    op.create_index("ix_trash_items_state", "trash_items", ["state", "id"])
    op.create_index("ix_trash_items_until", "trash_items", ["state", "until"])
    op.create_index("ix_trash_items_repository", "trash_items", ["repository", "state", "digest"])


def downgrade() -> None:
    """Back to the tables of 0014."""
    op.drop_table("trash_items")
    with op.batch_alter_table("removals", recreate="always") as table:
        table.drop_column("until")
