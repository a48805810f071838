"""What the dialog says of plans that the demo fleet has no example of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from tests.pages.conftest import parts_of
from webapp.pages.asked import Asked, Scope
from webapp.pages.plan_words import listed, siblings_words
from webapp.pages.removal_dialog import plan_dialog
from webapp.removal.execute import Preview
from webapp.removal.material import Facts, ManifestFact, Rewrite
from webapp.removal.plan import ITS_NEED_IS_UNKNOWN, Kept, Plan
from webapp.removal.space import Space
from webapp.removal.wanted import Referrers, Siblings, Wanted

EXACT = Space(1_000, True, "")
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ONE, TWO, THREE = (f"sha256:{number:064x}" for number in (1, 2, 3))
SIGNATURE = f"{ONE.replace(':', '-')}.sig"


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """A plan is put into words without a registry."""
    return shown_app


def manifest(digest: str, kind: str = "image", subject: str | None = None) -> ManifestFact:
    return ManifestFact(digest, "x/y", kind, 100, (), subject)


def plan_of(asked: tuple[str, ...] = ("1.0",), **more: Any) -> Plan:
    """The plan of a tag that goes with its manifest, but for what is said otherwise."""
    wanted = more.pop("wanted", Wanted("team/api", asked))
    usual: dict[str, Any] = {
        "tags": dict.fromkeys(asked, ONE), "steps": (manifest(ONE),), "rewrites": (), "kept": (), "staying_tags": (),
        "siblings": (), "referrers": frozenset(), "gone": (), "dangling": (), "refusal": "", "fingerprint": "f",
        "revisions_known": True, "as_of": NOW,
    }  # fmt: skip
    return Plan(wanted=wanted, **{**usual, **more})


def dialog(app: Flask, plan: Plan, space: Space = EXACT, **facts: Any) -> dict[str, Any]:
    """What the dialog's template is given."""
    read = Facts(plan.wanted, plan.wanted.tags, **{"digests": {}, "manifests": {}, "holders": {}, **facts})
    asked = Asked("team/api", Scope.TAGS, plan.wanted.tags, referrers=plan.wanted.referrers)
    with app.test_request_context(), parts_of(app).reading() as session:
        return plan_dialog(session, asked, Preview(plan, space, NOW, read))


def stays(app: Flask, plan: Plan, **facts: Any) -> list[tuple[str, str]]:
    return [(each.words, each.reason) for each in dialog(app, plan, **facts)["stays"]]


def test_schema_1_is_warned_of_since_it_cannot_be_restored(app: Flask) -> None:
    assert dialog(app, plan_of(steps=(manifest(ONE, "schema1"),)))["warnings"] == ["Cannot be restored: schema 1."]
    assert dialog(app, plan_of())["warnings"] == []


def test_manifests_whose_need_is_unknown_stay_for_that_reason(app: Flask) -> None:
    kept = (Kept(TWO, ITS_NEED_IS_UNKNOWN), Kept(THREE, ITS_NEED_IS_UNKNOWN))
    assert stays(app, plan_of(kept=kept)) == [("2 manifests", ITS_NEED_IS_UNKNOWN)]


def test_what_an_index_without_a_tag_needs_is_not_shared_with_a_tag(app: Flask) -> None:
    kept = (Kept(TWO, "It is part of an index without a tag."),)
    assert stays(app, plan_of(kept=kept, staying_tags=("2.0",))) == [
        ("2.0", ""),
        ("1 manifest", "It is part of an index without a tag."),
    ]


def test_a_list_of_referrers_that_is_written_anew_stays_and_its_old_form_is_not_counted(app: Flask) -> None:
    rewrite = Rewrite("sha256-ab", TWO, THREE, "x/y", b"{}")
    shown = dialog(app, plan_of(steps=(manifest(ONE), manifest(TWO, "index")), rewrites=(rewrite,)))
    assert shown["goes_words"] == "1 tag, 1 manifest"
    assert [(each.kind, each.name) for each in shown["goes"]] == [
        ("tag", "1.0"),
        ("manifest", ""),
        ("list", "as it is now"),
    ]
    assert shown["stays"][0].words == "1 list of referrers"
    assert shown["stays"][0].reason == "written anew without what goes"


def test_a_signature_that_was_chosen_to_stay_is_named(app: Flask) -> None:
    wanted = Wanted("team/api", ("1.0",), referrers=Referrers.KEEP)
    kept = (Kept(SIGNATURE, "It refers to what goes, and was chosen to stay."),)
    plan = plan_of(wanted=wanted, kept=kept, staying_tags=(SIGNATURE,))
    facts = {"named_after": {SIGNATURE: ONE}}
    assert stays(app, plan, **facts) == [("1 signature", "as chosen")]
    [tick] = dialog(app, plan, **facts)["ticks"]
    assert (tick.label, tick.checked) == ("Keep its signature", True)


def test_signatures_of_several_tags_are_theirs(app: Flask) -> None:
    tags = {"1.0": ONE, "2.0": TWO, SIGNATURE: THREE, f"{TWO.replace(':', '-')}.sig": THREE}
    plan = plan_of(("1.0", "2.0"), tags=tags, referrers=frozenset({*list(tags)[2:], THREE}))
    [tick] = dialog(app, plan)["ticks"]
    assert (tick.label, tick.checked) == ("Keep their signatures", False)
    assert dialog(app, plan)["button"] == "Delete 2 tags"


def test_an_upper_bound_says_why(app: Flask) -> None:
    shown = dialog(app, plan_of(), Space(1_000, False, "Others may use it."))
    assert (shown["bytes_is_exact"], shown["bytes_reason"], shown["space_words"]) == (False, "Others may use it.", "")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"steps": ()}, "nothing: the image stays"),
        ({"steps": (), "tags": {"1.0": ONE, "2.0": TWO}}, "nothing: the images stay"),
        ({"steps": (), "tags": {"1.0": ""}, "dangling": ("1.0",)}, "nothing: no image is left"),
        ({"steps": (), "tags": {}}, "nothing"),
        ({}, "nothing: all of it is in use elsewhere"),
    ],
)
def test_no_space_has_a_reason(app: Flask, more: dict[str, Any], words: str) -> None:
    assert dialog(app, plan_of(**more), Space(0, True, ""))["space_words"] == words


def test_a_store_that_gets_larger_is_said_to(app: Flask) -> None:
    words = dialog(app, plan_of(), Space(0, True, "", bytes_added=240))["space_words"]
    assert words == "nothing: a list of referrers that is written anew takes 240 B more"


@pytest.mark.parametrize(
    ("plan", "alone", "together"),
    [
        (plan_of(siblings=("latest",)), "Only this tag. latest stays.", "All 2 tags of this image."),
        (plan_of(siblings=("1", "latest")), "Only this tag. 1 and latest stay.", "All 3 tags of this image."),
        (
            plan_of(("1.0", "1.1"), siblings=("1", "2", "3", "4")),
            "Only these 2 tags. 1, 2, 3 and 1 more tag stay.",
            "All 6 tags of these images.",
        ),
        (
            plan_of(siblings=("1", "latest"), protected=("latest",)),
            "Only this tag. 1 and latest stay.",
            "All 3 tags of this image, but for 1 protected.",
        ),
    ],
)
def test_the_choice_of_siblings_names_and_counts_them(plan: Plan, alone: str, together: str) -> None:
    assert siblings_words(plan, include_protected=False) == (alone, together)


def test_names_that_people_gave_come_before_those_that_were_made(app: Flask) -> None:
    assert listed(["sha256-ab.sig", "1.0"]) == "1.0 and sha256-ab.sig"


def test_a_choice_changes_nothing_of_what_the_dialog_is_about() -> None:
    one = Asked("team/api", Scope.TAGS, ("a", "b"))
    other = Asked("team/api", Scope.TAGS, ("a", "b"), siblings=Siblings.REMOVE)
    assert one.subject == other.subject
    assert one.subject != Asked("team/api", Scope.TAGS, ("a",)).subject
    assert one.subject != Asked("team/api", Scope.MATCHING, ("a", "b")).subject
