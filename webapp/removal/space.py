"""How much the next collection gives back after a removal, as far as the catalogue knows."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

UNSEEN = "Manifests without a tag that Holystone has not seen may still use some of it."

# A collection keeps every blob that a remaining manifest of any repository is or names; it does not follow `subject`.
_FREED = """
WITH going AS (
    SELECT m.id, m.digest, m.size_bytes FROM manifests m WHERE m.digest IN (SELECT value FROM json_each(:going))
),
candidates(digest, size_bytes) AS (
    SELECT digest, size_bytes FROM going
    UNION
    SELECT d.digest, d.size_bytes
    FROM going JOIN manifest_descriptors d ON d.manifest_id = going.id AND d.role IN ('config', 'layer')
),
blobs AS (SELECT digest, max(size_bytes) AS size_bytes FROM candidates GROUP BY digest)
SELECT CAST(min(total(size_bytes), 9e18) AS INTEGER)  -- stated sizes can be any number
FROM blobs
WHERE NOT EXISTS (
    SELECT 1
    FROM manifest_descriptors d
    JOIN repository_manifests rm ON rm.manifest_id = d.manifest_id
    JOIN repositories r ON r.id = rm.repository_id
    WHERE d.digest = blobs.digest AND d.role IN ('config', 'layer', 'child')
      AND NOT (r.name = :repository AND d.manifest_id IN (SELECT id FROM going))
)
AND NOT EXISTS (
    SELECT 1
    FROM manifests m
    JOIN repository_manifests rm ON rm.manifest_id = m.id
    JOIN repositories r ON r.id = rm.repository_id
    WHERE m.digest = blobs.digest AND NOT (r.name = :repository AND m.id IN (SELECT id FROM going))
)
"""


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that come back; not exact where something that Holystone cannot see may hold some of them."""

    bytes_freed: int
    is_exact: bool
    reason: str


def space_of(session: Session, repository: str, going: Collection[str]) -> Space:
    """The space that deleting these manifests of a repository frees.

    Blobs that are shared with anything that stays, in any repository, count nothing.
    """
    if not going:
        return Space(0, True, "")
    freed = session.execute(text(_FREED), {"going": json.dumps(list(going)), "repository": repository}).scalar_one()
    return Space(int(freed), False, UNSEEN)
