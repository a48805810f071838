"""Which manifests of a repository no tag leads to, written down: to find them is to walk down from every tag."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# A tag leads to what it is on, a manifest to what refers to it, and each of these to what it names as children.
_MARK = """
WITH RECURSIVE here(id) AS MATERIALIZED (SELECT manifest_id FROM repository_manifests WHERE repository_id = :repository),
led(id) AS (
    SELECT m.id FROM tags t CROSS JOIN manifests m ON m.digest = t.digest WHERE t.repository_id = :repository
    UNION
    SELECT here.id
    FROM here
    CROSS JOIN manifest_descriptors d ON d.manifest_id = here.id AND d.role = 'subject'
    CROSS JOIN manifests subject ON subject.digest = d.digest
    CROSS JOIN repository_manifests r ON r.repository_id = :repository AND r.manifest_id = subject.id
    UNION
    SELECT child.id
    FROM led
    CROSS JOIN manifest_descriptors d ON d.manifest_id = led.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
)
UPDATE repository_manifests
SET is_untagged = NOT is_untagged
WHERE repository_id = :repository AND is_untagged = (manifest_id IN (SELECT id FROM led))
"""


def mark_untagged(session: Session, repository_id: int) -> None:
    """Mark them anew in a repository whose tags or manifests have changed."""
    session.execute(text(_MARK), {"repository": repository_id})
