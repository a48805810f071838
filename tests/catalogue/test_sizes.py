"""Sizes: each blob once, in an image and in a repository, whatever is shared and whatever a descriptor claims."""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from demo.build import Built, image, index, layer
from demo.push import Pusher
from tests.catalogue.conftest import EVERYTHING, Shelf
from tests.commands import runner
from tests.odd_manifests import ODD, add_odd
from tests.records import Clock
from webapp.catalogue import totals
from webapp.catalogue.listing import RepositoryOrder, repositories
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.revisions import REPOSITORIES, Lookup, read_in_store
from webapp.catalogue.rows import forget
from webapp.catalogue.sizes import A_CHILD_IS_MISSING, SCHEMA_1_SAYS_NO_SIZE
from webapp.catalogue.sync import sync
from webapp.catalogue.totals import Total, measure_registry, size_of_registry
from webapp.cli.catalogue import repositories as repositories_command


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


def test_the_whole_registry_takes_each_blob_once_whatever_repositories_share(shelf: Shelf, pusher: Pusher) -> None:
    base = layer("base", 20_000)
    images = [image([base, layer(each)]) for each in ("1", "2")]
    for number, each in enumerate(images):
        pusher.push(f"team/{number}", each, ["1.0"])
    pusher.push("team/again", images[0], ["1.0"])
    sync(shelf.catalogue)
    assert _registry(shelf) == Total(_bytes(*images), 0)


def test_it_is_not_known_before_the_first_sync_has_ended(shelf: Shelf) -> None:
    assert _registry(shelf) == Total(None)


def test_a_sync_that_changes_nothing_does_not_compute_it_anew(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("a")]), ["1.0"])
    sync(shelf.catalogue)
    version = shelf.state().content_version
    _say_it_takes(shelf, 7)
    sync(shelf.catalogue)
    assert (shelf.state().content_version, _registry(shelf)) == (version, Total(7))

    built = [pusher.push("team/api", image([layer(each)]), [each]) for each in ("a", "b")]
    sync(shelf.catalogue)
    assert _registry(shelf) == Total(_bytes(*built))


def test_what_changes_while_it_is_computed_is_left_to_the_next_time(shelf: Shelf, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("a")]), ["1.0"])
    sync(shelf.catalogue)
    _say_it_takes(shelf, 7)
    with shelf.records.writing() as session:
        session.get_one(RegistryState, 1).content_version += 1

    def after_a_change() -> AbstractContextManager[Session]:
        with shelf.records.writing() as session:
            session.get_one(RegistryState, 1).content_version += 1
        return shelf.records.writing()

    measure_registry(shelf.records.reading, after_a_change)
    assert _registry(shelf) == Total(7)
    sync(shelf.catalogue)
    assert _registry(shelf) == Total(_bytes(built))


def test_a_removal_takes_off_at_once_what_nothing_else_needs(shelf: Shelf, pusher: Pusher) -> None:
    base = layer("base", 20_000)
    stays, goes = (pusher.push("team/api", image([base, layer(each)]), [each]) for each in ("stays", "goes"))
    sync(shelf.catalogue)
    with shelf.records.writing() as session:
        forget(session, "team/api", ["goes"], [goes.digest], shelf.catalogue.now())
    assert _registry(shelf) == Total(_bytes(stays))
    assert shelf.repository("team/api").size_bytes == _bytes(stays)


def test_so_many_that_it_would_take_long_are_left_to_the_next_sync(
    shelf: Shelf, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MOST_TAKEN_OFF", 0)
    built = pusher.push("team/api", image([layer("a")]), ["1.0"])
    sync(shelf.catalogue)
    shelf.catalogue.client.delete_manifest("team/api", built.digest)
    with shelf.records.writing() as session:
        forget(session, "team/api", ["1.0"], [built.digest], shelf.catalogue.now())
    assert _registry(shelf) == Total(_bytes(built))
    sync(shelf.catalogue)
    assert _registry(shelf) == Total(0)


def test_an_untagged_manifest_counts_where_it_is_known(shelf: Shelf, pusher: Pusher) -> None:
    tagged = pusher.push("team/api", image([layer("a")]), ["1.0"])
    untagged = pusher.push("team/api", image([layer("b")]))
    blind, seeing = shelf.catalogue, replace(shelf.catalogue, revisions=lambda: _in_store(shelf))
    sync(blind)
    assert (shelf.repository("team/api").size_bytes, _registry(shelf)) == (_bytes(tagged), Total(_bytes(tagged)))
    sync(seeing)
    both = _bytes(tagged, untagged)
    assert (shelf.repository("team/api").size_bytes, _registry(shelf)) == (both, Total(both))


def test_a_manifest_that_lost_its_tag_counts_as_soon_as_it_is_known_to_be_there(shelf: Shelf, pusher: Pusher) -> None:
    old, new = image([layer("a")]), image([layer("b")])
    for built in (old, new):
        pusher.push("team/api", built, ["1.0"])
        sync(shelf.catalogue)
    assert shelf.repository("team/api").size_bytes == _bytes(new)
    sync(replace(shelf.catalogue, revisions=lambda: _in_store(shelf)))
    assert shelf.repository("team/api").size_bytes == _bytes(old, new)


def test_of_two_sizes_that_are_stated_for_a_blob_the_larger_counts_once(shelf: Shelf, pusher: Pusher) -> None:
    honest = pusher.push("team/api", image([layer("a", 3_000)]), ["1.0"])
    document = json.loads(honest.raw)
    document["layers"][0]["size"] += 500
    other = pusher.push("team/api", Built(honest.media_type, json.dumps(document).encode(), honest.blobs), ["1.1"])
    sync(shelf.catalogue)
    expected = _bytes(honest, other) + 500
    assert (shelf.repository("team/api").size_bytes, _registry(shelf)) == (expected, Total(expected))


def test_a_repository_that_is_gone_with_its_folder_takes_nothing(shelf: Shelf, pusher: Pusher, clock: Clock) -> None:
    seeing = replace(shelf.catalogue, revisions=lambda: _in_store(shelf))
    stays = pusher.push("team/stays", image([layer("a")]), ["1.0"])
    pusher.push("team/goes", image([layer("b")]), ["1.0"])
    sync(seeing)
    shutil.rmtree(shelf.registry.store / REPOSITORIES / "team/goes")
    clock.advance(minutes=5)
    sync(seeing)
    assert _registry(shelf) == Total(_bytes(stays))


def test_an_image_of_schema_1_has_no_size_and_is_said_to_be_left_out(shelf: Shelf) -> None:
    with shelf.records.writing() as session:
        add_odd(session, shelf.catalogue.now())
    tags = shelf.tags(ODD)
    assert (tags["old"].size_bytes, tags["old"].size_reason) == (None, SCHEMA_1_SAYS_NO_SIZE)
    assert (tags["holed"].size_bytes, tags["holed"].size_reason) == (None, A_CHILD_IS_MISSING)
    assert shelf.repository(ODD).left_out == len({"old", "not-read"})


def test_the_terminal_says_how_much_each_repository_takes_and_all_of_them(
    shelf: Shelf, pusher: Pusher, clock: Clock
) -> None:
    built = pusher.push("team/api", image([layer("a")]), ["1.0"])
    run = runner(repositories_command, shelf.records, clock)
    assert "an unknown number of bytes together, each blob once." in run().output
    sync(shelf.catalogue)
    printed = run()
    assert printed.stdout == f"team/api\t1 tags\t{_bytes(built)} bytes\n"
    assert printed.stderr == f"{_bytes(built)} bytes together, each blob once.\n"
    (row,) = json.loads(run("--json").stdout)
    assert (row["size_bytes"], row["manifests_left_out"]) == (_bytes(built), 0)
    with shelf.records.writing() as session:
        session.query(Repository).one().left_out = 1
    assert f"at least {_bytes(built)} bytes" in run().stdout


def test_an_index_that_waited_for_a_child_makes_its_repository_larger(shelf: Shelf, pusher: Pusher) -> None:
    """Only its tags tell what such a repository reaches, and they have not changed."""
    here, missing = image([layer("here")]), image([layer("missing", 9_000)], platform="linux/arm64")
    top = pusher.push_index("team/web", [here, missing], ["1.0"])
    shelf.catalogue.client.delete_manifest("team/web", missing.digest)
    sync(shelf.catalogue)
    pusher.push("team/web", missing, ["again"])
    pusher.push("other", missing, ["1.0"])
    shelf.catalogue.client.delete_manifest("team/web", missing.digest)
    sync(shelf.catalogue)
    assert shelf.tags("team/web").keys() == {"1.0"}
    assert shelf.repository("team/web").size_bytes == _bytes(top, here, missing)


def _registry(shelf: Shelf) -> Total:
    with shelf.records.reading() as session:
        return size_of_registry(session, EVERYTHING)


def _say_it_takes(shelf: Shelf, size_bytes: int) -> None:
    with shelf.records.writing() as session:
        session.get_one(RegistryState, 1).size_bytes = size_bytes


def _in_store(shelf: Shelf) -> Lookup:
    return lambda repository: read_in_store(shelf.registry.store, repository)


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
        assert (size_of_registry(session, EVERYTHING).size_bytes or 0) > 2**60
        assert len(repositories(session, EVERYTHING, order=RepositoryOrder.SIZE, size=1).rows) == 1
