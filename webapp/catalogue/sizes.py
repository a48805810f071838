"""Sizes, computed in the database: each blob once."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor
from webapp.database import among

# What a manifest takes: itself, its configuration and layers, and the same of its children. A descriptor may state
# any size for a digest, so the largest that was stated counts, once; and any sum of sizes, so that is bounded: sum()
# fails where it exceeds 63 bits.
_IMAGE_SIZES = """
WITH RECURSIVE reach(root, id) AS (
    SELECT value, value FROM json_each(:roots)
    UNION
    SELECT reach.root, child.id
    FROM reach
    JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    JOIN manifests child ON child.digest = d.digest
),
parts(root, digest, size_bytes) AS (
    SELECT reach.root, m.digest, m.size_bytes FROM reach JOIN manifests m ON m.id = reach.id
    UNION
    SELECT reach.root, d.digest, d.size_bytes
    FROM reach JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role IN ('config', 'layer')
),
blobs AS (SELECT root, digest, max(size_bytes) AS size_bytes FROM parts GROUP BY root, digest),
sums AS (
    SELECT root, CAST(min(total(size_bytes), 9e18) AS INTEGER) AS size_bytes FROM blobs GROUP BY root
),
holes AS (
    SELECT DISTINCT reach.root
    FROM reach
    JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    LEFT JOIN manifests child ON child.digest = d.digest
    WHERE child.id IS NULL
)
UPDATE manifests
SET image_size_bytes = sums.size_bytes
FROM sums
WHERE sums.root = manifests.id AND NOT EXISTS (SELECT 1 FROM holes WHERE holes.root = sums.root)
"""

_REPOSITORY_SIZE = """
WITH RECURSIVE reach(id) AS (
    SELECT DISTINCT manifest_id FROM tags WHERE repository_id = :repository AND manifest_id IS NOT NULL
    UNION
    SELECT child.id
    FROM reach
    JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    JOIN manifests child ON child.digest = d.digest
),
parts(digest, size_bytes) AS (
    SELECT m.digest, m.size_bytes FROM reach JOIN manifests m ON m.id = reach.id
    UNION
    SELECT d.digest, d.size_bytes
    FROM reach JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role IN ('config', 'layer')
)
SELECT CAST(min(total(size_bytes), 9e18) AS INTEGER)
FROM (SELECT max(size_bytes) AS size_bytes FROM parts GROUP BY digest)
"""

_REMEMBER_REACHED = """
WITH RECURSIVE reach(id) AS (
    SELECT DISTINCT manifest_id FROM tags WHERE repository_id = :repository AND manifest_id IS NOT NULL
    UNION
    SELECT child.id
    FROM reach
    JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    JOIN manifests child ON child.digest = d.digest
)
INSERT OR IGNORE INTO repository_manifests (repository_id, manifest_id) SELECT :repository, id FROM reach
"""


def compute_image_sizes(session: Session, manifest_ids: Collection[int]) -> None:
    """Fill in `image_size_bytes`; it stays empty where a child is not in the catalogue."""
    session.execute(text(_IMAGE_SIZES), {"roots": json.dumps(list(manifest_ids))})


def repository_size(session: Session, repository_id: int) -> int:
    """Bytes that the tagged images of a repository take, each blob once."""
    return int(session.execute(text(_REPOSITORY_SIZE), {"repository": repository_id}).scalar_one())


def remember_reached(session: Session, repository_id: int) -> None:
    """Note every manifest that the repository's tags reach as seen in it."""
    session.execute(text(_REMEMBER_REACHED), {"repository": repository_id})


def known_sizes(session: Session, digests: Collection[str]) -> dict[str, int]:
    """The sizes of blobs in bytes, as the manifests that the catalogue ever saw state them; unknown ones are left out."""
    named = ManifestDescriptor
    uses = named.role.in_((DescriptorRole.CONFIG, DescriptorRole.LAYER))
    stated = select(named.digest, func.max(named.size_bytes)).where(uses, among(named.digest, digests))
    found = dict(session.execute(stated.group_by(named.digest)).all())
    own = select(Manifest.digest, Manifest.size_bytes).where(among(Manifest.digest, digests))
    return found | dict(session.execute(own).all())
