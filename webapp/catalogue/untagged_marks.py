"""Which manifests of a repository nothing leads to, written down: to find them is to ask of every one, thrice."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# Led to is what a tag is on, what an index of the repository names, and what refers to a manifest of it.
_MARK = """
WITH here(id) AS MATERIALIZED (SELECT manifest_id FROM repository_manifests WHERE repository_id = :repository),
led(id) AS MATERIALIZED (
    SELECT m.id FROM tags t CROSS JOIN manifests m ON m.digest = t.digest WHERE t.repository_id = :repository
    UNION
    SELECT child.id
    FROM here
    CROSS JOIN manifest_descriptors d ON d.manifest_id = here.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
    UNION
    SELECT here.id
    FROM here
    CROSS JOIN manifest_descriptors d ON d.manifest_id = here.id AND d.role = 'subject'
    CROSS JOIN manifests subject ON subject.digest = d.digest
    CROSS JOIN repository_manifests r ON r.repository_id = :repository AND r.manifest_id = subject.id
)
UPDATE repository_manifests
SET is_untagged = NOT is_untagged
WHERE repository_id = :repository AND is_untagged = (manifest_id IN (SELECT id FROM led))
"""


def mark_untagged(session: Session, repository_id: int) -> None:
    """Mark them anew in a repository whose tags or manifests have changed."""
    session.execute(text(_MARK), {"repository": repository_id})
