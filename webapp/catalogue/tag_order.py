"""What lists of tags are ordered by, copied from manifests to tags: an index orders by columns of one table only."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.catalogue.models import NEVER, NO_SIZE

_COPY = f"""
UPDATE tags
SET size_bytes = coalesce(image.image_size_bytes, {NO_SIZE}),
    created_at = coalesce(image.created_at, '{NEVER}'),
    platforms = coalesce(image.platforms, ''),
    image = coalesce(tags.digest, ''),
    image_pushed_at = coalesce(
        (SELECT max(same.pushed_at) FROM tags same WHERE same.repository_id = tags.repository_id AND same.digest = tags.digest),
        tags.pushed_at
    )
FROM tags this LEFT JOIN manifests image ON image.id = this.manifest_id
WHERE this.id = tags.id AND """  # noqa: S608 constants

_OF_IMAGES = f"""{_COPY} this.id IN (
    SELECT t.id FROM json_each(:digests) CROSS JOIN tags t ON t.repository_id = :repository AND t.digest = value
    UNION ALL
    SELECT id FROM tags WHERE repository_id = :repository AND digest IS NULL
)"""  # noqa: S608

_ON_MANIFESTS = f"{_COPY} this.manifest_id IN (SELECT value FROM json_each(:manifests))"  # noqa: S608


def order_tags(session: Session, repository_id: int, digests: Collection[str | None]) -> None:
    """Copy anew for the tags of some images of a repository, and for those without one."""
    session.flush()
    wanted = json.dumps(sorted(filter(None, digests)))
    session.execute(text(_OF_IMAGES), {"repository": repository_id, "digests": wanted})


def order_tags_on(session: Session, manifest_ids: Collection[int]) -> None:
    """Copy anew for the tags on some manifests, wherever they are."""
    session.flush()
    session.execute(text(_ON_MANIFESTS), {"manifests": json.dumps(list(manifest_ids))})
