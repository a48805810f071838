"""Bytes that only the trash holds: what emptying it would give back at the next collection."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webapp.catalogue.space import MOST_BYTES, InTrash
from webapp.removal.trash_models import HOLDING, TrashItem

# In a repository that has something in the trash: what an item is on with all below it, and what stays without the
# trash. That is what a tag leads to, and what neither an item nor anything below one is, with what these lead to.
_GOING = """
WITH RECURSIVE items(repository_id, id) AS MATERIALIZED (
    SELECT DISTINCT p.id, m.id
    FROM trash_items i
    CROSS JOIN repositories p ON p.name = i.repository
    CROSS JOIN manifests m ON m.digest = i.digest
    WHERE i.state IN (SELECT value FROM json_each(:holding)) AND (:up_to IS NULL OR i.id <= :up_to)
),
below(repository_id, id) AS (
    SELECT repository_id, id FROM items
    UNION
    SELECT below.repository_id, child.id
    FROM below
    CROSS JOIN manifest_descriptors d ON d.manifest_id = below.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
),
places(id) AS MATERIALIZED (SELECT DISTINCT repository_id FROM items),
staying(repository_id, id) AS (
    SELECT t.repository_id, t.manifest_id
    FROM places
    CROSS JOIN tags t ON t.repository_id = places.id
    WHERE t.manifest_id IS NOT NULL
    UNION
    SELECT r.repository_id, r.manifest_id
    FROM places
    CROSS JOIN repository_manifests r ON r.repository_id = places.id
    WHERE (r.repository_id, r.manifest_id) NOT IN (SELECT repository_id, id FROM below)
    UNION
    SELECT staying.repository_id, child.id
    FROM staying
    CROSS JOIN manifest_descriptors d ON d.manifest_id = staying.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
),
going(repository_id, id) AS MATERIALIZED (
    SELECT below.repository_id, below.id
    FROM below
    CROSS JOIN repository_manifests r ON r.repository_id = below.repository_id AND r.manifest_id = below.id
    WHERE (below.repository_id, below.id) NOT IN (SELECT repository_id, id FROM staying)
)
"""

# Of each blob of these the first and the last repository that would let go of it, where nothing else needs it.
_HELD_BY_TRASH = """,
named(digest, size_bytes, repository_id) AS (
    SELECT m.digest, m.size_bytes, going.repository_id FROM going CROSS JOIN manifests m ON m.id = going.id
    UNION ALL
    SELECT d.digest, d.size_bytes, going.repository_id
    FROM going
    CROSS JOIN manifest_descriptors d ON d.manifest_id = going.id AND d.role <> 'subject'
    WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
),
blobs(digest, size_bytes, first_id, last_id) AS MATERIALIZED (
    SELECT digest, max(size_bytes), min(repository_id), max(repository_id) FROM named GROUP BY digest
)
SELECT CASE WHEN first_id = last_id THEN first_id END AS repository_id, total(size_bytes)
FROM blobs
WHERE NOT EXISTS (
    SELECT 1
    FROM manifest_descriptors d
    CROSS JOIN repository_manifests r ON r.manifest_id = d.manifest_id
    WHERE d.digest = blobs.digest AND d.role <> 'subject'
      AND (r.repository_id, r.manifest_id) NOT IN (SELECT repository_id, id FROM going)
)
AND NOT EXISTS (
    SELECT 1
    FROM manifests m
    CROSS JOIN repository_manifests r ON r.manifest_id = m.id
    WHERE m.digest = blobs.digest AND (r.repository_id, r.manifest_id) NOT IN (SELECT repository_id, id FROM going)
)
GROUP BY 1
"""


def trash_version(session: Session) -> str:
    """Is another one as soon as other items are in the trash."""
    ids = TrashItem.id
    holding = select(func.count(), func.max(ids), func.total(ids)).where(TrashItem.state.in_(HOLDING))
    number, last, together = session.execute(holding).one()
    return f"{number}/{last or 0}/{together:.0f}"


def in_trash(session: Session, up_to: int | None = None) -> InTrash:
    """What only the trash holds, of the registry and of each repository.

    What an item is on counts until its row says that it is gone, also after its date.

    Args:
        up_to: only the items up to this id; what later ones hold counts as needed.
    """
    holding = func.json_array(*(each.value for each in HOLDING))
    encoded = session.scalar(select(holding))
    rows = session.execute(text(_GOING + _HELD_BY_TRASH), {"holding": encoded, "up_to": up_to}).all()
    of_repositories = {repository_id: _bounded(size) for repository_id, size in rows if repository_id is not None}
    return InTrash(_bounded(sum(size for _repository_id, size in rows)), of_repositories)


def _bounded(size: float) -> int:
    return int(min(size, MOST_BYTES))
