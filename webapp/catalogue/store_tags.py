"""What a tag is on by its link in the registry's store: where that can be read, the registry need not be asked.

`current/link` is what the registry itself reads to answer for a tag (layout: distribution.md 7).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from webapp.catalogue.revisions import REPOSITORIES
from webapp.catalogue.seen import KnownTag, SeenTag
from webapp.catalogue.store_blobs import blob_file
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.names import is_digest

COARSEST_CLOCK = timedelta(seconds=2)
"""A file system may count the times of files in steps of so much: two writes within one leave the same time."""
TRIES = 2


def pushed_at(store: Path | None, repository: str, tag: str) -> datetime | None:
    """When the tag was last pushed: the time of its link in the store. None where that cannot be read."""
    try:
        return _time_of(_link(store, repository, tag)) if store is not None else None
    except OSError:
        return None


def read_in_store(store: Path, repository: str, tag: str, known: KnownTag | None) -> SeenTag | None:
    """A tag by its link, read only where it is newer than what is known.

    None where the registry has to be asked: the link or that of its manifest cannot be read, or the manifest's bytes
    are missing.
    """
    link = _link(store, repository, tag)
    try:
        linked_at = _time_of(link)
        if known and known.digest and known.linked_at == linked_at:
            digest = known.digest
        else:
            digest = _digest_in(link)
            if not _has_bytes(store, digest):
                return None
        algorithm, _, hexadecimal = digest.partition(":")
        os.stat(f"{store}/{REPOSITORIES}/{repository}/_manifests/revisions/{algorithm}/{hexadecimal}/link")  # noqa: PTH116  # many
    except (OSError, ValueError):
        return None
    return SeenTag(tag, digest, "", linked_at, is_read_in_store=True)


def is_the_registrys(client: RegistryClient, store: Path, repository: str, tag: str) -> bool:
    """Whether the registry says of a tag what its link in the store says. Somebody may push it in between: tried twice."""
    for _try in range(TRIES):
        try:
            answered = client.get_manifest(repository, tag).digest
        except NotFound:
            answered = ""
        except RegistryError:
            return True  # it did not say; whether it is away is for others to find out
        seen = read_in_store(store, repository, tag, None)
        if seen is None or seen.digest == answered:
            return True
    return False


def _link(store: Path | None, repository: str, tag: str) -> str:
    return f"{store}/{REPOSITORIES}/{repository}/_manifests/tags/{tag}/current/link"


def _time_of(link: str) -> datetime:
    return datetime.fromtimestamp(os.stat(link).st_mtime, UTC)  # noqa: PTH116  # a path is slower, and there are many


def _digest_in(link: str) -> str:
    digest = Path(link).read_text(encoding="ascii")
    if not is_digest(digest):
        raise ValueError(digest)
    return digest


def _has_bytes(store: Path, digest: str) -> bool:
    return blob_file(store, digest).stat().st_size > 0
