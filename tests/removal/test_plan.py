"""What a plan takes, leaves and refuses. Pure: facts in, plan out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from webapp.removal.going import what_goes
from webapp.removal.material import Facts, ManifestFact
from webapp.removal.plan import ITS_NEED_IS_UNKNOWN, PROTECTED, Plan, make_plan
from webapp.removal.wanted import Referrers, Siblings, Wanted

REPOSITORY = "team/api"
TIME = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def facts(
    asked: tuple[str, ...],
    tags: dict[str, str],
    indexes: dict[str, tuple[str, ...]] | None = None,
    *,
    digests: tuple[str, ...] = (),
    whole_image: bool = False,
    held_by: dict[str, frozenset[str]] | None = None,
    subjects: dict[str, str] | None = None,
    named_after: dict[str, str] | None = None,
    protected: tuple[str, ...] = (),
    **choices: Any,
) -> Facts:
    """Facts of a repository, as they are read: `tags` on digests, `indexes` naming children, `held_by` indexes outside
    of the plan, `subjects` of referrers, tags `named_after` a digest; a list of referrers among them has no dot.
    """
    indexes, subjects, named_after = indexes or {}, subjects or {}, named_after or {}
    there = {*tags.values(), *indexes, *(child for children in indexes.values() for child in children), *subjects}
    there |= set(digests)
    lists = {tag: tags[tag] for tag in named_after if "." not in tag}
    return Facts(
        wanted=Wanted(REPOSITORY, () if whole_image else asked, digests, whole_image, **choices),
        asked_tags=asked,
        digests=tags,
        manifests={each: manifest(each, indexes.get(each, ()), subjects.get(each)) for each in sorted(there)},
        holders={
            digest: frozenset(parent for parent, children in indexes.items() if digest in children)
            | (held_by or {}).get(digest, frozenset())
            for digest in there
        },
        gone=tuple(tag for tag in asked if tag not in tags),
        protected=frozenset(protected),
        named_after=named_after,
        fallbacks={on: list_of(indexes.get(on, ())) for on in lists.values()},
        seen_before=frozenset(there),
        as_of=TIME,
    )


def manifest(digest: str, children: tuple[str, ...] = (), subject: str | None = None) -> ManifestFact:
    return ManifestFact(digest, INDEX_TYPE, "index" if children else "image", 10, children, subject)


def list_of(children: tuple[str, ...]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [{"digest": each} for each in children]}).encode()


def deleted(plan: Plan) -> list[str]:
    return [step.digest for step in plan.steps]


def kept(plan: Plan) -> dict[str, str]:
    return {each.name: each.reason for each in plan.kept}


def test_a_tag_takes_its_manifest_and_nothing_else() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "a", "2.0": "b"}))

    assert (dict(plan.tags), deleted(plan), plan.siblings, plan.staying_tags) == ({"1.0": "a"}, ["a"], (), ("2.0",))


SIBLINGS = {"1.0": "a", "1": "a", "latest": "a", "2.0": "b"}


def test_tags_on_the_same_digest_stay_with_their_manifest_and_are_named() -> None:
    plan = make_plan(facts(("1.0",), SIBLINGS))

    assert (dict(plan.tags), deleted(plan), plan.siblings) == ({"1.0": "a"}, [], ("1", "latest"))
    assert plan.staying_tags == ("1", "2.0", "latest")
    assert kept(plan) == {"a": "It is tagged 1, latest."}


def test_tags_on_the_same_digest_go_along_where_that_was_chosen() -> None:
    plan = make_plan(facts(("1.0",), SIBLINGS, siblings=Siblings.REMOVE))

    assert (plan.siblings, deleted(plan)) == (("1", "latest"), ["a"])
    assert set(plan.tags) == {"1.0", "1", "latest"}


def test_the_last_of_some_siblings_takes_the_manifest() -> None:
    assert deleted(make_plan(facts(("1.0", "1", "latest"), SIBLINGS))) == ["a"]


def test_an_index_takes_its_children_and_goes_before_them() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "index"}, {"index": ("amd", "arm")}))

    assert deleted(plan)[0] == "index"
    assert set(deleted(plan)) == {"index", "amd", "arm"}


def test_a_child_of_two_indexes_stays_with_the_one_that_stays() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "old", "2.0": "new"}, {"old": ("amd", "arm"), "new": ("amd",)}))

    assert set(deleted(plan)) == {"old", "arm"}
    assert kept(plan) == {"amd": "It is part of 2.0."}


def test_a_child_of_two_indexes_goes_when_both_go() -> None:
    indexes = {"old": ("amd", "arm"), "new": ("amd",)}
    plan = make_plan(facts(("1.0", "2.0"), {"1.0": "old", "2.0": "new"}, indexes))

    assert deleted(plan).index("amd") > max(deleted(plan).index("old"), deleted(plan).index("new"))
    assert plan.kept == ()


def test_nested_indexes_go_from_the_outermost_to_the_innermost() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "outer"}, {"outer": ("inner",), "inner": ("amd",)}))

    assert deleted(plan) == ["outer", "inner", "amd"]


def test_what_a_kept_index_names_is_kept_as_well() -> None:
    indexes = {"outer": ("inner",), "inner": ("amd",), "other": ("inner",)}
    plan = make_plan(facts(("1.0",), {"1.0": "outer", "2.0": "other"}, indexes))

    assert deleted(plan) == ["outer"]
    assert set(kept(plan)) == {"inner", "amd"}


def test_a_child_with_a_tag_of_its_own_stays() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "index", "1.0-amd": "amd"}, {"index": ("amd", "arm")}))

    assert set(deleted(plan)) == {"index", "arm"}
    assert kept(plan) == {"amd": "It is tagged 1.0-amd."}


def test_a_tag_on_the_child_of_an_index_that_stays_goes_alone() -> None:
    plan = make_plan(facts(("1.0-amd",), {"1.0": "index", "1.0-amd": "amd"}, {"index": ("amd", "arm")}))

    assert (dict(plan.tags), plan.steps, plan.refusal) == ({"1.0-amd": "amd"}, (), "")
    assert kept(plan) == {"amd": "It is part of 1.0."}


def test_a_tag_on_the_child_of_an_index_without_a_tag_goes_alone() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "amd"}, held_by={"amd": frozenset({"elsewhere"})}))

    assert (plan.steps, kept(plan)) == ((), {"amd": "It is part of an index without a tag."})


def test_a_digest_goes_where_nothing_needs_it() -> None:
    plan = make_plan(facts((), {"1.0": "other"}, {"index": ("amd", "other")}, digests=("index",)))

    assert deleted(plan) == ["index", "amd"]
    assert (dict(plan.tags), plan.refusal) == ({}, "")


def test_a_digest_that_is_tagged_is_refused_unless_its_tags_go_too() -> None:
    assert make_plan(facts((), SIBLINGS, digests=("a",))).refusal == "a stays: It is tagged 1, 1.0, latest."

    plan = make_plan(facts((), SIBLINGS, digests=("a",), siblings=Siblings.REMOVE))

    assert (set(plan.tags), deleted(plan), plan.refusal) == ({"1.0", "1", "latest"}, ["a"], "")


def test_a_tag_on_a_child_goes_together_with_its_index() -> None:
    plan = make_plan(facts(("1.0", "1.0-amd"), {"1.0": "index", "1.0-amd": "amd"}, {"index": ("amd",)}))

    assert deleted(plan) == ["index", "amd"]


def test_the_whole_image_takes_the_untagged_manifests_that_are_known() -> None:
    known = {"index": ("amd",), "untagged": ("arm",)}
    plan = make_plan(facts(("1.0",), {"1.0": "index"}, known, whole_image=True))

    assert set(deleted(plan)) == {"index", "amd", "untagged", "arm"}
    assert plan.staying_tags == ()


def test_a_tag_that_is_gone_already_leaves_the_others_to_be_removed() -> None:
    plan = make_plan(facts(("1.0", "0.9"), {"1.0": "a"}))

    assert (plan.gone, deleted(plan)) == (("0.9",), ["a"])


def test_a_tag_without_a_manifest_goes_all_the_same() -> None:
    plan = make_plan(replace(facts(("1.0",), {"1.0": "a"}), asked_tags=("0.9", "1.0"), dangling=("0.9",)))

    assert (dict(plan.tags), deleted(plan), plan.dangling) == ({"1.0": "a", "0.9": ""}, ["a"], ("0.9",))


def test_a_child_that_holds_nobody_knows_stays_unless_it_was_seen_with_its_index() -> None:
    known = facts(("1.0",), {"1.0": "index"}, {"index": ("seen", "new")})
    unknown = replace(known, revisions_known=False, seen_before=frozenset({"index", "seen"}))

    assert set(deleted(make_plan(known))) == {"index", "seen", "new"}
    assert set(deleted(make_plan(unknown))) == {"index", "seen"}
    assert kept(make_plan(unknown)) == {"new": ITS_NEED_IS_UNKNOWN}


def test_protected_tags_stay_with_all_that_they_hold() -> None:
    given = facts(("1.0", "2.0"), {"1.0": "one", "2.0": "two"}, {"two": ("amd",)}, protected=("2.0",), whole_image=True)
    plan = make_plan(given)

    assert (dict(plan.tags), deleted(plan), plan.staying_tags) == ({"1.0": "one"}, ["one"], ("2.0",))
    assert kept(plan)["2.0"] == PROTECTED


def test_the_referrers_of_what_is_protected_stay_with_it() -> None:
    whole = replace(SIGNED, wanted=Wanted(REPOSITORY, whole_image=True), asked_tags=tuple(SIGNED.digests))
    plan = make_plan(replace(whole, protected=frozenset({"1.0"})))

    assert (dict(plan.tags), deleted(plan)) == ({"2.0": "other"}, ["other"])


def test_the_referrer_of_what_is_protected_stays_although_an_index_that_goes_names_it() -> None:
    whole = facts(
        ("1.0", "2.0", "sha256-one"),
        {"1.0": "one", "2.0": "index", "sha256-one": "list"},
        {"index": ("one", "attestation"), "list": ("attestation",)},
        subjects={"attestation": "one"},
        named_after={"sha256-one": "one"},
        protected=("1.0",),
        whole_image=True,
    )
    plan = make_plan(whole)
    assert dict(plan.tags) == {"2.0": "index"}
    assert [step.digest for step in plan.steps] == ["index"]
    assert plan.rewrites == ()


def test_protected_tags_go_where_they_are_included() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "a"}, protected=("1.0",), include_protected=True))

    assert (dict(plan.tags), kept(plan)) == ({"1.0": "a"}, {})


def test_a_protected_sibling_keeps_the_manifest() -> None:
    plan = make_plan(facts(("1.0",), SIBLINGS, protected=("latest",), siblings=Siblings.REMOVE))

    assert (set(plan.tags), deleted(plan)) == ({"1.0", "1"}, [])
    assert kept(plan)["latest"] == PROTECTED


def test_nothing_but_protected_tags_is_refused() -> None:
    assert make_plan(facts(("1.0",), {"1.0": "a"}, protected=("1.0",))).refusal == f"1.0 stays: {PROTECTED}"


SIGNED = facts(
    ("1.0",),
    {"1.0": "image", "2.0": "other", "sha256-image.sig": "signature", "sha256-image": "list"},
    {"list": ("sbom", "attestation")},
    subjects={"sbom": "image", "attestation": "image", "of the sbom": "sbom"},
    named_after={"sha256-image.sig": "image", "sha256-image": "image"},
)


def test_referrers_go_with_what_they_refer_to_and_theirs_in_turn() -> None:
    plan = make_plan(SIGNED)

    assert set(plan.tags) == {"1.0", "sha256-image.sig", "sha256-image"}
    assert set(deleted(plan)) == {"image", "signature", "list", "sbom", "attestation", "of the sbom"}
    assert plan.referrers == {*deleted(plan), *plan.tags} - {"image", "1.0"}
    assert deleted(plan)[0] == "image"


def test_referrers_stay_where_that_was_chosen_and_are_named() -> None:
    plan = make_plan(replace(SIGNED, wanted=replace(SIGNED.wanted, referrers=Referrers.KEEP)))

    assert (dict(plan.tags), deleted(plan)) == ({"1.0": "image"}, ["image"])
    assert {"sha256-image.sig", "sha256-image", "sbom", "attestation"} <= kept(plan).keys()


def test_a_referrer_with_a_tag_of_its_own_stays_and_is_named() -> None:
    plan = make_plan(replace(SIGNED, digests={**SIGNED.digests, "sbom-1.0": "sbom"}))

    assert set(deleted(plan)) == {"image", "signature", "list", "attestation"}
    assert kept(plan) == {"sbom": "It is tagged sbom-1.0."}


def test_a_referrer_in_an_index_that_stays_stays() -> None:
    held = {**SIGNED.holders, "sbom": SIGNED.holders["sbom"] | {"release"}}

    assert kept(make_plan(replace(SIGNED, holders=held))) == {"sbom": "It is part of an index without a tag."}


def test_an_image_whose_tag_stays_keeps_its_referrers() -> None:
    plan = make_plan(replace(SIGNED, digests={**SIGNED.digests, "latest": "image"}))

    assert (dict(plan.tags), deleted(plan)) == ({"1.0": "image"}, [])


def test_removing_one_referrer_writes_the_list_of_referrers_anew() -> None:
    plan = make_plan(replace(SIGNED, wanted=Wanted(REPOSITORY, (), ("attestation",)), asked_tags=()))
    [rewrite] = plan.rewrites

    assert (rewrite.tag, rewrite.old) == ("sha256-image", "list")
    assert json.loads(rewrite.raw)["manifests"] == [{"digest": "sbom"}]
    assert set(deleted(plan)) == {"attestation", "list"}
    assert dict(plan.tags) == {}


def test_removing_the_last_referrer_takes_the_list_away() -> None:
    plan = make_plan(replace(SIGNED, wanted=Wanted(REPOSITORY, (), ("attestation", "sbom")), asked_tags=()))

    assert plan.rewrites == ()
    assert dict(plan.tags) == {"sha256-image": "list"}
    assert set(deleted(plan)) == {"attestation", "sbom", "list", "of the sbom"}


def test_a_list_that_loses_nothing_stays_as_it_is() -> None:
    tagged = replace(SIGNED, digests={**SIGNED.digests, "sbom-1.0": "sbom", "sbom-latest": "sbom"})
    plan = make_plan(replace(tagged, wanted=Wanted(REPOSITORY, ("sbom-1.0",)), asked_tags=("sbom-1.0",)))

    assert (dict(plan.tags), deleted(plan), plan.rewrites) == ({"sbom-1.0": "sbom"}, [], ())


AGREED = facts(("1.0",), {"1.0": "index", "2.0": "other"}, {"index": ("amd", "arm"), "other": ("arm",)})

CHANGES_THAT_MATTER = {
    "another repository": replace(AGREED, wanted=replace(AGREED.wanted, repository="team/web")),
    "siblings go": replace(AGREED, wanted=replace(AGREED.wanted, siblings=Siblings.REMOVE)),
    "referrers stay": replace(AGREED, wanted=replace(AGREED.wanted, referrers=Referrers.KEEP)),
    "a digest more": replace(AGREED, wanted=replace(AGREED.wanted, digests=("other",))),
    "the tag is on another digest": facts(("1.0",), {"1.0": "new"}, {"new": ("amd",)}),
    "a sibling more": replace(AGREED, digests={**AGREED.digests, "latest": "index"}),
    "the tag is gone": facts(("1.0",), {"2.0": "other"}),
    "a child is held": replace(AGREED, holders={**AGREED.holders, "amd": frozenset({"index", "other"})}),
    "a child is not held any more": replace(AGREED, holders={**AGREED.holders, "arm": frozenset({"index"})}),
    "a child is tagged": replace(AGREED, digests={**AGREED.digests, "amd": "amd"}),
    "a child is not there": replace(
        AGREED, manifests={digest: each for digest, each in AGREED.manifests.items() if digest != "amd"}
    ),
    "the whole image": replace(AGREED, wanted=Wanted(REPOSITORY, whole_image=True)),
    "protected": replace(AGREED, protected=frozenset({"1.0"})),
    "held": replace(AGREED, holders={**AGREED.holders, "index": frozenset({"other"})}),
}

CHANGES_THAT_DO_NOT = {
    "the catalogue is fresher": replace(AGREED, as_of=None),
    "another tag comes": replace(AGREED, digests={**AGREED.digests, "3.0": "something"}),
    "another tag goes on what holds a child": replace(AGREED, digests={**AGREED.digests, "2.1": "other"}),
    "what was read comes in another order": replace(
        AGREED,
        manifests=dict(reversed(AGREED.manifests.items())),
        digests=dict(reversed(AGREED.digests.items())),
        holders=dict(reversed(AGREED.holders.items())),
    ),
}


def test_the_fingerprint_changes_with_each_fact_that_matters() -> None:
    agreed = make_plan(AGREED).fingerprint
    others = {what: make_plan(changed).fingerprint for what, changed in CHANGES_THAT_MATTER.items()}

    assert [what for what, fingerprint in others.items() if fingerprint == agreed] == []


def test_the_fingerprint_changes_with_nothing_else() -> None:
    agreed = make_plan(AGREED).fingerprint

    assert [what for what, other in CHANGES_THAT_DO_NOT.items() if make_plan(other).fingerprint != agreed] == []


DIGESTS = [f"d{number}" for number in range(8)]


@st.composite
def repositories(draw: st.DrawFn) -> Facts:
    """Any repository: a digest names only later ones, since a manifest cannot name one that is made after it."""
    indexes = {
        digest: tuple(draw(st.lists(st.sampled_from(DIGESTS[at + 1 :]), unique=True, max_size=3)))
        for at, digest in enumerate(DIGESTS[:-1])
    }
    indexes = {digest: children for digest, children in indexes.items() if children}
    tags = draw(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(DIGESTS), min_size=1))
    whole_image = draw(st.booleans())
    asked = tuple(sorted(tags)) if whole_image else draw(st.lists(st.sampled_from(sorted(tags)), min_size=1))
    siblings = draw(st.sampled_from(Siblings))
    return facts(tuple(dict.fromkeys(asked)), tags, indexes, whole_image=whole_image, siblings=siblings)


@given(repositories())
def test_nothing_that_stays_names_or_tags_anything_that_goes(given_facts: Facts) -> None:
    plan = make_plan(given_facts)
    going = set(deleted(plan))

    for tag, digest in given_facts.digests.items():
        assert tag in plan.tags or digest not in going
    for digest in going:
        assert given_facts.holders[digest] <= going


@given(repositories())
def test_an_index_always_goes_before_what_it_names(given_facts: Facts) -> None:
    order = deleted(make_plan(given_facts))

    for at, digest in enumerate(order):
        assert given_facts.holders[digest] <= set(order[:at])


@given(repositories())
def test_what_goes_is_exactly_what_nothing_that_stays_needs(given_facts: Facts) -> None:
    plan = make_plan(given_facts)
    going = set(deleted(plan))
    tags_that_stay = {digest for tag, digest in given_facts.digests.items() if tag not in plan.tags}

    for digest in what_goes(given_facts).reached - going:
        assert digest in tags_that_stay or given_facts.holders[digest] - going


@given(repositories())
def test_every_tag_that_goes_is_asked_for_or_a_sibling_that_was_chosen_to_go(given_facts: Facts) -> None:
    plan = make_plan(given_facts)
    siblings = set(plan.siblings) if given_facts.wanted.siblings == Siblings.REMOVE else set()

    assert set(plan.tags) == set(given_facts.asked_tags) | siblings
