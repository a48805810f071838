"""What was ever pushed to a tag, as the registry's store remembers it: each digest, and when last.

Read before a stand-in is put under a tag and again afterwards, it tells a push that came in between, which over HTTP
nothing would. Layout: distribution.md 7, `tags/<tag>/index`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from webapp.catalogue.revisions import REPOSITORIES
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound

Pushes = Mapping[str, int] | None
"""Digests, each with the time of its link in nanoseconds; None where the store cannot be read."""


def pushes_of(store: Path | None, repository: str, tag: str) -> Pushes:
    """All digests that a tag was ever on since it was last deleted."""
    if store is None:
        return None
    index = store / REPOSITORIES / repository / "_manifests/tags" / tag / "index"
    found: dict[str, int] = {}
    try:
        for each in [each for algorithm in index.iterdir() for each in algorithm.iterdir()]:
            with suppress(FileNotFoundError):  # a push makes the folder first and the link in it afterwards
                found[f"{each.parent.name}:{each.name}"] = (each / "link").stat().st_mtime_ns
    except OSError:
        return None
    return found


def pushes_until(pushes: Pushes, agreed: str, began_ns: int) -> Pushes:
    """What a look before an interrupted removal would have found: all but what came after `agreed`, and since then."""
    if pushes is None or agreed not in pushes:
        return None
    return {digest: at for digest, at in pushes.items() if at <= pushes[agreed] or at < began_ns}


def pushed_since(before: Pushes, after: Pushes, ours: str) -> str | None:
    """The digest that was pushed last between two looks, apart from our own; None where none was."""
    if before is None or after is None:
        return None
    new = {digest: at for digest, at in after.items() if digest != ours and before.get(digest) != at}
    return max(new, key=lambda digest: new[digest]) if new else None


def give_back(client: RegistryClient, repository: str, tag: str, pushed: str) -> bool:
    """Put a tag on what somebody pushed to it while we wrote to it; False where they have deleted that since.

    Raises:
        RegistryError: it could not be put back.
    """
    try:
        theirs = client.get_manifest(repository, pushed)
        client.put_manifest(repository, tag, theirs.media_type, theirs.raw)
    except NotFound:
        return False
    return True
