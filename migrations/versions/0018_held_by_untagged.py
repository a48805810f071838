"""What only an index without a tag names counts as untagged, too; the trash is listed by person, and says what is lost."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Mark what no tag leads to."""
    op.execute(
        """WITH RECURSIVE led(repository_id, id) AS (
            SELECT t.repository_id, m.id FROM tags t JOIN manifests m ON m.digest = t.digest
            UNION
            SELECT here.repository_id, here.manifest_id
            FROM repository_manifests here
            JOIN manifest_descriptors d ON d.manifest_id = here.manifest_id AND d.role = 'subject'
            JOIN manifests subject ON subject.digest = d.digest
            JOIN repository_manifests other
                ON other.repository_id = here.repository_id AND other.manifest_id = subject.id
            UNION
            SELECT led.repository_id, child.id
            FROM led
            JOIN manifest_descriptors d ON d.manifest_id = led.id AND d.role = 'child'
            JOIN manifests child ON child.digest = d.digest
        )
        UPDATE repository_manifests SET is_untagged = ((repository_id, manifest_id) NOT IN led)"""
    )
    op.create_index("ix_trash_items_actor", "trash_items", ["state", "actor", "id"])
    op.create_index("ix_trash_items_restorable", "trash_items", ["state", "restorable"])


def downgrade() -> None:
    """Back to the tables of 0017. The marks are right there as well; a sync that finds something new makes its own."""
    op.drop_index("ix_trash_items_restorable", "trash_items")
    op.drop_index("ix_trash_items_actor", "trash_items")
