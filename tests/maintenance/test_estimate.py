"""How long pushes would stop: learned from past runs, with a range that says how sure it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.maintenance.estimate import OVERHEAD_S, SWEEP_S, EstimateFacts, PastRun, estimate

FACTS = EstimateFacts(dry_run_s=10.0, manifests=0, blobs_marked=20_000, blobs_eligible=5_000)


def _past(blobs: int, *, dry_run_s: float = 10.0, overhead_s: float = 2.0, sweep_s: float = 0.01) -> PastRun:
    """A run on a registry of other costs than the constants say."""
    facts = EstimateFacts(dry_run_s, 0, 20_000, blobs)
    return PastRun(facts, dry_run_s + overhead_s + sweep_s * blobs)


def test_without_a_past_run_the_constants_tell_and_the_range_is_wide() -> None:
    told = estimate(FACTS)
    assert told.seconds == pytest.approx(10 + OVERHEAD_S + SWEEP_S * 5_000)
    assert told.seconds_least == pytest.approx(told.seconds / 2)
    assert told.seconds_most == pytest.approx(told.seconds * 2)


def test_three_runs_on_different_garbage_teach_what_a_deletion_costs() -> None:
    past = [_past(1_000), _past(8_000), _past(3_000)]
    told = estimate(FACTS, past)
    truth = 10 + 2 + 0.01 * 5_000
    assert told.seconds == pytest.approx(truth, rel=0.1)
    assert told.seconds_least < truth < told.seconds_most
    assert told.seconds_most < estimate(FACTS, past[:1]).seconds * 2


def test_runs_that_all_deleted_as_much_teach_what_such_a_run_takes() -> None:
    told = estimate(FACTS, [_past(5_000)] * 3)
    assert told.seconds == pytest.approx(10 + 2 + 50, rel=0.1)


def test_runs_that_deleted_nothing_teach_the_overhead_and_the_constant_tells_the_rest() -> None:
    told = estimate(FACTS, [_past(0, overhead_s=4.0)] * 5)
    assert told.seconds == pytest.approx(10 + 4 + SWEEP_S * 5_000, rel=0.05)


def test_a_dry_run_that_is_counted_with_its_own_waiting_is_corrected_by_the_past() -> None:
    past = [_past(1_000, overhead_s=-0.5, sweep_s=0.0), _past(2_000, overhead_s=-0.5, sweep_s=0.0)]
    assert estimate(FACTS, past).seconds == pytest.approx(9.5, abs=0.1)


def test_manifests_count_as_much_as_blobs() -> None:
    past = [_past(1_000), _past(8_000)]
    with_manifests = replace(FACTS, manifests=1_000, blobs_eligible=4_000)
    assert estimate(with_manifests, past).seconds == pytest.approx(estimate(FACTS, past).seconds)


def test_runs_that_disagree_make_the_range_wider() -> None:
    steady = [_past(5_000)] * 3
    wild = [_past(5_000), _past(5_000, sweep_s=0.02), _past(5_000, sweep_s=0.005)]
    narrow, wide = estimate(FACTS, steady), estimate(FACTS, wild)
    assert wide.seconds_most / wide.seconds > narrow.seconds_most / narrow.seconds


def test_more_runs_that_agree_make_the_range_narrower() -> None:
    few, many = estimate(FACTS, [_past(5_000)]), estimate(FACTS, [_past(5_000)] * 10)
    assert many.seconds_most / many.seconds < few.seconds_most / few.seconds


def test_a_run_of_tenths_of_a_second_has_a_range_of_tenths() -> None:
    tiny = EstimateFacts(0.02, 0, 10, 3)
    told = estimate(tiny, [PastRun(tiny, 0.25)] * 5)
    assert told.seconds == pytest.approx(0.25, abs=0.02)
    assert told.seconds_most - told.seconds >= 0.2
    assert told.seconds_least >= 0


FACTS_OF_ANY_KIND = st.builds(
    EstimateFacts,
    st.floats(0, 1e5),
    st.integers(0, 10**7),
    st.integers(0, 10**8),
    st.integers(0, 10**7),
)


@given(FACTS_OF_ANY_KIND, st.lists(st.builds(PastRun, FACTS_OF_ANY_KIND, st.floats(0, 1e5)), max_size=5))
def test_whatever_is_known_the_estimate_lies_in_its_range(facts: EstimateFacts, past: list[PastRun]) -> None:
    told = estimate(facts, past)
    assert 0 <= told.seconds_least <= told.seconds <= told.seconds_most
