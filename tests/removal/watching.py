"""A client whose every request that changes something is noted, and before and after which something can happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tests.removal.stage import Meddler, Stage, nothing
from webapp.registry.client import RegistryClient
from webapp.registry.manifests import STAND_IN

PATIENCE_S = 30


class Watcher(Meddler):
    """Notes each PUT and DELETE as (method, what it is about), tags by name."""

    def __init__(self, client: RegistryClient) -> None:
        super().__init__(client)
        self.changes: list[tuple[str, str]] = []
        self.stand_ins: set[str] = set()
        self.before_put: Callable[[str], None] = nothing
        self.after_put: Callable[[str], None] = nothing
        self.before_probe: Callable[[], None] = nothing

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        self.before_put(reference)
        self.changes.append(("PUT", reference))
        self.put.append(reference)
        digest = super().put_manifest(repository, reference, media_type, raw)
        if STAND_IN.encode() in raw:
            self.stand_ins.add(digest)
        self.after_put(reference)
        return digest

    def delete_manifest(self, repository: str, digest: str) -> None:
        if repository.startswith("holystone-"):
            self.before_probe()
            return RegistryClient.delete_manifest(self, repository, digest)
        self.changes.append(("DELETE", digest))
        return super().delete_manifest(repository, digest)

    def delete_tag(self, repository: str, tag: str) -> None:
        if not repository.startswith("holystone-"):
            self.changes.append(("DELETE", tag))
        super().delete_tag(repository, tag)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, a bounded time."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited in vain until {what}"
        time.sleep(0.001)


def all_pull(stage: Stage, references: Iterable[str]) -> bool:
    """Whether each of some tags or digests is there with all that it names."""
    return all(stage.pulls(each) for each in references)
