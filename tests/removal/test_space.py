"""The space that a removal promises is the space that the next collection gives back."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.build import image, layer
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage
from webapp.registry.client import RegistryClient


def stored_bytes(registry: RegistryProcess) -> int:
    return sum(path.stat().st_size for path in Path(registry.store).rglob("blobs/**/data"))


def test_what_other_images_share_is_not_counted(stage: Stage) -> None:
    base, one, two = layer("base", 5_000), layer("one", 1_000), layer("two", 1_000)
    stage.pusher.push(API, image([base, one]), ["1.0"])
    stage.pusher.push("team/web", image([base, two]), ["1.0"])
    stage.sync()

    freed = stage.look("1.0").space.bytes_freed

    assert 1_000 < freed < 5_000


def test_a_tag_that_leaves_its_manifest_promises_nothing(stage: Stage) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.retag("amd", children[0])
    stage.sync()

    assert stage.look("amd").space.bytes_freed == 0


@pytest.mark.parametrize(
    ("repository", "tags"),
    [
        ("team/api", ("1.4.0",)),
        ("team/api", ()),
        ("team/web", ("2.1", "latest")),
        ("alpine-base", ("3.20", "latest")),
    ],
)
def test_a_collection_frees_what_was_promised(
    repository: str,
    tags: tuple[str, ...],
    fleet_registry: RegistryProcess,
    fleet_client: RegistryClient,
    records: Records,
    clock: Clock,
) -> None:
    stage = Stage(fleet_registry, fleet_client, None, records, clock)  # type: ignore[arg-type]
    stage.sync()
    before = stored_bytes(fleet_registry)
    looked = stage.look(*tags, repository=repository)

    stage.press(looked)
    fleet_registry.collect()

    assert before - stored_bytes(fleet_registry) == looked.space.bytes_freed


def test_a_child_that_nobody_has_seen_and_that_was_deleted_below_its_index_counts(stage: Stage) -> None:
    index, children = stage.push_index("one", "1.0")
    for child in children:
        stage.client.delete_manifest(API, child.digest)

    freed = stage.look(index.digest, "1.0").space.bytes_freed

    assert freed == len(index.raw) + sum(len(child.raw) for child in children)


def test_a_child_that_another_repository_has_lost_below_its_index_holds_nothing_back(stage: Stage) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.pusher.push_index("team/web", children, ["1.0"])
    for child in children:
        stage.client.delete_manifest("team/web", child.digest)
    stage.sync()
    before = stored_bytes(stage.registry)

    looked = stage.look("1.0")
    stage.press(looked)
    stage.registry.collect()

    blobs = {blob.raw for child in children for blob in child.blobs}
    assert looked.space.bytes_freed == sum(len(raw) for raw in blobs)
    assert before - stored_bytes(stage.registry) == looked.space.bytes_freed
