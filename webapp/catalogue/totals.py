"""What a repository takes in the store, and what the whole registry does, each blob once. Computed in the database."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webapp.accounts.permissions import Visibility
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.state import registry_state
from webapp.catalogue.untagged_marks import mark_untagged
from webapp.database import Reading, Writing

MOST_TAKEN_OFF = 1000
"""So many manifests are counted out of the registry's size at once, inside of a transaction that others wait for."""

# The manifests that a repository holds, or that all do. Where all of its manifests are known these are they: a
# collection keeps each, tagged or not. Else they are what its tags reach.
_HELD = """
WITH RECURSIVE tagged(id) AS (
    SELECT t.manifest_id
    FROM repositories p
    CROSS JOIN tags t ON t.repository_id = p.id
    WHERE p.revisions_read_at IS NULL AND t.manifest_id IS NOT NULL AND p.id = :repository
    UNION
    SELECT child.id
    FROM tagged
    CROSS JOIN manifest_descriptors d ON d.manifest_id = tagged.id AND d.role = 'child'
    CROSS JOIN manifests child ON child.digest = d.digest
),
held(id) AS (
    SELECT r.manifest_id
    FROM repositories p
    CROSS JOIN repository_manifests r ON r.repository_id = p.id
    WHERE p.revisions_read_at IS NOT NULL AND p.id = :repository
    UNION
    SELECT id FROM tagged
)
"""

# A collection keeps what a manifest names, also a child that is deleted. Layers that may not be distributed are
# elsewhere, and take no space here.
_SPACE = """
SELECT CAST(min(total(size_bytes), 9e18) AS INTEGER)
FROM (
    SELECT max(size_bytes) AS size_bytes
    FROM (
        SELECT m.digest, m.size_bytes FROM held CROSS JOIN manifests m ON m.id = held.id
        UNION ALL
        SELECT d.digest, d.size_bytes
        FROM held
        CROSS JOIN manifest_descriptors d ON d.manifest_id = held.id AND d.role <> 'subject'
        WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
    )
    GROUP BY digest
)
"""

_REPOSITORY_SPACE = _HELD + _SPACE
_REGISTRY_SPACE = _REPOSITORY_SPACE.replace(" AND p.id = :repository", "")

# Manifests whose bytes a repository has, and of which nobody knows how much they take with them.
_UNSIZED = """
SELECT (SELECT count(*) FROM held CROSS JOIN manifests m ON m.id = held.id WHERE m.kind = 'schema1') + (
    SELECT count(DISTINCT digest) FROM tags WHERE repository_id = :repository AND manifest_id IS NULL
)
"""

_LEFT_OUT = _HELD + _UNSIZED

# The blobs of some manifests that nothing else names: neither what stays in this repository, nor anything of another.
_HELD_ONLY_BY = """
WITH going(id) AS MATERIALIZED (
    SELECT m.id FROM json_each(:manifests) wanted CROSS JOIN manifests m ON m.digest = wanted.value
),
named(digest, size_bytes) AS (
    SELECT m.digest, m.size_bytes FROM going CROSS JOIN manifests m ON m.id = going.id
    UNION ALL
    SELECT d.digest, d.size_bytes
    FROM going CROSS JOIN manifest_descriptors d ON d.manifest_id = going.id AND d.role <> 'subject'
    WHERE d.media_type NOT LIKE '%.foreign.%' AND d.media_type NOT LIKE '%.nondistributable.%'
),
blobs(digest, size_bytes) AS MATERIALIZED (SELECT digest, max(size_bytes) FROM named GROUP BY digest)
SELECT CAST(min(total(size_bytes), 9e18) AS INTEGER)
FROM blobs
WHERE NOT EXISTS (
    SELECT 1
    FROM manifest_descriptors d
    CROSS JOIN repository_manifests r ON r.manifest_id = d.manifest_id
    WHERE d.digest = blobs.digest AND d.role <> 'subject'
      AND (r.repository_id <> :repository OR d.manifest_id NOT IN (SELECT id FROM going))
)
AND NOT EXISTS (
    SELECT 1
    FROM manifests m
    CROSS JOIN repository_manifests r ON r.manifest_id = m.id
    WHERE m.digest = blobs.digest AND (r.repository_id <> :repository OR m.id NOT IN (SELECT id FROM going))
)
"""


@dataclass(frozen=True, slots=True)
class Total:
    """What some manifests take together, each blob once.

    Attributes:
        size_bytes: None where it is not known.
        left_out: how many manifests are not counted: they could not be read, or do not say how large they are.
    """

    size_bytes: int | None
    left_out: int = 0


def measure(session: Session, repository: Repository) -> None:
    """Compute anew what a repository takes, and what is untagged. To be called whenever its tags or manifests changed."""
    session.flush()
    mark_untagged(session, repository.id)
    values = {"repository": repository.id}
    repository.size_bytes = int(session.execute(text(_REPOSITORY_SPACE), values).scalar_one())
    repository.left_out = int(session.execute(text(_LEFT_OUT), values).scalar_one())
    registry_state(session).content_version += 1


def measure_registry(reading: Reading, writing: Writing) -> None:
    """Compute anew what the whole registry takes, unless nothing has changed since it was last computed.

    This walks all manifests, for seconds where there are hundreds of thousands, so it is done while only reading. What
    changes meanwhile is left to the next time.
    """
    with reading() as session:
        state = session.get(RegistryState, 1)
        if state is None or state.measured_version == state.content_version:
            return
        version = state.content_version
        size_bytes = int(session.execute(text(_REGISTRY_SPACE)).scalar_one())
        left_out = session.scalar(select(func.sum(Repository.left_out)))
    with writing() as session:
        state = registry_state(session)
        if state.content_version == version:
            state.size_bytes, state.left_out, state.measured_version = size_bytes, left_out or 0, version


def size_of_registry(session: Session, visibility: Visibility) -> Total:
    """What the whole registry takes, for whoever may see all of it, as it was last computed."""
    state = session.get(RegistryState, 1)
    if state is None or not visibility.sees_everything:
        return Total(None)
    return Total(state.size_bytes, state.left_out)


def is_every_manifest_known(session: Session) -> bool:
    """Whether all manifests of every repository with tags are known; else untagged ones may take space, too."""
    unknown = select(Repository.id).where(Repository.revisions_read_at.is_(None), Repository.tag_count > 0)
    return session.scalar(unknown.limit(1)) is None


def held_only_by(session: Session, repository: Repository, manifests: Collection[str]) -> int:
    """Bytes that some manifests of a repository take, by themselves and by what nothing else in the registry needs."""
    values = {"manifests": json.dumps(sorted(manifests)), "repository": repository.id}
    return int(session.execute(text(_HELD_ONLY_BY), values).scalar_one())


def take_off(session: Session, repository: Repository, manifests: Collection[str]) -> None:
    """Count some manifests out of the whole registry's size. To be called before they are forgotten.

    Many at once are left to the next sync, which computes it anew.
    """
    state = registry_state(session)
    if state.size_bytes is not None and len(manifests) <= MOST_TAKEN_OFF:
        state.size_bytes = max(0, state.size_bytes - held_only_by(session, repository, manifests))
