"""`maintenance hold` reads its time as people write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from webapp.cli.holds import _end

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC).astimezone()


@pytest.mark.parametrize(
    ("until", "length", "expected"),
    [
        ("14:30", None, NOW.replace(hour=14, minute=30)),
        ("3:00", None, NOW.replace(hour=3) + timedelta(days=1)),
        ("2026-03-13T08:00", None, NOW.replace(day=13, hour=8)),
        (None, "45m", NOW + timedelta(minutes=45)),
        (None, "2h", NOW + timedelta(hours=2)),
    ],
)
def test_a_time_or_a_length(until: str | None, length: str | None, expected: datetime) -> None:
    assert _end(until, length, NOW) == expected


@pytest.mark.parametrize(
    ("until", "length"), [(None, None), ("14:30", "2h"), ("25:00", None), ("soon", None), (None, "2d"), (None, "-1h")]
)
def test_anything_else_is_refused(until: str | None, length: str | None) -> None:
    with pytest.raises(click.UsageError):
        _end(until, length, NOW)
