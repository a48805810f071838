"""Signatures, attestations and whatever else refers to an image go with it, or stay where that was chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from demo.build import Built, attestation, image, index, layer
from tests.removal.stage import API, Stage, build, digests, states, steps
from tests.removal.watching import all_pull
from webapp.removal.wanted import Referrers

CHOSEN = "It refers to what goes, and was chosen to stay."


def fallback(built: Built) -> str:
    """The tag under which the list of what refers to an image stands."""
    return built.digest.replace(":", "-")


def refer(stage: Stage, built: Built, *statements: str) -> list[Built]:
    """Push attestations by `subject`, and the list of them under the fallback tag."""
    pushed = [stage.pusher.push(API, attestation(built, statement=each)) for each in statements]
    stage.pusher.push(API, index(pushed), [fallback(built)])
    return pushed


def listed(stage: Stage, built: Built) -> set[str]:
    """What stands in the list of what refers to an image."""
    raw = stage.client.get_manifest(API, fallback(built)).raw
    return {each["digest"] for each in json.loads(raw)["manifests"]}


@pytest.fixture
def one(stage: Stage) -> Built:
    """An image with a tag, and another one with its own signature and attestation, which nothing here may touch."""
    other = stage.push("other", "other")
    stage.pusher.sign(API, other)
    refer(stage, other, "other")
    return stage.push("one", "1.0")


@pytest.fixture(autouse=True)
def _the_other_image_stays_whole(stage: Stage, one: Built) -> object:
    other = build("other")
    yield
    assert all_pull(stage, ["other", f"{fallback(other)}.sig", fallback(other)])
    assert listed(stage, other) == {attestation(other, statement="other").digest}


def test_a_signature_goes_with_what_it_signs(stage: Stage, one: Built) -> None:
    signed = stage.pusher.sign(API, one)
    stage.sync()

    removal = stage.remove("1.0")

    signature = f"{fallback(one)}.sig"
    assert states(removal) == {"1.0": "deleted", signature: "deleted"}
    assert set(steps(removal)) == {one.digest, signed.digest}
    assert not stage.has(signed.digest)


def test_an_attestation_goes_with_its_subject_and_with_its_list(stage: Stage, one: Built) -> None:
    first, second = refer(stage, one, "built", "scanned")
    stage.sync()

    looked = stage.look("1.0")
    removal = stage.press(looked)

    assert looked.plan.referrers >= {first.digest, second.digest, fallback(one)}
    assert states(removal) == {"1.0": "deleted", fallback(one): "deleted"}
    assert not any(stage.has(each.digest) for each in (one, first, second))


def test_what_refers_to_a_referrer_goes_too(stage: Stage, one: Built) -> None:
    (first,) = refer(stage, one, "built")
    (second,) = refer(stage, first, "of the attestation")
    signed = stage.pusher.sign(API, second)
    stage.sync()

    removal = stage.remove("1.0")

    assert digests([one, first, second, signed]) <= steps(removal).keys()
    assert not any(stage.has(each.digest) for each in (one, first, second, signed))
    assert set(states(removal)) == {"1.0", fallback(one), fallback(first), f"{fallback(second)}.sig"}


def test_they_stay_and_are_named_where_that_was_chosen(stage: Stage, one: Built) -> None:
    signed = stage.pusher.sign(API, one)
    (first,) = refer(stage, one, "built")
    stage.sync()

    looked = stage.look("1.0", referrers=Referrers.KEEP)
    removal = stage.press(looked)

    named = {each.name for each in looked.plan.kept if each.reason == CHOSEN}
    assert named == {f"{fallback(one)}.sig", fallback(one), first.digest}
    assert (states(removal), steps(removal)) == ({"1.0": "deleted"}, {one.digest: "deleted"})
    assert all_pull(stage, [signed.digest, first.digest, f"{fallback(one)}.sig", fallback(one)])


def test_a_referrer_with_a_tag_of_its_own_stays_and_is_named(stage: Stage, one: Built) -> None:
    first, second = refer(stage, one, "built", "scanned")
    stage.retag("my-attestation", first)
    stage.sync()

    looked = stage.look("1.0")
    removal = stage.press(looked)

    assert {each.name: each.reason for each in looked.plan.kept}[first.digest] == "It is tagged my-attestation."
    assert stage.pulls("my-attestation")
    assert not stage.has(one.digest)
    assert not stage.has(second.digest)
    assert removal.state == "done"


def test_a_referrer_that_another_index_holds_stays(stage: Stage, one: Built) -> None:
    (first,) = refer(stage, one, "built")
    stage.pusher.push(API, index([first, build("other")]), ["bundle"])
    stage.sync()

    looked = stage.look("1.0")
    stage.press(looked)

    assert {each.name: each.reason for each in looked.plan.kept}[first.digest].startswith("It is part of bundle")
    assert stage.pulls("bundle")
    assert not stage.has(one.digest)


def test_a_tag_with_siblings_leaves_what_refers_to_its_image(stage: Stage, one: Built) -> None:
    stage.pusher.sign(API, one)
    refer(stage, one, "built")
    stage.retag("latest", one)
    stage.sync()

    removal = stage.remove("1.0")

    assert (states(removal), steps(removal)) == ({"1.0": "deleted"}, {})
    assert all_pull(stage, ["latest", f"{fallback(one)}.sig", fallback(one)])


def test_one_of_several_goes_alone_and_the_others_stay_listed(stage: Stage, one: Built) -> None:
    first, second, third = refer(stage, one, "built", "scanned", "signed")
    old = stage.client.head_manifest(API, fallback(one)).digest
    stage.sync()

    removal = stage.remove(second.digest)

    assert removal.state == "done"
    assert not stage.has(second.digest)
    assert not stage.has(old)
    assert listed(stage, one) == {first.digest, third.digest}
    assert all_pull(stage, ["1.0", fallback(one)])
    assert sorted(steps(removal).values()) == ["deleted", "deleted", "rewritten"]


def test_a_list_that_another_repository_has_too_makes_the_store_larger_and_that_is_foretold(
    stage: Stage, one: Built
) -> None:
    first, second = refer(stage, one, "built", "scanned")
    for each in (one, first, second):
        stage.pusher.push("team/copy", each)
    stage.pusher.push("team/copy", index([first, second]), [fallback(one)])
    stage = replace(stage, store=stage.registry.store)
    stage.sync()

    space = stage.look(first.digest).space

    assert (space.bytes_freed, space.bytes_added, space.is_exact) == (0, len(index([second]).raw), True)


def test_a_list_that_is_written_anew_as_one_that_was_to_go_keeps_that(stage: Stage, one: Built) -> None:
    (first,) = refer(stage, one, "built")
    old = stage.pusher.push(API, index([first]), ["lists"])
    stage.pusher.push(API, index([one, first]), ["holds"])
    _first, second = refer(stage, one, "built", "scanned")
    stage.sync()

    removal = stage.remove("lists", second.digest)

    assert removal.state == "done"
    assert stage.client.head_manifest(API, fallback(one)).digest == old.digest
    assert listed(stage, one) == {first.digest}
    assert "lists" not in stage.tags()
    assert not stage.has(second.digest)


def test_the_last_one_takes_the_list_with_it(stage: Stage, one: Built) -> None:
    (first,) = refer(stage, one, "built")
    stage.sync()

    removal = stage.remove(first.digest)

    assert states(removal) == {fallback(one): "deleted"}
    assert not stage.has(first.digest)
    assert fallback(one) not in stage.tags()
    assert stage.pulls("1.0")


def test_a_list_pushed_anew_meanwhile_wins(stage: Stage, one: Built) -> None:
    _first, second = refer(stage, one, "built", "scanned")
    stage.sync()
    looked = stage.look(second.digest)
    new: list[Built] = []

    removal = stage.press(looked, started=lambda _: new.extend(refer(stage, one, "built", "scanned", "signed")))

    assert listed(stage, one) == digests(new)
    assert all_pull(stage, [fallback(one), "1.0"])
    assert "rewritten" not in steps(removal).values()
    assert removal.state in ("partly", "failed")
    assert "kept" in steps(removal).values()


def test_a_list_pushed_anew_before_the_button_shows_the_new_plan(stage: Stage, one: Built) -> None:
    _first, second = refer(stage, one, "built", "scanned")
    stage.sync()
    looked = stage.look(second.digest)
    refer(stage, one, "built", "scanned", "signed")

    with pytest.raises(Exception, match="this changed since you looked"):
        stage.press(looked)

    assert stage.pulls(second.digest)


def test_what_refers_to_a_child_of_an_index_goes_with_it(stage: Stage, one: Built) -> None:
    _, children = stage.push_index("multi", "multi")
    (first,) = refer(stage, children[0], "built")
    stage.sync()

    stage.remove("multi")

    assert not stage.has(first.digest)
    assert fallback(children[0]) not in stage.tags()
    assert stage.pulls("1.0")


def test_an_image_named_like_no_signature_is_none(stage: Stage, one: Built) -> None:
    stage.pusher.push(API, image([layer("unrelated")]), [f"{fallback(one)[:-1]}.sig"])
    stage.sync()

    assert states(stage.remove("1.0")) == {"1.0": "deleted"}


def test_a_list_that_is_written_anew_leaves_out_what_somebody_else_deleted(stage: Stage, one: Built) -> None:
    first, second, third = refer(stage, one, "first", "second", "third")
    stage.client.delete_manifest(API, second.digest)
    stage.sync()

    removal = stage.remove(first.digest)

    assert set(steps(removal).values()) == {"deleted", "rewritten"}
    assert listed(stage, one) == {third.digest}


def test_what_refers_to_a_list_goes_with_it_when_nothing_is_left_on_it(stage: Stage, one: Built) -> None:
    (referrer,) = refer(stage, one, "only")
    signed = stage.pusher.sign(API, index([referrer]))
    stage.sync()

    removal = stage.remove(referrer.digest)

    assert set(steps(removal)) == {referrer.digest, index([referrer]).digest, signed.digest}
    assert stage.pulls("1.0")
