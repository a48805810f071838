"""The largest tags and layers of the registry, with what uses them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.catalogue.held import HELD
from webapp.catalogue.models import NO_SIZE

LARGEST = 20
"""So many tags and layers are named."""

_LAYERS = """
SELECT d.digest, max(d.size_bytes) AS size_bytes, count(DISTINCT held.id), count(DISTINCT held.repository_id)
FROM held CROSS JOIN manifest_descriptors d ON d.manifest_id = held.id AND d.role = 'layer'
WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
GROUP BY d.digest
ORDER BY size_bytes DESC, d.digest
LIMIT :number
"""

# The tags that reach some layers, by whatever indexes, and of each layer the one that was pushed last.
_REACHING = """
WITH RECURSIVE reaching(layer, id) AS (
    SELECT wanted.value, d.manifest_id
    FROM json_each(:digests) wanted
    CROSS JOIN manifest_descriptors d ON d.digest = wanted.value AND d.role = 'layer'
    UNION
    SELECT reaching.layer, d.manifest_id
    FROM reaching
    CROSS JOIN manifests m ON m.id = reaching.id
    CROSS JOIN manifest_descriptors d ON d.digest = m.digest AND d.role = 'child'
)
SELECT layer, number, repository, tag
FROM (
    SELECT
        reaching.layer AS layer,
        p.name AS repository,
        t.name AS tag,
        count(*) OVER (PARTITION BY reaching.layer) AS number,
        row_number() OVER (PARTITION BY reaching.layer ORDER BY t.pushed_at DESC, t.id DESC) AS place
    FROM reaching
    CROSS JOIN tags t ON t.manifest_id = reaching.id
    CROSS JOIN repositories p ON p.id = t.repository_id
)
WHERE place = 1
"""

_LARGEST_TAGS = """
WITH largest(manifest_id, size_bytes, number) AS MATERIALIZED (
    SELECT manifest_id, max(size_bytes), count(*)
    FROM tags
    WHERE manifest_id IS NOT NULL AND size_bytes > :no_size
    GROUP BY manifest_id
    ORDER BY max(size_bytes) DESC, manifest_id
    LIMIT :number
)
SELECT repository, tag, size_bytes, number - 1
FROM (
    SELECT
        p.name AS repository,
        t.name AS tag,
        largest.size_bytes AS size_bytes,
        largest.number AS number,
        largest.manifest_id AS manifest_id,
        row_number() OVER (PARTITION BY largest.manifest_id ORDER BY t.pushed_at DESC, t.id DESC) AS place
    FROM largest
    CROSS JOIN tags t ON t.manifest_id = largest.manifest_id
    CROSS JOIN repositories p ON p.id = t.repository_id
)
WHERE place = 1
ORDER BY size_bytes DESC, manifest_id
"""


Rows = list[dict[str, Any]]
"""Rows of a table, as they are inserted."""


def largest_tags(session: Session) -> Rows:
    """The tags of the largest images, one of each image: the one that was pushed last."""
    rows = session.execute(text(_LARGEST_TAGS), {"no_size": NO_SIZE, "number": LARGEST})
    return [
        {"place": place, "repository": repository, "tag": tag, "size_bytes": size_bytes, "others": others}
        for place, (repository, tag, size_bytes, others) in enumerate(rows)
    ]


def largest_layers(session: Session) -> Rows:
    """The largest layers, each with the tag that was pushed last of those that reach it."""
    rows = session.execute(text(HELD + _LAYERS), {"number": LARGEST}).all()
    digests = json.dumps([row[0] for row in rows])
    reaching = {layer: found for layer, *found in session.execute(text(_REACHING), {"digests": digests})}
    names = ("place", "digest", "size_bytes", "manifests", "repositories", "tags", "repository", "tag")
    return [
        dict(zip(names, (place, *row, *reaching.get(row[0], (0, "", ""))), strict=True))
        for place, row in enumerate(rows)
    ]
