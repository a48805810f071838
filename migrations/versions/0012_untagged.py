"""What nothing leads to is marked, so that a list of it does not ask of every manifest of a repository."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the marks, and set them as the list found them until now."""
    with op.batch_alter_table("repository_manifests", recreate="always") as batch:
        batch.add_column(sa.Column("is_untagged", sa.Boolean, nullable=False, server_default="0"))
    op.execute(
        """UPDATE repository_manifests AS here SET is_untagged = 1
        WHERE NOT EXISTS (
            SELECT 1 FROM manifests m JOIN tags t ON t.digest = m.digest
            WHERE m.id = here.manifest_id AND t.repository_id = here.repository_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM manifests m
            JOIN manifest_descriptors d ON d.digest = m.digest AND d.role = 'child'
            JOIN repository_manifests other ON other.manifest_id = d.manifest_id
            WHERE m.id = here.manifest_id AND other.repository_id = here.repository_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM manifest_descriptors d
            JOIN manifests subject ON subject.digest = d.digest
            JOIN repository_manifests other ON other.manifest_id = subject.id
            WHERE d.manifest_id = here.manifest_id AND d.role = 'subject' AND other.repository_id = here.repository_id
        )"""
    )
    op.create_index(
        "ix_repository_manifests_untagged", "repository_manifests", ["repository_id", "is_untagged", "manifest_id"]
    )


def downgrade() -> None:
    """Back to the tables of 0011."""
    op.drop_index("ix_repository_manifests_untagged", "repository_manifests")
    with op.batch_alter_table("repository_manifests", recreate="always") as batch:
        batch.drop_column("is_untagged")
