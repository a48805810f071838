"""Removing a tag: what goes with it, what stays and why, what is refused."""

from __future__ import annotations

import pytest

from demo.build import index
from tests.removal.stage import (
    API,
    Stage,
    build,
    digests,
    platforms,
    stand_ins,
    states,
    steps,
)
from webapp.registry.client import RegistryClient
from webapp.removal.execute import PlanChanged
from webapp.removal.wanted import Siblings


def test_removing_one_tag_leaves_the_others_pullable(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()

    removal = stage.remove("1.0")

    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted"})
    assert stage.tags() == stage.catalogued() == {"2.0"}
    assert stage.pulls("2.0")
    assert stage.activities() == [("1.0", "done", "")]


def test_a_tag_that_the_catalogue_has_not_seen_yet_can_be_removed(stage: Stage) -> None:
    stage.push("one", "1.0")

    assert states(stage.remove("1.0")) == {"1.0": "deleted"}
    assert stage.tags() == set()


def test_the_record_says_who_removed_what_from_where_and_when(stage: Stage) -> None:
    built = stage.push("one", "1.0")

    removal = stage.remove("1.0")

    assert (removal.actor, removal.place, removal.repository, removal.tag) == ("alice", "192.0.2.1", API, "1.0")
    assert (removal.started_at, removal.finished_at) == (stage.clock.at, stage.clock.at)
    assert [tag.digest for tag in removal.tags] == [built.digest]


def test_siblings_are_named_and_stay(stage: Stage) -> None:
    built = stage.push("one", "1.0", "1", "latest")
    stage.sync()

    looked = stage.look("1.0")
    removal = stage.press(looked)

    assert looked.plan.siblings == ("1", "latest")
    assert (states(removal), steps(removal)) == ({"1.0": "deleted"}, {})
    assert stage.tags() == stage.catalogued() == {"1", "latest"}
    assert stage.pulls("latest")
    assert stage.pulls(built.digest)
    assert stage.activities() == [("1.0", "done", "")]
    assert stand_ins(stage) == []


def test_siblings_go_along_where_that_was_chosen(stage: Stage) -> None:
    built = stage.push("one", "1.0", "1", "latest")
    stage.push("two", "2.0")
    stage.sync()

    looked = stage.look("1.0", siblings=Siblings.REMOVE)
    removal = stage.press(looked)

    assert looked.plan.siblings == ("1", "latest")
    assert states(removal) == {"1": "deleted", "1.0": "deleted", "latest": "deleted"}
    assert steps(removal) == {built.digest: "deleted"}
    assert stage.tags() == {"2.0"}
    assert stage.activities() == [("1", "done", ""), ("1.0", "done", ""), ("latest", "done", "")]


def test_a_sibling_pushed_since_the_last_sync_is_named(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    stage.retag("latest", built)

    assert stage.look("1.0").plan.siblings == ("latest",)


def test_a_multi_platform_image_goes_with_its_children(stage: Stage) -> None:
    built, children = stage.push_index("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()

    removal = stage.remove("1.0")

    assert removal.steps[0].digest == built.digest
    assert set(steps(removal)) == {built.digest} | digests(children)
    assert not any(stage.has(digest) for digest in steps(removal))
    assert stage.pulls("2.0")


def test_a_child_that_another_image_holds_stays(stage: Stage) -> None:
    shared, own, other = build("shared"), build("own", "linux/arm64"), build("other", "linux/arm64")
    stage.pusher.push_index(API, [shared, own], ["1.0"])
    stage.pusher.push_index(API, [shared, other], ["2.0"])
    stage.sync()

    looked = stage.look("1.0")
    stage.press(looked)

    assert {each.name: each.reason for each in looked.plan.kept} == {shared.digest: "It is part of 2.0."}
    assert stage.pulls("2.0")
    assert not stage.has(own.digest)


def test_a_tag_on_a_child_of_an_index_goes_alone(stage: Stage) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.retag("1.0-amd64", children[0])
    stage.sync()

    looked = stage.look("1.0-amd64")
    removal = stage.press(looked)

    assert {each.name: each.reason for each in looked.plan.kept} == {children[0].digest: "It is part of 1.0."}
    assert (states(removal), steps(removal)) == ({"1.0-amd64": "deleted"}, {})
    assert stage.tags() == {"1.0"}
    assert stage.pulls("1.0")


def test_a_manifest_that_an_index_holds_is_refused_by_its_digest(stage: Stage) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.sync()

    looked = stage.look(children[0].digest)

    assert looked.plan.refusal.endswith("It is part of 1.0.")
    with pytest.raises(PlanChanged):
        stage.press(looked)
    assert stage.pulls("1.0")
    assert stage.removals() == []


def test_an_untagged_index_that_is_still_there_holds_its_children(stage: Stage) -> None:
    shared = build("shared")
    old = stage.pusher.push_index(API, [shared, build("old", "linux/arm64")], ["latest"])
    stage.sync()
    stage.pusher.push_index(API, [shared, build("new", "linux/arm64")], ["latest"])

    stage.remove("latest")

    assert stage.pulls(old.digest)


def test_an_index_that_somebody_else_deleted_holds_nothing(stage: Stage, client: RegistryClient) -> None:
    built, children = stage.push_index("one", "1.0")
    stage.retag("amd", children[0])
    stage.sync()
    client.delete_manifest(API, built.digest)

    assert states(stage.remove("amd")) == {"amd": "deleted"}


def test_an_index_pushed_since_the_last_sync_holds_its_children(stage: Stage) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.sync()
    stage.pusher.push(API, index([children[0]]), ["2.0"])

    kept = {each.name: each.reason for each in stage.look("1.0").plan.kept}

    assert kept == {children[0].digest: "It is part of 2.0."}


def test_a_tag_that_is_gone_already_is_no_failure(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.sync()

    removal = stage.remove("0.9")

    assert (removal.state, states(removal)) == ("done", {"0.9": "already-gone"})
    assert stage.activities() == [("0.9", "already_gone", "")]


def test_names_that_look_like_addresses_are_names(stage: Stage) -> None:
    for repository in ("team/delete", "team/tags", "a/b/manifests"):
        stage.pusher.push(repository, platforms("one")[0], ["tags", "list", "manifests"])

    for repository in ("team/delete", "team/tags", "a/b/manifests"):
        assert states(stage.remove("list", repository=repository))["list"] == "deleted"
