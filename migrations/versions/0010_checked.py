"""When each tag was last asked for: of very many, those are looked at first that were not for the longest time."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_FORGET = "INSERT INTO tag_names (tag_names, rowid, name) VALUES ('delete', old.id, old.name);"
_LEARN = "INSERT INTO tag_names (rowid, name) VALUES (new.id, new.name);"
_TRIGGERS = (
    ("tag_names_after_insert", "INSERT", (_LEARN,)),
    ("tag_names_after_delete", "DELETE", (_FORGET,)),
    ("tag_names_after_update", "UPDATE OF id, name", (_FORGET, _LEARN)),
)


def upgrade() -> None:
    """Add the time. What is known was looked at when its repository was."""
    with op.batch_alter_table("tags", recreate="always") as batch:
        batch.add_column(sa.Column("checked_at", sa.DateTime, nullable=True))
    _make_triggers()
    op.execute("UPDATE tags SET checked_at = (SELECT synced_at FROM repositories WHERE id = tags.repository_id)")
    op.create_index("ix_tags_checked_at", "tags", ["checked_at"])


def downgrade() -> None:
    """Back to the tables of 0009."""
    op.drop_index("ix_tags_checked_at", "tags")
    with op.batch_alter_table("tags", recreate="always") as batch:
        batch.drop_column("checked_at")
    _make_triggers()


def _make_triggers() -> None:
    """Those that keep the index of names: they go with the table that is made anew."""
    for name, when, acts in _TRIGGERS:
        op.execute("\n".join((f"CREATE TRIGGER {name} AFTER {when} ON tags BEGIN", *acts, "END")))
