"""What a collection could free by what rules take, from the records: each blob once, what nothing that stays needs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# What goes with the roots: what only they name, and what refers to any of it. A child that is tagged, or part of another
# index, stays. Then all that and its layers, without those that anything else in the registry names. The numbers of a
# repository and a manifest are one number there: a pair that SQLite does not find it looks for once more among all,
# since one of them might be NULL.
_SPACE = """
WITH RECURSIVE roots(repository_id, id) AS MATERIALIZED (
    SELECT wanted.value ->> 0, m.id
    FROM json_each(:roots) wanted CROSS JOIN manifests m ON m.digest = wanted.value ->> 1
),
reached(repository_id, id) AS MATERIALIZED (
    SELECT repository_id, id FROM roots
    UNION
    SELECT reached.repository_id, child.id
    FROM reached
    CROSS JOIN manifest_descriptors d ON d.manifest_id = reached.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
    UNION
    SELECT reached.repository_id, d.manifest_id
    FROM reached
    CROSS JOIN manifests subject ON subject.id = reached.id
    CROSS JOIN manifest_descriptors d ON d.digest = subject.digest AND d.role = 'subject'
    CROSS JOIN repository_manifests r ON r.repository_id = reached.repository_id AND r.manifest_id = d.manifest_id
    UNION
    SELECT reached.repository_id, t.manifest_id
    FROM reached
    CROSS JOIN manifests subject ON subject.id = reached.id
    CROSS JOIN json_each('["", ".sig", ".att", ".sbom"]') suffix
    CROSS JOIN tags t ON t.repository_id = reached.repository_id
        AND t.name = replace(subject.digest, ':', '-') || suffix.value AND t.manifest_id IS NOT NULL
),
going(repository_id, id) AS MATERIALIZED (
    SELECT repository_id, id FROM roots
    UNION
    SELECT reached.repository_id, reached.id
    FROM reached
    CROSS JOIN manifests m ON m.id = reached.id
    WHERE NOT EXISTS (
        SELECT 1 FROM tags t
        WHERE t.manifest_id = reached.id AND +t.repository_id = reached.repository_id  -- by the index of manifests
          AND t.name NOT GLOB 'sha256-*' AND t.name NOT GLOB 'sha512-*'
    )
    AND NOT EXISTS (
        SELECT 1
        FROM manifest_descriptors d
        CROSS JOIN repository_manifests r ON r.manifest_id = d.manifest_id AND r.repository_id = reached.repository_id
        WHERE d.digest = m.digest AND d.role = 'child'
          AND (r.manifest_id << 32 | r.repository_id) NOT IN (SELECT id << 32 | repository_id FROM reached)
    )
),
layers(digest, size_bytes, first, last) AS MATERIALIZED (
    SELECT d.digest, max(d.size_bytes), min(going.repository_id), max(going.repository_id)
    FROM going CROSS JOIN manifest_descriptors d ON d.manifest_id = going.id AND d.role IN ('config', 'layer')
    WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
    GROUP BY d.digest
),
freed(size_bytes, first, last) AS (
    SELECT size_bytes, first, last
    FROM layers
    WHERE NOT EXISTS (
        SELECT 1
        FROM manifest_descriptors d
        CROSS JOIN repository_manifests r ON r.manifest_id = d.manifest_id
        WHERE d.digest = layers.digest AND d.role <> 'subject'
          AND (r.manifest_id << 32 | r.repository_id) NOT IN (SELECT id << 32 | repository_id FROM going)
    )
    UNION ALL
    SELECT m.size_bytes, min(going.repository_id), max(going.repository_id)
    FROM going
    CROSS JOIN manifests m ON m.id = going.id
    WHERE NOT EXISTS (
        SELECT 1
        FROM repository_manifests r
        WHERE r.manifest_id = going.id
          AND (r.manifest_id << 32 | r.repository_id) NOT IN (SELECT id << 32 | repository_id FROM going)
    )
    GROUP BY m.id
)
SELECT CASE WHEN first = last THEN first END, CAST(min(total(size_bytes), 9e18) AS INTEGER) FROM freed GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Freed:
    """Bytes that could come back: all together, and of each repository what no other one shares."""

    together: int
    of_each: dict[int, int]


def freed_by(session: Session, going: Iterable[tuple[int, str]]) -> Freed:
    """What could come back when some manifests go, named by the number of their repository and their digest."""
    roots = json.dumps(list(going))
    rows = session.execute(text(_SPACE), {"roots": roots}).all()
    return Freed(sum(size for _repository, size in rows), {each: size for each, size in rows if each is not None})
