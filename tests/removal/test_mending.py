"""What is pushed between the last look and the DELETE, or left half deleted, gets back what it needs."""

from __future__ import annotations

from demo.build import index
from tests.removal.stage import (
    API,
    Meddler,
    Stage,
    build,
    digests,
    nothing,
    once,
    reasons,
    stand_ins,
    states,
    step_reasons,
    steps,
)
from webapp.registry.client import RegistryClient
from webapp.registry.errors import DeletesDisabled
from webapp.removal.wanted import Siblings

PUT_BACK = "was listed without its manifest, which this removal had deleted; it was put back."


def test_a_tag_pushed_in_the_gap_gets_its_manifest_back(stage: Stage, client: RegistryClient) -> None:
    """A push whose manifest was written before the DELETE, and whose tag's link after it: listed, and 404."""
    built = stage.push("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: stage.tag_on_disk("latest", built.digest))

    removal = stage.remove("1.0", client=meddler)

    assert stage.pulls("latest")
    assert not stage.has("1.0")
    assert removal.notice == f"latest {PUT_BACK}"
    assert states(removal) == {"1.0": "deleted"}
    assert steps(removal) == {built.digest: "kept"}
    assert step_reasons(removal)[built.digest] == "It was put back, since a tag needs it."


def test_an_index_pushed_in_the_gap_gets_its_children_back_too(stage: Stage, client: RegistryClient) -> None:
    built, children = stage.push_index("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: stage.tag_on_disk("latest", built.digest))

    removal = stage.remove("1.0", client=meddler)

    assert meddler.deleted[0] == built.digest
    assert set(meddler.deleted) == {built.digest} | digests(children)
    assert stage.pulls("latest")
    assert set(steps(removal).values()) == {"kept"}


def test_a_nested_index_pushed_in_the_gap_gets_everything_back(stage: Stage, client: RegistryClient) -> None:
    inner, _ = stage.push_index("inner")
    outer = stage.pusher.push(API, index([inner]), ["1.0"])
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: stage.tag_on_disk("latest", outer.digest))

    stage.remove("1.0", client=meddler)

    assert stage.pulls("latest")


def test_a_new_index_pushed_in_the_gap_gets_the_child_back_that_it_needs(stage: Stage, client: RegistryClient) -> None:
    _, children = stage.push_index("one", "1.0")
    stage.sync()
    meddler = Meddler(client)

    def push_when_the_child_goes(digest: str) -> None:
        if digest == children[0].digest:
            stage.pusher.push(API, index([children[0]]), ["2.0"])

    meddler.before_delete = push_when_the_child_goes

    removal = stage.remove("1.0", client=meddler)

    assert stage.pulls("2.0")
    assert not stage.has(children[1].digest)
    assert removal.notice == (
        "2.0 was pushed meanwhile; 1 of its manifests, which this removal had deleted, were put back."
    )
    assert steps(removal)[children[0].digest] == "kept"


def test_a_tag_pushed_again_right_after_the_delete_is_left_alone(stage: Stage, client: RegistryClient) -> None:
    built = stage.push("one", "1.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: stage.retag("2.0", built) or stage.push("one", "1.0"))

    removal = stage.remove("1.0", client=meddler)

    assert stage.pulls("1.0")
    assert states(removal)["1.0"] in ("kept", "failed")
    assert stage.activities()[0][1] != "done"


def test_of_many_deleted_manifests_only_the_one_that_is_needed_comes_back(stage: Stage, client: RegistryClient) -> None:
    built = [stage.push(f"build {number}", f"{number}.0") for number in range(6)]
    stage.sync()
    meddler = Meddler(client)
    links = {built[3].digest: once(lambda: stage.tag_on_disk("latest", built[3].digest))}
    meddler.after_delete = lambda digest: links.get(digest, nothing)()

    removal = stage.remove(*(f"{number}.0" for number in range(6)), client=meddler)

    assert stage.pulls("latest")
    assert stage.tags() == {"latest"}
    assert [each.digest for each in built if stage.has(each.digest)] == [built[3].digest]
    assert sorted(steps(removal).values()) == ["deleted"] * 5 + ["kept"]


def test_a_tag_that_was_without_a_manifest_before_is_left_as_it_is(stage: Stage, client: RegistryClient) -> None:
    lost = stage.push("lost", "lost")
    stage.push("one", "1.0")
    stage.untag_on_disk(lost.digest)
    stage.sync()
    meddler = Meddler(client)

    removal = stage.remove("1.0", client=meddler)

    assert (removal.state, removal.notice, len(meddler.deleted)) == ("done", "", 1)


class HalfDone(Meddler):
    """A registry that is killed inside its first DELETE has removed the manifest's link, and not yet the tags."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.client)
        self.stage = stage

    def delete_manifest(self, repository: str, digest: str) -> None:
        if self.deleted or "0" * 64 in digest:
            super().delete_manifest(repository, digest)
        else:
            self.deleted.append(digest)
            self.stage.untag_on_disk(digest)


def test_a_tag_whose_manifest_is_deleted_by_half_is_deleted_whole(stage: Stage) -> None:
    built = stage.push("one", "1.0", "latest")
    stage.sync()

    removal = stage.remove("1.0", client=HalfDone(stage), siblings=Siblings.REMOVE)

    assert (removal.state, steps(removal)) == ("done", {built.digest: "deleted"})
    assert states(removal) == {"1.0": "deleted", "latest": "deleted"}
    assert stage.tags() == set()
    assert stand_ins(stage) == []


def test_a_tag_whose_manifest_is_deleted_by_half_is_put_back_where_deletes_are_switched_off(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.sync()

    class SwitchedOff(HalfDone):
        def delete_manifest(self, repository: str, digest: str) -> None:
            if self.deleted:
                raise DeletesDisabled
            super().delete_manifest(repository, digest)

    removal = stage.remove("1.0", client=SwitchedOff(stage))

    assert stage.pulls("1.0")
    assert (removal.state, states(removal), steps(removal)) == ("failed", {"1.0": "kept"}, {built.digest: "kept"})
    assert removal.notice == f"1.0 {PUT_BACK}"
    assert states(stage.remove("1.0")) == {"1.0": "deleted"}


def test_an_asked_tag_without_a_manifest_is_deleted_all_the_same(stage: Stage) -> None:
    """A registry that ends inside a DELETE leaves such tags, and no DELETE by digest heals that (machine.md)."""
    lost = stage.push("lost", "lost")
    stage.push("one", "1.0")
    stage.untag_on_disk(lost.digest)
    stage.sync()

    removal = stage.remove("1.0", "lost")

    assert states(removal) == {"1.0": "deleted", "lost": "deleted"}
    assert ("lost", "done", "") in stage.activities()
    assert stage.tags() == set()
    assert stand_ins(stage) == []


def test_an_image_that_cannot_be_followed_does_not_leave_a_removal_open(stage: Stage) -> None:
    deep = build("deep")
    stage.pusher.push(API, deep)
    for _ in range(9):
        deep = stage.pusher.push(API, index([deep]))
    stage.pusher.push(API, deep, ["deep"])
    stage.push("one", "1.0")
    stage.sync()

    removal = stage.remove("1.0")

    assert states(removal) == {"1.0": "kept"}
    assert reasons(removal)["1.0"].startswith("deep may hold it. An image is an index of indexes")
    assert stage.pulls("1.0")
