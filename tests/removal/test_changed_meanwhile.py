"""What others push between the dialog and the button, and between the button and the DELETE."""

from __future__ import annotations

import pytest

from demo.build import index
from tests.removal.stage import (
    API,
    Meddler,
    Stage,
    build,
    once,
    reasons,
    states,
    step_reasons,
    steps,
)
from webapp.registry.client import RegistryClient
from webapp.removal.execute import PlanChanged, preview
from webapp.removal.wanted import Wanted


def test_a_sibling_pushed_between_dialog_and_button_shows_the_new_plan(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    looked = stage.look("1.0")
    stage.retag("latest", built)

    with pytest.raises(PlanChanged) as changed:
        stage.press(looked)

    assert changed.value.preview.plan.siblings == ("latest",)
    assert stage.tags() == {"1.0", "latest"}
    assert (stage.removals(), stage.activities()) == ([], [])


def test_a_tag_pushed_anew_between_dialog_and_button_shows_the_new_plan(stage: Stage) -> None:
    stage.push("one", "latest")
    stage.sync()
    looked = stage.look("latest")
    new = stage.push("two", "latest")

    with pytest.raises(PlanChanged) as changed:
        stage.press(looked)

    assert dict(changed.value.preview.plan.tags) == {"latest": new.digest}
    assert stage.pulls("latest")


def test_an_unrelated_push_between_dialog_and_button_does_not_matter(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.sync()
    looked = stage.look("1.0")
    stage.push("two", "2.0")

    assert states(stage.press(looked)) == {"1.0": "deleted"}


def test_a_tag_put_on_the_digest_after_the_button_keeps_it(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.sync()

    removal = stage.press(stage.look("1.0"), started=lambda _: stage.retag("latest", built))

    assert (removal.state, states(removal)) == ("failed", {"1.0": "kept"})
    assert reasons(removal) == {"1.0": "latest is on it since you looked."}
    assert stage.activities() == [("1.0", "kept", "latest is on it since you looked.")]
    assert stage.pulls("1.0")
    assert stage.pulls("latest")


def test_a_tag_that_was_elsewhere_at_the_last_sync_keeps_the_digest(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.push("two", "latest")
    stage.sync()
    stage.retag("latest", built)

    removal = stage.remove("1.0")

    assert reasons(removal) == {"1.0": "latest is on it since you looked."}
    assert stage.pulls("latest")


def test_a_new_index_that_holds_a_child_keeps_the_child(stage: Stage) -> None:
    old, children = stage.push_index("one", "1.0")
    stage.sync()

    removal = stage.press(stage.look("1.0"), started=lambda _: stage.pusher.push(API, index([children[0]]), ["2.0"]))

    assert steps(removal) == {old.digest: "deleted", children[0].digest: "kept", children[1].digest: "deleted"}
    assert step_reasons(removal)[children[0].digest] == "2.0 holds it."
    assert states(removal) == {"1.0": "deleted"}
    assert removal.state == "partly"
    assert stage.pulls("2.0")


def test_a_tag_pushed_anew_after_the_button_is_kept_with_all_that_it_names(stage: Stage) -> None:
    old, children = stage.push_index("one", "latest")
    stage.sync()
    new = index([children[0], build("new", "linux/arm64")])

    def push_anew(_: int) -> None:
        stage.pusher.push(API, build("new", "linux/arm64"))
        stage.pusher.push(API, new, ["latest"])

    removal = stage.press(stage.look("latest"), started=push_anew)

    assert states(removal) == {"latest": "kept"}
    assert reasons(removal)["latest"].startswith("Changed since you looked")
    assert set(steps(removal).values()) == {"kept"}
    assert stage.pulls("latest")
    assert stage.pulls(old.digest)


def test_an_index_that_could_not_be_deleted_keeps_its_children(stage: Stage, client: RegistryClient) -> None:
    built, children = stage.push_index("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    removal = stage.press(stage.look("1.0"), meddler, started=lambda _: stage.retag("latest", built))

    assert meddler.deleted == []
    assert set(steps(removal).values()) == {"kept"}
    assert {step_reasons(removal)[child.digest] for child in children} == {
        "It is part of an index that was not deleted."
    }
    assert stage.pulls("1.0")


def test_a_tag_pushed_anew_for_one_of_two_leaves_the_other_to_be_removed(stage: Stage) -> None:
    one = stage.push("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()
    looked = stage.look("1.0", "2.0")

    removal = stage.press(looked, started=once(lambda: stage.push("three", "1.0")))

    assert states(removal) == {"1.0": "kept", "2.0": "deleted"}
    assert steps(removal)[one.digest] == "kept"
    assert removal.state == "partly"
    assert stage.pulls("1.0")


def test_a_tag_pushed_anew_keeps_what_it_needs_of_another_that_goes(stage: Stage) -> None:
    stage.push("one", "latest")
    old, children = stage.push_index("two", "2.0")
    stage.sync()

    removal = stage.press(
        stage.look("2.0", "latest"), started=once(lambda: stage.pusher.push(API, index([children[0]]), ["latest"]))
    )

    assert states(removal) == {"2.0": "deleted", "latest": "kept"}
    assert steps(removal)[old.digest] == "deleted"
    assert step_reasons(removal)[children[0].digest] == "latest holds it."
    assert stage.pulls("latest")


class Forgetful(RegistryClient):
    """Leaves a tag out of its lists, as registries on S3 do (distribution.md, fact 10)."""

    def __init__(self, client: RegistryClient) -> None:
        super().__init__(client._transport)

    def tags(self, repository: str) -> list[str]:
        return [tag for tag in super().tags(repository) if tag != "latest"]


def test_a_tag_that_the_list_leaves_out_keeps_what_it_is_on(stage: Stage, client: RegistryClient) -> None:
    built = stage.push("one", "1.0")
    stage.push("two", "latest")
    stage.sync()

    stage.press(stage.look("1.0"), Forgetful(client), started=lambda _: stage.retag("latest", built))

    assert stage.pulls("latest")


def test_a_sibling_that_the_list_leaves_out_is_named(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0", "latest")
    stage.sync()

    assert preview(stage.remover_with(Forgetful(client)), Wanted(API, ("1.0",))).plan.siblings == ("latest",)


def test_what_somebody_else_deletes_in_the_same_moment_is_already_gone(stage: Stage, client: RegistryClient) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.before_delete = once(lambda: client.delete_manifest(API, built.digest))

    removal = stage.remove("1.0", client=meddler)

    assert (removal.state, states(removal), steps(removal)) == (
        "done",
        {"1.0": "already-gone"},
        {built.digest: "already-gone"},
    )


def test_an_index_that_was_deleted_from_under_another_holds_nothing_any_more(stage: Stage) -> None:
    inner, children = stage.push_index("inner")
    stage.pusher.push_index(API, [inner], ["outer"])
    stage.sync()
    stage.client.delete_manifest(API, inner.digest)

    removal = stage.remove(children[0].digest)

    assert steps(removal) == {children[0].digest: "deleted"}
    assert removal.state == "done"
    assert not stage.has(children[0].digest)
    assert stage.has("outer")
