"""Tags that the setting PROTECTED_TAGS names stay, with all that they hold, unless they are included expressly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.removal.stage import API, Stage, stand_ins, states, steps
from webapp.removal.execute import PlanChanged
from webapp.removal.plan import PROTECTED
from webapp.removal.wanted import Siblings


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """`latest`, and what looks like v1.0, are protected."""
    return replace(stage, protected=("latest", "v?.*"))


def test_a_protected_tag_is_refused(stage: Stage) -> None:
    stage.push("one", "v1.0")
    stage.sync()

    looked = stage.look("v1.0")

    assert [(each.name, each.reason) for each in looked.plan.kept] == [("v1.0", PROTECTED)]
    assert looked.plan.refusal == f"v1.0 stays: {PROTECTED}"
    with pytest.raises(PlanChanged):
        stage.press(looked)
    assert stage.pulls("v1.0")


@pytest.mark.parametrize("tag", ["v10.0", "v1", "latest2", "V1.0", "xv1.0", "v1x0"])
def test_a_tag_that_no_pattern_fits_is_not_protected(stage: Stage, tag: str) -> None:
    stage.push("one", tag)

    assert states(stage.remove(tag)) == {tag: "deleted"}


@pytest.mark.parametrize("tag", ["latest", "v1.0", "v1.", "v2.0-rc.1"])
def test_the_whole_name_of_a_tag_has_to_fit(stage: Stage, tag: str) -> None:
    stage.push("one", tag)

    assert stage.look(tag).plan.tags == {}


def test_of_several_tags_the_protected_ones_stay_and_are_named(stage: Stage) -> None:
    built = stage.push("one", "v1.0", "dev")
    stage.push("two", "nightly")
    stage.sync()

    looked = stage.look("v1.0", "dev", "nightly")
    removal = stage.press(looked)

    assert [each.name for each in looked.plan.kept if each.reason == PROTECTED] == ["v1.0"]
    assert states(removal) == {"dev": "deleted", "nightly": "deleted"}
    assert built.digest not in steps(removal)
    assert stage.tags() == {"v1.0"}
    assert stage.pulls("v1.0")


def test_a_whole_image_keeps_them_and_what_they_hold(stage: Stage) -> None:
    index, children = stage.push_index("one", "latest")
    stage.retag("arm", children[1])
    two = stage.push("two", "dev", "v2.0")
    three = stage.push("three", "nightly")
    stage.sync()

    looked = stage.look()
    removal = stage.press(looked)

    assert {each.name for each in looked.plan.kept if each.reason == PROTECTED} == {"latest", "v2.0"}
    assert states(removal) == {"arm": "deleted", "dev": "deleted", "nightly": "deleted"}
    assert steps(removal) == {three.digest: "deleted"}
    assert stage.tags() == {"latest", "v2.0"}
    assert all(stage.pulls(each) for each in ("latest", "v2.0", index.digest, two.digest, children[1].digest))
    assert stand_ins(stage) == []


def test_siblings_that_are_protected_stay_although_all_were_to_go(stage: Stage) -> None:
    built = stage.push("one", "dev", "other", "v1.0")
    stage.sync()

    removal = stage.remove("dev", siblings=Siblings.REMOVE)

    assert states(removal) == {"dev": "deleted", "other": "deleted"}
    assert stage.tags() == {"v1.0"}
    assert stage.pulls(built.digest)


def test_a_digest_that_a_protected_tag_is_on_stays(stage: Stage) -> None:
    built = stage.push("one", "v1.0")
    stage.sync()

    looked = stage.look(built.digest, siblings=Siblings.REMOVE)

    assert looked.plan.refusal.endswith("It is tagged v1.0.")


def test_they_go_where_they_are_included_expressly(stage: Stage) -> None:
    stage.push("one", "v1.0", "dev")
    stage.push("two", "latest")
    stage.sync()

    removal = stage.remove(include_protected=True)

    assert states(removal) == {"dev": "deleted", "latest": "deleted", "v1.0": "deleted"}
    assert stage.tags() == set()


def test_including_them_is_part_of_what_is_agreed_to(stage: Stage) -> None:
    stage.push("one", "v1.0")
    stage.sync()

    assert stage.look("v1.0").plan.fingerprint != stage.look("v1.0", include_protected=True).plan.fingerprint


def test_a_protected_list_of_referrers_is_not_written_anew(stage: Stage) -> None:
    stage = replace(stage, protected=("sha256-*",))
    built = stage.push("one", "dev")
    referrer = stage.pusher.attest(API, built)
    stage.sync()

    looked = stage.look(referrer.digest)

    assert (looked.plan.rewrites, looked.plan.steps) == ((), ())
    assert looked.plan.refusal.endswith(f"It is part of {built.digest.replace(':', '-')}.")
