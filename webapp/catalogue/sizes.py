"""How large an image is: what pulling it takes, each blob once. Computed in the database."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor
from webapp.database import among
from webapp.registry.manifests import ManifestKind

SCHEMA_1_SAYS_NO_SIZE = "A manifest of schema 1 does not say how large its layers are."
A_CHILD_IS_MISSING = "A manifest that it names is not in this registry, or could not be read."

# What pulling a manifest takes: itself, its configuration and layers, and the same of its children. A descriptor may
# state any size for a digest, so the largest that was stated counts, once; and any sum of sizes, so that is bounded:
# sum() fails where it exceeds 63 bits. CROSS JOIN keeps SQLite from walking whole tables in place of a few manifests.
_IMAGE_SIZES = """
WITH RECURSIVE reach(root, id) AS (
    SELECT value, value FROM json_each(:roots)
    UNION
    SELECT reach.root, child.id
    FROM reach
    CROSS JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
),
parts(root, digest, size_bytes) AS (
    SELECT reach.root, m.digest, m.size_bytes FROM reach CROSS JOIN manifests m ON m.id = reach.id
    UNION ALL
    SELECT reach.root, d.digest, d.size_bytes
    FROM reach CROSS JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role IN ('config', 'layer')
),
blobs AS (SELECT root, digest, max(size_bytes) AS size_bytes FROM parts GROUP BY root, digest),
sums AS (
    SELECT root, CAST(min(total(size_bytes), 9e18) AS INTEGER) AS size_bytes FROM blobs GROUP BY root
),
unsized AS (
    SELECT reach.root
    FROM reach
    CROSS JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    LEFT JOIN manifests child ON child.digest = d.digest
    WHERE child.id IS NULL
    UNION
    SELECT reach.root FROM reach CROSS JOIN manifests m ON m.id = reach.id WHERE m.kind = 'schema1'
)
UPDATE manifests
SET image_size_bytes = sums.size_bytes
FROM sums
WHERE sums.root = manifests.id AND NOT EXISTS (SELECT 1 FROM unsized WHERE unsized.root = sums.root)
"""

# Some manifests, and the indexes above them that have no size yet: each may have waited for one of these.
_WAITING = """
WITH RECURSIVE above(id, digest) AS (
    SELECT m.id, m.digest FROM json_each(:new) new CROSS JOIN manifests m ON m.id = new.value
    UNION
    SELECT m.id, m.digest
    FROM above
    CROSS JOIN manifest_descriptors d ON d.digest = above.digest AND d.role = 'child'
    CROSS JOIN manifests m ON m.id = d.manifest_id
    WHERE m.image_size_bytes IS NULL
)
SELECT id FROM above
"""

_REMEMBER_REACHED = """
WITH RECURSIVE reach(id) AS (
    SELECT DISTINCT manifest_id FROM tags WHERE repository_id = :repository AND manifest_id IS NOT NULL
    UNION
    SELECT child.id
    FROM reach
    CROSS JOIN manifest_descriptors d ON d.manifest_id = reach.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
)
INSERT OR IGNORE INTO repository_manifests (repository_id, manifest_id) SELECT :repository, id FROM reach
"""


def compute_image_sizes(session: Session, new: Collection[int]) -> list[int]:
    """Fill in `image_size_bytes` of new manifests, and of the indexes that waited for one; returns all of them.

    It stays empty where a child is not in the catalogue, and where one is of schema 1.
    """
    ids = list(session.execute(text(_WAITING), {"new": json.dumps(list(new))}).scalars())
    session.execute(text(_IMAGE_SIZES), {"roots": json.dumps(ids)})
    return ids


def why_no_size(kind: str) -> str:
    """Why nothing is known of the size of a manifest that could be read."""
    return SCHEMA_1_SAYS_NO_SIZE if kind == ManifestKind.SCHEMA1 else A_CHILD_IS_MISSING


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
