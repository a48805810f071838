"""How templates write bytes, counts, times and digests (reference/look.md, 'Words')."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from flask import Flask
from markupsafe import Markup

from webapp.pages.current import parts

THIN_SPACE = "\u202f"
UNKNOWN = "–"
UNITS = ("kB", "MB", "GB", "TB", "PB")


def register(app: Flask) -> None:
    """Give templates the filters."""
    app.jinja_env.filters.update(
        {
            "bytes": in_bytes,
            "thousands": thousands,
            "counted": counted,
            "ago": lambda at: ago(at, parts().now()),
            "time_ago": lambda at: time_ago(at, parts().now()),
            "moment": moment,
            "day": lambda at: day(at, parts().now().date()),
            "clock": lambda at: f"{at:%H:%M:%S}",
            "duration": duration,
            "short_digest": short_digest,
            "is_web_address": is_web_address,
        }
    )


def in_bytes(size_bytes: int | None) -> str:
    """Bytes in decimal units with three digits: 48.2 MB."""
    if size_bytes is None:
        return UNKNOWN
    if size_bytes < 1000:
        return f"{size_bytes} B"
    power = 1
    while size_bytes >= 999.5 * 1000**power and power < len(UNITS):
        power += 1
    size = size_bytes / 1000**power
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f} {UNITS[power - 1]}"


def thousands(number: int) -> str:
    """A count with a thin space at the thousands."""
    return f"{number:,}".replace(",", THIN_SPACE)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: 3 tags, 1 repository."""
    return f"{thousands(number)} {singular if number == 1 else plural or singular + 's'}"


def ago(at: datetime, now: datetime) -> str:
    """A time relative to now, for seven days; then the moment itself. What lies ahead is now: clocks differ a little."""
    seconds = int((now - at).total_seconds())
    if seconds < 1:
        return "now"
    for unit_s, unit, most in ((1, "second", 60), (60, "minute", 60), (3600, "hour", 24), (86400, "day", 8)):
        if seconds // unit_s < most:
            return f"{counted(seconds // unit_s, unit)} ago"
    return moment(at)


def time_ago(at: datetime, now: datetime) -> Markup:
    """The same as an element; in Python, for a list has two of them in each of a hundred lines."""
    return Markup(f'<time datetime="{at.isoformat()}" title="{moment(at)} UTC">{ago(at, now)}</time>')  # noqa: S704 no text of others


def moment(at: datetime) -> str:
    """A time of a day: 12 Mar 2026, 03:00."""
    return f"{at.day} {at:%b %Y, %H:%M}"


def day(at: date, today: date) -> str:
    """A day: Today, Yesterday, or 12 Mar 2026."""
    on = at.date() if isinstance(at, datetime) else at
    names = {today: "Today", today - timedelta(days=1): "Yesterday"}
    return names.get(on) or f"{on.day} {on:%b %Y}"


def duration(seconds: float | None) -> str:
    """A length of time: 43 ms, 4.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return UNKNOWN
    if 0 < seconds < 0.095:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def short_digest(digest: str | None) -> str:
    """Twelve digits of a digest, without its algorithm."""
    return (digest or UNKNOWN).rpartition(":")[2][:12]


def is_web_address(text: str) -> bool:
    """Whether a text from a stranger may become a link: http or https, a host, nothing hidden in it.

    What stands before an `@` would look like the host that it leads to, and is none.
    """
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.username is None
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not any(each in text for each in ' "<>\\')
    return parts.scheme in ("http", "https") and has_host and is_plain
