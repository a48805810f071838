"""Several filters at once, and folders, are answered by one index each, which has all that they ask of a row."""

from alembic import op

revision = "0014"
down_revision = "0013"

_INDEXES = {
    "ix_tags_repository_pushed": ("tags", ["repository_id", "pushed_at", "id"], ["size_bytes", "platforms", "name"]),
    "ix_repositories_namespace": (
        "repositories",
        ["namespace"],
        ["tag_count", "size_bytes", "left_out", "changed_at", "first_seen_at", "name"],
    ),
}


def upgrade() -> None:
    """Put what is asked behind the columns of the order."""
    for name, (table, ordered, asked) in _INDEXES.items():
        op.drop_index(name, table)
        op.create_index(name, table, [*ordered, *asked])


def downgrade() -> None:
    """Back to the indexes of 0012."""
    for name, (table, ordered, _asked) in _INDEXES.items():
        op.drop_index(name, table)
        op.create_index(name, table, ordered)
