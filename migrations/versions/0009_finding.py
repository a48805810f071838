"""Finding: the order of tags by name with the numbers in them, and an index of all parts of their names."""

import sqlalchemy as sa
from alembic import op

from webapp.catalogue.natural_order import natural_key

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add column and index, and fill them for the tags that are known."""
    with op.batch_alter_table("tags") as batch:
        batch.add_column(sa.Column("sort_key", sa.String, nullable=False, server_default=""))
    op.get_bind().connection.create_function("natural_key", 1, natural_key)
    op.execute("UPDATE tags SET sort_key = natural_key(name)")
    with op.batch_alter_table("tags", recreate="always") as batch:
        batch.alter_column("sort_key", server_default=None)
    op.create_index("ix_tags_repository_sort_key", "tags", ["repository_id", "sort_key"])
    op.create_index("ix_tags_name", "tags", ["name"])
    op.execute(
        "CREATE VIRTUAL TABLE tag_names USING fts5(name, content='tags', content_rowid='id', tokenize='trigram')"
    )
    op.execute("INSERT INTO tag_names (tag_names) VALUES ('rebuild')")
    forget = "INSERT INTO tag_names (tag_names, rowid, name) VALUES ('delete', old.id, old.name);"
    learn = "INSERT INTO tag_names (rowid, name) VALUES (new.id, new.name);"
    for name, when, acts in (
        ("tag_names_after_insert", "INSERT", (learn,)),
        ("tag_names_after_delete", "DELETE", (forget,)),
        ("tag_names_after_update", "UPDATE OF id, name", (forget, learn)),
    ):
        op.execute("\n".join((f"CREATE TRIGGER {name} AFTER {when} ON tags BEGIN", *acts, "END")))
