"""What each repository holds: pairs of a repository and a manifest, the beginning of a statement over all of them."""

from __future__ import annotations

# As in `totals`: where all manifests of a repository are known they are what it holds, else what its tags reach.
HELD = """
WITH RECURSIVE tagged(repository_id, id) AS (
    SELECT p.id, t.manifest_id
    FROM repositories p
    CROSS JOIN tags t ON t.repository_id = p.id
    WHERE p.revisions_read_at IS NULL AND t.manifest_id IS NOT NULL
    UNION
    SELECT tagged.repository_id, child.id
    FROM tagged
    CROSS JOIN manifest_descriptors d ON d.manifest_id = tagged.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
),
held(repository_id, id) AS (
    SELECT r.repository_id, r.manifest_id
    FROM repositories p
    CROSS JOIN repository_manifests r ON r.repository_id = p.id
    WHERE p.revisions_read_at IS NOT NULL
    UNION ALL
    SELECT repository_id, id FROM tagged
)
"""
