"""The chart of past runs on /maintenance: what each freed, and for how long it stopped pushes. Pure.

It places bars in percent of a row's width and height. So the drawing stretches with the page, and its text does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from webapp.pages.filters import counted, duration, in_bytes, moment

MOST_RUNS = 30
FEWEST_RUNS = 2
MANY_RUNS = 15
LEAST_HEIGHT = 2.0
"""In percent: a run that freed little is still seen beside one that freed a thousand times as much."""

SUCCEEDED = "succeeded"
ROUND_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 72000)


@dataclass(frozen=True, slots=True)
class ChartRun:
    """A collection that has ended. What it did not come to, or could not be measured, is None."""

    run_id: int
    started_at: datetime
    outcome: str
    bytes_freed: int | None
    seconds_without_push: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One run in one row.

    Attributes:
        middle: where it stands, in percent of the row's width.
        left: where its column begins.
        top: where its upper end is, in percent of the row's height from above; None where nothing is to be drawn.
        has_failed: whether it bears the mark of a run that did not succeed.
        title: what is said of it under the pointer.
    """

    middle: float
    left: float
    top: float | None
    has_failed: bool
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity over the runs; `label` is its sentence for those who do not see it, `most` the value at its top."""

    name: str
    label: str
    most: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What `maintenance/_chart.html` draws. `column` is the width of one run's column in percent."""

    freed: Row
    without_push: Row
    column: float
    since: datetime
    until: datetime
    runs: int
    failed: int
    bytes_freed: int | None
    longest_s: float | None

    @property
    def is_dense(self) -> bool:
        """Whether the bars must be thin to fit a narrow page."""
        return self.runs > MANY_RUNS


def run_chart(runs: Sequence[ChartRun]) -> Chart | None:
    """Place the latest runs from the oldest to the newest; None where there are too few to compare.

    Args:
        runs: collections that have ended, in any order.
    """
    shown = sorted(runs, key=lambda run: (run.started_at, run.run_id))[-MOST_RUNS:]
    if len(shown) < FEWEST_RUNS:
        return None
    sizes = [run.bytes_freed for run in shown]
    lengths = [run.seconds_without_push for run in shown]
    failed = sum(run.outcome != SUCCEEDED for run in shown)
    freed = _row("Freed", "Freed", shown, sizes, round_bytes, lambda size: in_bytes(round(size)))
    return Chart(
        freed=replace(freed, label=f"{freed.label} {counted(failed, 'run')} did not succeed.") if failed else freed,
        without_push=_row("Without push", "Time without push", shown, lengths, round_seconds, duration),
        column=round(100 / len(shown), 3),
        since=shown[0].started_at,
        until=shown[-1].started_at,
        runs=len(shown),
        failed=failed,
        bytes_freed=sum(size or 0 for size in sizes) if any(size is not None for size in sizes) else None,
        longest_s=max((each for each in lengths if each is not None), default=None),
    )


def round_bytes(most: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below."""
    power = 1.0
    while power * 10 < most:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def round_seconds(most: float) -> float:
    """A length of time that is not below, and that people would write on an axis; whole days from a day on."""
    return next((step for step in ROUND_SECONDS if step >= most), -(-most // 86400) * 86400)


def _row(
    name: str,
    subject: str,
    runs: Sequence[ChartRun],
    values: Sequence[float | None],
    rounded: Callable[[float], float],
    words: Callable[[float], str],
) -> Row:
    known = [value for value in values if value is not None]
    most = rounded(max(known, default=0))
    bars = tuple(
        Bar(
            middle=round(100 * (position + 0.5) / len(runs), 3),
            left=round(100 * position / len(runs), 3),
            top=round(100 - max(LEAST_HEIGHT, 100 * value / most), 2) if value else None,
            has_failed=run.outcome != SUCCEEDED,
            title=_title(run),
        )
        for position, (run, value) in enumerate(zip(runs, values, strict=True))
    )
    return Row(name, _label(subject, len(runs), known, words), _short(words(most)), bars)


def _label(subject: str, count: int, known: Sequence[float], words: Callable[[float], str]) -> str:
    begin = f"{subject} over the last {counted(count, 'run')}"
    if not known:
        return f"{begin}: not known."
    least, most = words(min(known)), words(max(known))
    return f"{begin}: {most} each." if least == most else f"{begin}: between {least} and {most}."


def _title(run: ChartRun) -> str:
    freed = "freed: not known" if run.bytes_freed is None else f"freed {in_bytes(run.bytes_freed)}"
    parts = [freed]
    if run.seconds_without_push is not None:
        parts.append(f"no push for {duration(run.seconds_without_push)}")
    if run.outcome != SUCCEEDED:
        parts.append(run.outcome)
    return f"{moment(run.started_at)}: {', '.join(parts)}"


def _short(words: str) -> str:
    """Of a round quantity, without the digits that say nothing: 5 GB for 5.00 GB, 2 min for 2 min 0 s."""
    number, _, unit = words.partition(" ")
    if "." in number:
        return f"{number.rstrip('0').rstrip('.')} {unit}"
    return words.removesuffix(" 0 s").removesuffix(" 0 min")
