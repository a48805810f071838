"""What a rule keeps and what it takes, without a registry: facts in, decisions out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webapp.retention.limits import ALWAYS, MOST_TAGS, MOST_UNTAGGED, most_of, why_too_many
from webapp.retention.rules import Decision, Facts, Line, TagFact, Terms, UntaggedFact, decide

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def tag(name: str, days_ago: float, digest: str | None = None) -> TagFact:
    return TagFact(name, f"sha256:{name}" if digest is None else digest, NOW - timedelta(days=days_ago))


def ask(terms: Terms, *tags: TagFact, protected: tuple[str, ...] = (), **more: Any) -> dict[str, Decision]:
    """The decision of each tag, and of each untagged manifest by its digest."""
    return {each.name or each.digest: each for each in decide(terms, Facts(tags, **more), protected, NOW)}


def going(found: dict[str, Decision]) -> set[str]:
    return {name for name, each in found.items() if each.goes}


def lines(found: dict[str, Decision]) -> dict[str, Line]:
    return {name: each.line for name, each in found.items()}


def test_the_newest_stay_by_their_push_and_not_by_their_name() -> None:
    found = ask(Terms(keep_newest=2), tag("1.0", 1), tag("1.1", 5), tag("1.2", 3))
    assert lines(found) == {"1.0": Line.NEWEST, "1.2": Line.NEWEST, "1.1": Line.NO_LINE}


def test_all_that_are_as_old_as_the_last_of_the_newest_stay() -> None:
    found = ask(Terms(keep_newest=2), tag("a", 1), tag("b", 3), tag("c", 3), tag("d", 3), tag("e", 4))
    assert going(found) == {"e"}


def test_on_the_first_sync_everything_was_pushed_then_and_stays() -> None:
    assert going(ask(Terms(keep_newest=1), *(tag(f"t{each}", 0) for each in range(50)))) == set()


def test_what_is_younger_stays_and_what_is_exactly_as_old_goes() -> None:
    found = ask(Terms(keep_days=30), tag("young", 29.99), tag("old", 30), tag("ahead", -5))
    assert going(found) == {"old"}


@pytest.mark.parametrize(
    ("pattern", "stays"),
    [("v*", {"v1", "v1.2-rc"}), ("v?", {"v1"}), ("*-rc", {"v1.2-rc"}), ("latest", set()), ("V1", set()), ("*", {"v1", "v1.2-rc", "dev"})],
)  # fmt: skip
def test_tags_that_a_pattern_fits_stay(pattern: str, stays: set[str]) -> None:
    found = ask(Terms(keep_tags=(pattern,), may_take_last_tag=True), tag("v1", 9), tag("v1.2-rc", 9), tag("dev", 9))
    assert set(found) - going(found) == stays


def test_brackets_in_a_pattern_are_no_set_of_letters() -> None:
    assert going(ask(Terms(keep_tags=("[v]1",), may_take_last_tag=True), tag("v1", 9))) == {"v1"}


def test_one_line_that_keeps_is_enough() -> None:
    terms = Terms(keep_newest=1, keep_days=7, keep_tags=("v*",))
    found = ask(terms, tag("new", 0), tag("week", 6), tag("v1", 90), tag("old", 90))
    assert lines(found) == {"new": Line.NEWEST, "week": Line.YOUNGER, "v1": Line.PATTERN, "old": Line.NO_LINE}


def test_a_sibling_of_a_tag_that_stays_stays_and_says_of_which() -> None:
    found = ask(Terms(keep_tags=("1.2",)), tag("1.2", 90, "sha256:a"), tag("build-77", 90, "sha256:a"), tag("x", 90))
    assert (found["build-77"].line, found["build-77"].detail) == (Line.SIBLING, "1.2")
    assert going(found) == {"x"}


def test_a_tag_of_which_it_is_not_known_what_it_is_on_stays_and_does_not_count() -> None:
    found = ask(Terms(keep_newest=1), tag("unread", 0, ""), tag("new", 1), tag("old", 2))
    assert lines(found) == {"unread": Line.UNKNOWN, "new": Line.NEWEST, "old": Line.NO_LINE}


def test_protected_tags_stay_and_keep_their_siblings() -> None:
    found = ask(
        Terms(keep_newest=1), tag("new", 0), tag("prod", 90, "sha256:a"), tag("b1", 90, "sha256:a"), protected=("prod",)
    )
    assert (lines(found)["prod"], lines(found)["b1"]) == (Line.PROTECTED, Line.SIBLING)


def test_the_last_tag_stays_unless_the_rule_may_take_it() -> None:
    tags = (tag("a", 50, "sha256:x"), tag("b", 40, "sha256:y"), tag("c", 60, "sha256:y"))
    assert lines(ask(Terms(keep_days=7), *tags)) == {"b": Line.LAST_TAG, "c": Line.SIBLING, "a": Line.NO_LINE}
    assert going(ask(Terms(keep_days=7, may_take_last_tag=True), *tags)) == {"a", "b", "c"}


def test_a_tag_that_nobody_could_read_is_no_last_tag() -> None:
    found = ask(Terms(keep_days=7), tag("unread", 90, ""), tag("a", 50), tag("b", 60))
    assert lines(found) == {"unread": Line.UNKNOWN, "a": Line.LAST_TAG, "b": Line.NO_LINE}


def test_a_rule_without_a_line_that_keeps_takes_no_tag() -> None:
    assert going(ask(Terms(untagged_days=1), tag("a", 900), tag("b", 900))) == set()


def test_untagged_manifests_go_when_they_are_older_and_nothing_holds_them() -> None:
    untagged = [
        UntaggedFact("sha256:old", NOW - timedelta(days=15)),
        UntaggedFact("sha256:young", NOW - timedelta(days=13)),
        UntaggedFact("sha256:unknown", None),
        UntaggedFact("sha256:trash", NOW - timedelta(days=99)),
    ]
    found = ask(Terms(untagged_days=14), untagged=untagged, in_trash={"sha256:trash"})
    assert lines(found) == {
        "sha256:old": Line.OLDER,
        "sha256:young": Line.YOUNGER,
        "sha256:unknown": Line.UNKNOWN,
        "sha256:trash": Line.IN_TRASH,
    }
    assert going(ask(Terms(keep_newest=1), untagged=untagged)) == set()


def test_no_more_untagged_manifests_go_at_once_than_a_run_takes_and_the_oldest_are_first() -> None:
    untagged = [UntaggedFact(f"sha256:{day}", NOW - timedelta(days=day)) for day in range(10, 10 + MOST_UNTAGGED + 3)]
    found = ask(Terms(untagged_days=1), untagged=untagged)
    assert {name for name, each in found.items() if each.line == Line.LATER} == {"sha256:10", "sha256:11", "sha256:12"}


@pytest.mark.parametrize(
    ("tags", "share", "most"),
    [(3, 20, ALWAYS), (10, 20, 2), (15, 20, 3), (100, 20, 20), (4_000, 20, MOST_TAGS), (10, 100, 10), (9_999, 100, MOST_TAGS)],
)  # fmt: skip
def test_a_run_takes_a_share_but_a_few_in_any_case_and_never_more_than_the_most(
    tags: int, share: int, most: int
) -> None:
    assert most_of(tags, share) == most
    assert why_too_many(most, tags, share) == ""
    assert f"It would lose {most + 1}" in why_too_many(most + 1, tags, share)
