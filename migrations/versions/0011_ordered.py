"""What lists of tags are ordered by stands with the tags, so that an index can order a hundred thousand of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NEVER = "0001-01-01 00:00:00.000000"
_COLUMNS = (
    ("size_bytes", sa.Integer, "-1"),
    ("created_at", sa.DateTime, _NEVER),
    ("platforms", sa.String, ""),
    ("image", sa.String, ""),
    ("image_pushed_at", sa.DateTime, _NEVER),
)
_INDEXES = {
    "size": ("size_bytes", "id"),
    "created": ("created_at", "id"),
    "image": ("image_pushed_at", "image", "sort_key", "id"),
    "platforms": ("platforms",),
}


def upgrade() -> None:
    """Add the columns, and copy what the manifests say."""
    op.drop_index("ix_tags_repository_digest", "tags")
    with _keeping_triggers(), op.batch_alter_table("tags", recreate="always") as batch:
        for name, kind, default in _COLUMNS:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    op.create_index("ix_tags_repository_digest", "tags", ["repository_id", "digest", "pushed_at"])
    op.execute(
        f"""UPDATE tags
        SET size_bytes = coalesce(image.image_size_bytes, -1),
            created_at = coalesce(image.created_at, '{_NEVER}'),
            platforms = coalesce(image.platforms, ''),
            image = coalesce(tags.digest, ''),
            image_pushed_at = coalesce((
                SELECT max(same.pushed_at) FROM tags same
                WHERE same.repository_id = tags.repository_id AND same.digest = tags.digest
            ), tags.pushed_at)
        FROM tags this LEFT JOIN manifests image ON image.id = this.manifest_id
        WHERE this.id = tags.id"""  # noqa: S608 constants
    )
    for name, columns in _INDEXES.items():
        op.create_index(f"ix_tags_repository_{name}", "tags", ["repository_id", *columns])


def downgrade() -> None:
    """Back to the tables of 0010."""
    for name in ("digest", *_INDEXES):
        op.drop_index(f"ix_tags_repository_{name}", "tags")
    with _keeping_triggers(), op.batch_alter_table("tags", recreate="always") as batch:
        for name, _kind, _default in _COLUMNS:
            batch.drop_column(name)
    op.create_index("ix_tags_repository_digest", "tags", ["repository_id", "digest"])


@contextmanager
def _keeping_triggers() -> Iterator[None]:
    """Those that keep the index of names go with a table that is made anew."""
    connection = op.get_bind()
    triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'tags' ORDER BY rowid"
    statements = connection.exec_driver_sql(triggers).scalars().all()
    yield
    for each in statements:
        connection.exec_driver_sql(each)
