"""The chart of runs: where its bars stand, what its axes and its sentences say, and that it can be drawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, render_template

from webapp.pages.run_chart import MOST_RUNS, Chart, ChartRun, round_bytes, round_seconds, run_chart

BEGIN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def _run(day: int, size: int | None = 1000, seconds: float | None = 1.0, outcome: str = "succeeded") -> ChartRun:
    return ChartRun(day, BEGIN + timedelta(days=day), outcome, size, seconds)


def _chart(*runs: ChartRun) -> Chart:
    chart = run_chart(runs)
    assert chart is not None
    return chart


def test_it_is_drawn_from_two_runs_on() -> None:
    assert run_chart([]) is None
    assert run_chart([_run(1)]) is None
    assert _chart(_run(1), _run(2)).runs == 2


def test_the_latest_thirty_runs_stand_from_the_oldest_to_the_newest() -> None:
    chart = _chart(*(_run(day, size=day) for day in reversed(range(1, 41))))
    assert chart.runs == MOST_RUNS
    assert (chart.since, chart.until) == (BEGIN + timedelta(days=11), BEGIN + timedelta(days=40))
    middles = [bar.middle for bar in chart.freed.bars]
    assert middles == sorted(middles)
    assert all(0 < middle < 100 for middle in middles)
    assert chart.freed.bars[-1].title.startswith("10 Apr 2026")


def test_a_bar_is_as_high_as_its_part_of_the_axis() -> None:
    chart = _chart(_run(1, 2_500_000), _run(2, 5_000_000), _run(3, 1))
    assert chart.freed.most == "5 MB"
    assert [bar.top for bar in chart.freed.bars] == [50, 0, 98]


def test_what_freed_nothing_or_is_not_known_has_no_bar() -> None:
    chart = _chart(_run(1, 0, None), _run(2, None, None))
    assert [bar.top for bar in chart.freed.bars] == [None, None]
    assert chart.bytes_freed == 0
    assert chart.longest_s is None
    assert _chart(_run(1, None), _run(2, None)).bytes_freed is None


def test_a_run_that_did_not_succeed_is_marked_and_says_its_outcome() -> None:
    chart = _chart(_run(1), _run(2, None, 3.2, "failed"), _run(3, 5, 2.0, "stopped"))
    assert [bar.has_failed for bar in chart.freed.bars] == [False, True, True]
    assert chart.freed.bars[1].title == "3 Mar 2026, 03:00: freed: not known, no push for 3.2 s, failed"
    assert chart.freed.label.endswith("2 runs did not succeed.")


def test_its_sentences_say_the_range() -> None:
    chart = _chart(_run(1, 1_200_000, 3.0), _run(2, 4_800_000_000, 90.0))
    assert chart.freed.label == "Freed over the last 2 runs: between 1.20 MB and 4.80 GB."
    assert chart.without_push.label == "Time without push over the last 2 runs: between 3.0 s and 1 min 30 s."
    assert _chart(_run(1), _run(2)).freed.label == "Freed over the last 2 runs: 1.00 kB each."
    assert "not known" in _chart(_run(1, None), _run(2, None)).freed.label


@pytest.mark.parametrize(
    ("size", "seconds", "words"),
    [
        (900, 0.2, ("1 kB", "1 s")),
        (1_000_001, 4.9, ("2 MB", "5 s")),
        (4_800_000_000, 95.0, ("5 GB", "2 min")),
        (60_000_000, 1.0, ("100 MB", "1 s")),
        (1, 6000.0, ("1 B", "2 h")),
    ],
)
def test_an_axis_ends_at_a_round_quantity(size: int, seconds: float, words: tuple[str, str]) -> None:
    chart = _chart(_run(1, size, seconds), _run(2, 0, 0.0))
    assert (chart.freed.most, chart.without_push.most) == words


def test_a_round_quantity_is_never_below() -> None:
    for value in (0, 0.3, 1, 1.01, 9.99, 10, 10.01, 7.3e12, 999, 86_399, 86_401, 1e6):
        assert round_bytes(value) >= value
        assert round_seconds(value) >= value


@pytest.mark.parametrize("count", [2, 12, 30])
def test_it_is_drawn_with_a_bar_and_a_title_for_each_run_and_one_mark_for_what_failed(app: Flask, count: int) -> None:
    chart = _chart(*(_run(day) for day in range(count - 1)), _run(count, None, 1.0, "failed"))
    with app.test_request_context():
        markup = render_template("maintenance/_chart.html", chart=chart)
    assert markup.count("<title>") == 2 * count
    assert len(re.findall(r'class="chart-bar', markup)) == 2 * count - 1
    assert markup.count("chart-mark") == 1
    assert "1 run did not succeed" in markup
    assert ("dense" in markup) == (count == 30)
