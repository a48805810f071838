"""What the tests of the trash repeat: a stage with a retention, the registry's own collector, the store's size."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.removal.stage import API, Stage

RETENTION = timedelta(days=14)


def in_trash(stage: Stage) -> Stage:
    """The same stage, whose removals go into the trash and whose store can be read."""
    return replace(stage, retention=RETENTION, store=stage.registry.store)


def collect(stage: Stage) -> None:
    """A plain collection by the registry's own collector, while nobody writes."""
    stage.registry.stop()
    stage.registry.collect()
    stage.registry.start()


def store_bytes(stage: Stage) -> int:
    """The bytes of all blobs in the store."""
    return sum(each.stat().st_size for each in (stage.registry.store / "docker/registry/v2/blobs").rglob("data"))


def raw_of(stage: Stage, reference: str) -> tuple[str, bytes]:
    """A manifest's media type and bytes, as the registry answers."""
    answer = stage.client.get_manifest(API, reference)
    return answer.media_type, answer.raw
