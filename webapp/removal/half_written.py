"""A tag whose link the registry was writing when it ended: it answers 500 for ever, and with it every DELETE beside it.

A registry before 3.1 writes a link in place, so one that is killed leaves it empty (distribution.md 3.6). Only a PUT
under the tag heals that.
"""

from __future__ import annotations

from contextlib import suppress

from webapp.catalogue.revisions import REPOSITORIES
from webapp.registry.errors import RegistryFailed
from webapp.removal.ground import Ground
from webapp.removal.looks import head_digest, list_tags


def on_what_or_half_written(ground: Ground, tag: str) -> str | None:
    """The digest of a tag that we were writing to; None also where its link was left half written.

    Raises:
        RegistryError: it cannot be known at the moment.
    """
    try:
        return head_digest(ground.client, ground.repository, tag)
    except RegistryFailed:
        if not _is_left_half_written(ground, tag):
            raise
        return None


def _is_left_half_written(ground: Ground, tag: str) -> bool:
    if ground.remover.store is not None:
        link = ground.remover.store / REPOSITORIES / ground.repository / "_manifests/tags" / tag / "current/link"
        with suppress(OSError):
            return link.stat().st_size == 0
    return tag in list_tags(ground.client, ground.repository) and _fails_again(ground, tag)


def _fails_again(ground: Ground, tag: str) -> bool:
    """The registry reads its storage, as the list of tags just showed, and this tag still not."""
    try:
        head_digest(ground.client, ground.repository, tag)
    except RegistryFailed:
        return True
    return False
