"""What holds of every rule and every repository, whatever they are: Hypothesis looks for one of which it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webapp.removal.remover import is_protected
from webapp.retention.rules import Decision, Facts, Line, TagFact, Terms, UntaggedFact, decide

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
NAMES = st.sampled_from([f"{kind}{number}" for kind in ("v", "main-", "pr-", "latest") for number in range(6)])
PATTERNS = st.lists(st.sampled_from(["v*", "*-3", "pr-?", "latest*", "v1", "*4"]), max_size=2).map(tuple)
DIGESTS = st.sampled_from(["", *(f"sha256:{number}" for number in range(8))])
DAYS = st.integers(0, 40)
FEW = st.one_of(st.none(), st.integers(1, 12))

TAGS = st.lists(
    st.builds(TagFact, NAMES, DIGESTS, DAYS.map(lambda days: NOW - timedelta(days=days))),
    unique_by=lambda tag: tag.name,
    max_size=20,
)
UNTAGGED = st.lists(
    st.builds(
        UntaggedFact,
        st.integers(100, 120).map(lambda number: f"sha256:{number}"),
        st.one_of(st.none(), DAYS.map(lambda days: NOW - timedelta(days=days))),
    ),
    unique_by=lambda each: each.digest,
    max_size=6,
)
FACTS = st.builds(Facts, TAGS, UNTAGGED, st.sets(st.integers(100, 120).map(lambda number: f"sha256:{number}")))
TERMS = st.builds(Terms, FEW, st.one_of(st.none(), st.integers(1, 40)), PATTERNS, FEW, st.booleans())


def gone(decisions: list[Decision]) -> set[str]:
    return {each.name or each.digest for each in decisions if each.goes}


@given(TERMS, FACTS, PATTERNS)
def test_every_tag_and_every_untagged_manifest_is_decided_of_once(
    terms: Terms, facts: Facts, protected: tuple[str, ...]
) -> None:
    decided = [each.name or each.digest for each in decide(terms, facts, protected, NOW)]
    assert sorted(decided) == sorted([tag.name for tag in facts.tags] + [each.digest for each in facts.untagged])


@given(TERMS, FACTS, PATTERNS)
def test_what_any_line_keeps_never_goes(terms: Terms, facts: Facts, protected: tuple[str, ...]) -> None:
    going = gone(decide(terms, facts, protected, NOW))
    known = sorted((tag for tag in facts.tags if tag.digest), key=lambda tag: tag.pushed_at, reverse=True)
    for place, tag in enumerate(known):
        kept_by = (
            terms.keep_newest is not None and place < terms.keep_newest,
            terms.keep_days is not None and tag.pushed_at > NOW - timedelta(days=terms.keep_days),
            is_protected(terms.keep_tags, tag.name),
            is_protected(protected, tag.name),
            not terms.takes_tags,
        )
        assert not (any(kept_by) and tag.name in going), tag
    assert not going & {tag.name for tag in facts.tags if not tag.digest}


@given(TERMS, FACTS, PATTERNS)
def test_no_tag_goes_that_is_on_the_digest_of_one_that_stays(
    terms: Terms, facts: Facts, protected: tuple[str, ...]
) -> None:
    decided = decide(terms, facts, protected, NOW)
    staying = {each.digest for each in decided if each.name and each.digest and not each.goes}
    assert not staying & {each.digest for each in decided if each.name and each.goes}


@given(TERMS, FACTS, PATTERNS)
def test_something_stays_of_every_repository_unless_the_rule_may_take_the_last_tag(
    terms: Terms, facts: Facts, protected: tuple[str, ...]
) -> None:
    decided = decide(replace(terms, may_take_last_tag=False), facts, protected, NOW)
    if any(tag.digest for tag in facts.tags):
        assert any(each.name and each.digest and not each.goes for each in decided)


@given(TERMS, FACTS, PATTERNS, st.integers(1, 5))
def test_a_larger_number_keeps_more(terms: Terms, facts: Facts, protected: tuple[str, ...], more: int) -> None:
    if terms.keep_newest is not None:
        larger = replace(terms, keep_newest=terms.keep_newest + more)
        assert _tags_gone(larger, facts, protected) <= _tags_gone(terms, facts, protected)
    if terms.keep_days is not None:
        longer = replace(terms, keep_days=terms.keep_days + more)
        assert _tags_gone(longer, facts, protected) <= _tags_gone(terms, facts, protected)
    if terms.untagged_days is not None:
        later = replace(terms, untagged_days=terms.untagged_days + more)
        assert gone(decide(later, facts, protected, NOW)) <= gone(decide(terms, facts, protected, NOW))


@given(TERMS, FACTS, PATTERNS)
def test_the_order_in_which_tags_are_read_decides_nothing(
    terms: Terms, facts: Facts, protected: tuple[str, ...]
) -> None:
    turned = replace(facts, tags=list(reversed(facts.tags)))
    assert gone(decide(terms, turned, protected, NOW)) == gone(decide(terms, facts, protected, NOW))


@given(TERMS, FACTS)
def test_no_manifest_goes_that_the_trash_holds_or_whose_age_nobody_knows(terms: Terms, facts: Facts) -> None:
    for each in decide(terms, facts, (), NOW):
        if not each.name and each.goes:
            assert each.line == Line.OLDER and each.at is not None and each.digest not in facts.in_trash


def _tags_gone(terms: Terms, facts: Facts, protected: tuple[str, ...]) -> set[str]:
    return {each.name for each in decide(terms, facts, protected, NOW) if each.goes and each.name}
