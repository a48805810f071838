"""What a plan takes, leaves and refuses. Pure: facts in, plan out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from webapp.removal.plan import DANGLING, Facts, ManifestFact, Plan, make_plan

REPOSITORY = "team/api"
TIME = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def facts(
    asked: tuple[str, ...],
    tags: dict[str, str],
    indexes: dict[str, tuple[str, ...]] | None = None,
    *,
    whole_image: bool = False,
    held_by: dict[str, frozenset[str]] | None = None,
) -> Facts:
    """Facts of a repository: `tags` on digests, `indexes` naming children, `held_by` indexes outside of the plan."""
    indexes = indexes or {}
    wanted = list(dict.fromkeys(tags[tag] for tag in asked if tag in tags))
    if whole_image:
        wanted = list(dict.fromkeys([*tags.values(), *indexes]))
    reached: dict[str, ManifestFact] = {}
    while wanted:
        digest = wanted.pop()
        reached[digest] = manifest(digest, indexes.get(digest, ()))
        wanted.extend(child for child in indexes.get(digest, ()) if child not in reached)
    holders = {
        digest: frozenset(parent for parent, children in indexes.items() if digest in children)
        | (held_by or {}).get(digest, frozenset())
        for digest in reached
    }
    return Facts(
        repository=REPOSITORY,
        asked=asked,
        whole_image=whole_image,
        digests=tags,
        manifests=reached,
        holders=holders,
        gone=tuple(tag for tag in asked if tag not in tags),
        dangling=(),
        as_of=TIME,
    )


def manifest(digest: str, children: tuple[str, ...] = ()) -> ManifestFact:
    return ManifestFact(digest, "a/type", digest.encode(), "index" if children else "image", children)


def deleted(plan: Plan) -> list[str]:
    return [step.digest for step in plan.steps]


def kept(plan: Plan) -> dict[str, str]:
    return {each.name: each.reason for each in plan.kept}


def test_a_tag_takes_its_manifest_and_nothing_else() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "a", "2.0": "b"}))

    assert (dict(plan.tags), deleted(plan), plan.siblings, plan.staying_tags) == ({"1.0": "a"}, ["a"], (), ("2.0",))


def test_tags_on_the_same_digest_go_along_and_are_named() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "a", "1": "a", "latest": "a", "2.0": "b"}))

    assert plan.siblings == ("1", "latest")
    assert set(plan.tags) == {"1.0", "1", "latest"}


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
    assert [each.digest for each in plan.journal] == ["amd", "inner", "outer"]


def test_what_a_kept_index_names_is_kept_as_well() -> None:
    indexes = {"outer": ("inner",), "inner": ("amd",), "other": ("inner",)}
    plan = make_plan(facts(("1.0",), {"1.0": "outer", "2.0": "other"}, indexes))

    assert deleted(plan) == ["outer"]
    assert set(kept(plan)) == {"inner", "amd"}


def test_a_child_with_a_tag_of_its_own_stays() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "index", "1.0-amd": "amd"}, {"index": ("amd", "arm")}))

    assert set(deleted(plan)) == {"index", "arm"}
    assert kept(plan) == {"amd": "It is tagged 1.0-amd."}


def test_a_tag_on_the_child_of_an_index_that_stays_is_refused() -> None:
    plan = make_plan(facts(("1.0-amd",), {"1.0": "index", "1.0-amd": "amd"}, {"index": ("amd", "arm")}))

    assert plan.steps == ()
    assert plan.refusal == "1.0-amd is part of 1.0, which would no longer pull without it."


def test_a_tag_on_the_child_of_an_index_without_a_tag_is_refused() -> None:
    plan = make_plan(facts(("1.0",), {"1.0": "amd"}, held_by={"amd": frozenset({"elsewhere"})}))

    assert plan.refusal == "1.0 is part of an index without a tag, which would no longer pull without it."


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


def test_a_tag_without_a_manifest_is_kept_with_the_reason() -> None:
    plan = make_plan(replace(facts(("1.0",), {"1.0": "a"}), asked=("0.9", "1.0"), dangling=("0.9",)))

    assert (deleted(plan), kept(plan)) == (["a"], {"0.9": DANGLING})


def test_nothing_but_tags_without_a_manifest_is_refused() -> None:
    assert make_plan(replace(facts((), {}), asked=("0.9",), dangling=("0.9",))).refusal == DANGLING


AGREED = facts(("1.0",), {"1.0": "index", "2.0": "other"}, {"index": ("amd", "arm"), "other": ("arm",)})

CHANGES_THAT_MATTER = {
    "another repository": replace(AGREED, repository="team/web"),
    "the tag is on another digest": facts(("1.0",), {"1.0": "new"}, {"new": ("amd",)}),
    "a sibling more": replace(AGREED, digests={**AGREED.digests, "latest": "index"}),
    "another sibling": replace(AGREED, digests={"1.1": "index", "2.0": "other"}),
    "the tag is gone": facts(("1.0",), {"2.0": "other"}),
    "a child is held": replace(AGREED, holders={**AGREED.holders, "amd": frozenset({"index", "other"})}),
    "a child is not held any more": replace(AGREED, holders={**AGREED.holders, "arm": frozenset({"index"})}),
    "a child is tagged": replace(AGREED, digests={**AGREED.digests, "amd": "amd"}),
    "a child is not there": replace(
        AGREED, manifests={digest: each for digest, each in AGREED.manifests.items() if digest != "amd"}
    ),
    "the whole image": replace(AGREED, whole_image=True),
    "refused": replace(AGREED, holders={**AGREED.holders, "index": frozenset({"other"})}),
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
    return facts(tuple(dict.fromkeys(asked)), tags, indexes, whole_image=whole_image)


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

    if not plan.refusal:
        for digest in given_facts.manifests.keys() - going:
            assert digest in tags_that_stay or given_facts.holders[digest] - going


@given(repositories())
def test_every_tag_that_goes_is_asked_for_or_named_as_a_sibling(given_facts: Facts) -> None:
    plan = make_plan(given_facts)

    assert set(plan.tags) <= set(plan.asked) | set(plan.siblings)
    assert {plan.tags[tag] for tag in plan.siblings} <= {plan.tags[tag] for tag in plan.tags if tag in plan.asked}
    assert plan.refusal or set(plan.tags.values()) <= set(deleted(plan))
