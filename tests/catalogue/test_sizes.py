"""Sizes: each blob once, in an image and in a repository, whatever is shared and whatever a descriptor claims."""

from __future__ import annotations

import json

from demo.build import Built, image, index, layer
from demo.push import Pusher
from tests.catalogue.conftest import EVERYTHING, Shelf
from webapp.catalogue.listing import RepositoryOrder, repositories, total_size
from webapp.catalogue.sync import sync


def _bytes(*manifests: Built) -> int:
    """What some manifests take together, each of them and each blob once."""
    blobs = {blob.digest: len(blob.raw) for each in manifests for blob in each.blobs}
    own = {each.digest: len(each.raw) for each in manifests}
    return sum(blobs.values()) + sum(own.values())


def test_an_image_takes_its_manifest_its_configuration_and_its_layers(shelf: Shelf, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("a", 3_000), layer("b", 5_000)]), ["1.0"])
    sync(shelf.catalogue)
    assert shelf.tags("team/api")["1.0"].size_bytes == _bytes(built)


def test_a_layer_that_an_image_names_twice_counts_once(shelf: Shelf, pusher: Pusher) -> None:
    twice = layer("empty")
    built = pusher.push("team/api", image([twice, layer("b"), twice]), ["1.0"])
    sync(shelf.catalogue)
    assert shelf.tags("team/api")["1.0"].size_bytes == _bytes(built)


def test_an_index_takes_what_its_children_take_shared_layers_once(shelf: Shelf, pusher: Pusher) -> None:
    shared = layer("shared", 9_000)
    children = [image([shared, layer(each)], platform=each) for each in ("linux/amd64", "linux/arm64")]
    top = pusher.push_index("team/web", children, ["1.0"])
    sync(shelf.catalogue)
    assert shelf.tags("team/web")["1.0"].size_bytes == _bytes(top, *children)
    assert [each.size_bytes for each in shelf.children("team/web", "1.0")] == [_bytes(each) for each in children]


def test_an_index_of_indexes_takes_all_that_is_below_it_once(shelf: Shelf, pusher: Pusher) -> None:
    child = pusher.push("base", image([layer("x", 2_000)]))
    inner = pusher.push("base", index([child]))
    top = pusher.push("base", index([inner, child]), ["latest"])
    sync(shelf.catalogue)
    assert shelf.tags("base")["latest"].size_bytes == _bytes(top, inner, child)


def test_a_repository_takes_each_blob_once_however_many_tags_share_it(shelf: Shelf, pusher: Pusher) -> None:
    base = layer("base", 20_000)
    images = [image([base, layer(each)]) for each in ("1", "2", "3")]
    for number, each in enumerate(images):
        pusher.push("team/api", each, [f"1.{number}", f"again-{number}"])
    sync(shelf.catalogue)
    repository = shelf.repository("team/api")
    assert (repository.size_bytes, repository.tag_count, repository.image_count) == (_bytes(*images), 6, 3)


def test_a_repository_shrinks_with_the_tags_that_leave_it(shelf: Shelf, pusher: Pusher) -> None:
    base = layer("base", 20_000)
    stays = pusher.push("team/api", image([base, layer("1")]), ["1.0"])
    goes = pusher.push("team/api", image([base, layer("2")]), ["1.1"])
    sync(shelf.catalogue)
    shelf.catalogue.client.delete_manifest("team/api", goes.digest)
    sync(shelf.catalogue)
    assert shelf.repository("team/api").size_bytes == _bytes(stays)


def test_the_total_counts_each_repository_for_itself(shelf: Shelf, pusher: Pusher) -> None:
    built = image([layer("x", 1_000)])
    for name in ("a", "b"):
        pusher.push(name, built, ["1"])
    sync(shelf.catalogue)
    with shelf.records.reading() as session:
        assert total_size(session, EVERYTHING) == 2 * _bytes(built)


def test_sizes_that_nobody_can_believe_stop_nothing(shelf: Shelf, pusher: Pusher) -> None:
    """The registry takes a manifest whose descriptors claim any size (machine.md), and who pushes it is not trusted."""
    honest = image([layer("a"), layer("b")])
    document = json.loads(honest.raw)
    for each in document["layers"]:
        each["size"] = 2**63 - 1
    lie = Built(honest.media_type, json.dumps(document).encode(), honest.blobs)
    for name in ("evil/1", "evil/2"):
        pusher.push(name, lie, ["1.0"])
    pusher.push("team/api", honest, ["1.0"])
    assert sync(shelf.catalogue).is_complete
    assert shelf.tags("team/api")["1.0"].size_bytes == _bytes(honest)
    assert (shelf.tags("evil/1")["1.0"].size_bytes or 0) > 2**60
    with shelf.records.reading() as session:
        assert total_size(session, EVERYTHING) > 2**60
        assert len(repositories(session, EVERYTHING, order=RepositoryOrder.SIZE, size=1).rows) == 1
