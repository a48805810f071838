"""How bytes, counts and times are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from webapp.pages import filters
from webapp.pages.filters import is_web_address

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_995, "10.0 kB"),
        (48_200_000, "48.2 MB"),
        (46_000_000, "46.0 MB"),
        (99_950_000, "100 MB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (1_310_000_000, "1.31 GB"),
        (5_000_000_000_000_000_000, "5000 PB"),
    ],
)
def test_bytes_have_three_digits(size_bytes: int | None, words: str) -> None:
    assert filters.in_bytes(size_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (0, "now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86_400, "1 day ago"),
        (7 * 86_400, "7 days ago"),
        (8 * 86_400, "4 Mar 2026, 09:00"),
    ],
)
def test_times_are_relative_for_seven_days(seconds: int, words: str) -> None:
    assert filters.ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_days_near_today_have_names() -> None:
    today = NOW.date()
    assert filters.day(NOW, today) == "Today"
    assert filters.day(date(2026, 3, 11), today) == "Yesterday"
    assert filters.day(date(2026, 3, 1), today) == "1 Mar 2026"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0431, "43 ms"),
        (0.0, "0.0 s"),
        (4.2, "4.2 s"),
        (59.96, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_lengths_of_time_are_written_short(seconds: float | None, words: str) -> None:
    assert filters.duration(seconds) == words


def test_counts_have_thin_spaces_and_nouns() -> None:
    assert filters.counted(1, "repository", "repositories") == "1 repository"
    assert filters.counted(12345, "tag") == "12\u202f345 tags"
    assert filters.short_digest("sha256:0123456789abcdef") == "0123456789ab"


@pytest.mark.parametrize("text", ["https://git.example/team/api", "http://a.example:8080/x?y=z#part"])
def test_a_plain_web_address_may_become_a_link(text: str) -> None:
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil.example", "https://", "ftp://a.example",
        "https://good.example@evil.example", "https://a.example/ b", 'https://a.example/"x', "https://a.example/<b>",
        "https://a.example\\@b.example", "https://\u202eelpmaxe", "https://аpple.example", "https://[", " https://a.example",
    ],
)  # fmt: skip
def test_anything_else_stays_text(text: str) -> None:
    assert not is_web_address(text)
