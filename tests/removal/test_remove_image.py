"""Deleting a whole image: every tag of a repository, digest by digest, an index before its children."""

from __future__ import annotations

import pytest

from demo.fleet import API as FLEET_API
from demo.fleet import BASE, SHOP, WEB
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Meddler, Stage, build, nested, reasons, states, step_reasons, steps
from webapp.registry.client import RegistryClient
from webapp.registry.errors import RegistryFailed


def test_deleting_an_image_leaves_nothing_of_it_and_everything_else(stage: Stage) -> None:
    stage.push_index("one", "1.0", "latest")
    stage.push("two", "2.0")
    stage.pusher.push("team/web", build("one"), ["1.0"])
    stage.sync()

    removal = stage.remove()

    assert (removal.state, removal.tag) == ("done", None)
    assert states(removal) == {"1.0": "deleted", "2.0": "deleted", "latest": "deleted"}
    assert stage.tags() == stage.catalogued() == set()
    assert stage.pulls("1.0", "team/web")
    assert [tag for tag, outcome, _ in stage.activities() if outcome == "done"] == ["1.0", "2.0", "latest"]


def test_children_are_not_deleted_before_their_index(stage: Stage, client: RegistryClient) -> None:
    inner, children = stage.push_index("one", "inner")
    outer = stage.pusher.push(API, nested([inner, build("one", "linux/arm64")]), ["1.0"])
    stage.sync()
    meddler = Meddler(client)

    stage.remove(client=meddler)

    at = {digest: position for position, digest in enumerate(meddler.deleted)}
    assert at[outer.digest] < at[inner.digest] < min(at[child.digest] for child in children)


def test_untagged_manifests_that_the_catalogue_knows_go_too(stage: Stage) -> None:
    old, _ = stage.push_index("old", "latest")
    stage.sync()
    stage.push_index("new", "latest")
    stage.sync()

    removal = stage.remove()

    assert steps(removal)[old.digest] == "deleted"
    assert not any(stage.has(digest) for digest in steps(removal))


def test_what_was_tagged_at_the_last_sync_and_is_untagged_by_now_goes_too(stage: Stage) -> None:
    old = stage.push("old", "latest")
    stage.sync()
    new = stage.push("new", "latest")

    removal = stage.remove()

    assert steps(removal) == {old.digest: "deleted", new.digest: "deleted"}
    assert states(removal) == {"latest": "deleted"}


def test_what_is_pushed_while_an_image_is_deleted_stays(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.sync()

    removal = stage.press(stage.look(), started=lambda _: stage.pusher.push(API, build("two"), ["2.0"]))

    assert states(removal) == {"1.0": "deleted"}
    assert stage.tags() == {"2.0"}
    assert stage.pulls("2.0")


def test_each_digest_that_fails_says_why_and_the_others_go(stage: Stage, client: RegistryClient) -> None:
    one, two, three = (stage.push(name, f"{name}.0") for name in ("one", "two", "three"))
    stage.sync()

    class Failing(Meddler):
        def delete_manifest(self, repository: str, digest: str) -> None:
            if digest == two.digest:
                raise RegistryFailed("disk error")
            super().delete_manifest(repository, digest)

    meddler = Failing(client)
    meddler.before_delete = lambda digest: digest == three.digest and client.delete_manifest(API, digest)

    removal = stage.remove(client=meddler)

    assert removal.state == "partly"
    assert steps(removal) == {one.digest: "deleted", two.digest: "failed", three.digest: "already-gone"}
    assert states(removal) == {"one.0": "deleted", "two.0": "failed", "three.0": "already-gone"}
    assert reasons(removal)["two.0"] == "The registry reports an error of its own: disk error."
    assert stage.tags() == stage.catalogued() == {"two.0"}


def test_what_failed_can_be_tried_again(stage: Stage, client: RegistryClient) -> None:
    index, _ = stage.push_index("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()

    class Failing(Meddler):
        def delete_manifest(self, repository: str, digest: str) -> None:
            if digest == index.digest:
                raise RegistryFailed
            super().delete_manifest(repository, digest)

    first = stage.remove(client=Failing(client))

    assert states(first) == {"1.0": "failed", "2.0": "deleted"}
    assert stage.pulls("1.0")

    again = stage.remove()

    assert (again.state, states(again)) == ("done", {"1.0": "deleted"})
    assert not any(stage.has(digest) for digest in steps(first))


def test_the_children_of_an_index_that_failed_are_kept(stage: Stage, client: RegistryClient) -> None:
    index, children = stage.push_index("one", "1.0")
    stage.sync()

    class Failing(Meddler):
        def delete_manifest(self, repository: str, digest: str) -> None:
            if digest == index.digest:
                raise RegistryFailed
            super().delete_manifest(repository, digest)

    removal = stage.remove(client=Failing(client))

    assert {step_reasons(removal)[child.digest] for child in children} == {
        "It is part of an index that was not deleted."
    }
    assert stage.pulls("1.0")


@pytest.mark.parametrize("repository", [BASE, FLEET_API, SHOP, WEB])
def test_every_kind_of_image_can_be_deleted(
    repository: str,
    fleet_registry: RegistryProcess,
    fleet_client: RegistryClient,
    records: Records,
    clock: Clock,
) -> None:
    stage = Stage(fleet_registry, fleet_client, None, records, clock)  # type: ignore[arg-type]
    stage.sync()
    others = {BASE, FLEET_API, SHOP, WEB} - {repository}
    tags = {other: stage.tags(other) for other in others}

    removal = stage.remove(repository=repository)

    assert removal.state == "done"
    assert stage.tags(repository) == set()
    assert not any(stage.has(digest, repository) for digest in steps(removal))
    assert {other: {tag for tag in tags[other] if stage.pulls(tag, other)} for other in others} == tags
