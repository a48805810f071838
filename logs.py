"""The log: one line an event, as logfmt, such as `at=2026-03-12T09:00:00.000Z level=info event="A run ended" run_id=3`.

Every record of the process becomes such a line, also those of gunicorn, APScheduler and Alembic. What is beside the
event comes from `extra`: `log.info("A run ended", extra={"run_id": 3})`. Standard library only, and beside config.py,
since gunicorn's first process writes lines too and never loads the application.

A line ends where its event does, whatever is in it: line breaks and tabs are written as `\\n`, `\\r` and `\\t`, other
characters that cannot be printed as U+FFFD, and what is too long loses its middle. What looks like a secret is hidden,
and so is every secret that `hide` was told of.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote

LONGEST_VALUE = 1_000
LONGEST_EVENT = 2_000
LONGEST_TRACEBACK = 8_000
MOST_FIELDS = 20
SHORTEST_HIDDEN = 4
"""A secret that is shorter would blacken half of every line."""

HIDDEN = "***"
_PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_ESCAPED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}
_NEEDS_QUOTES = re.compile(r'[\s="\\]')
_SECRET_WORD = r"(?:password|passwd|secret|token|authorization|cookie|api[_-]?key)"  # noqa: S105 - what a secret is called
_SECRET_KEY = re.compile(_SECRET_WORD, re.IGNORECASE)

# Each reads a text once from left to right: what is logged may be long, and somebody else's.
_SECRETS = (
    (re.compile(r"://[^/\s@]+@"), f"://{HIDDEN}@"),
    (re.compile(r"\?[^\s\"'=?]*=[^\s\"']*"), f"?{HIDDEN}"),
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(rf"({_SECRET_WORD}[\"']?\s?[:=]\s?[\"']?)[^\s\"',;&)]+", re.IGNORECASE), rf"\1{HIDDEN}"),
)
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineHandler(logging.Handler):
    """Writes each record to standard error, as one line."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: tuple[str, ...] = ()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line. A log that cannot be written keeps nobody from anything."""
        with suppress(OSError, ValueError):  # the terminal is gone, the disk is full, the stream is closed
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return " ".join(self._pairs(record))

    def _pairs(self, record: logging.LogRecord) -> Iterator[str]:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        yield f"at={at.removesuffix('+00:00')}Z"
        yield f"level={record.levelname.lower()}"
        yield f"event={self._value(_event(record), LONGEST_EVENT)}"
        fields = {key: each for key, each in vars(record).items() if key not in _OF_EVERY_RECORD and each is not None}
        for key in list(fields)[:MOST_FIELDS]:
            yield f"{key}={HIDDEN if _SECRET_KEY.search(key) else self._value(_text(fields[key]))}"
        yield f"logger={record.name}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            yield f"error={self._value(f'{type(error).__name__}: {error}')}"
            yield f"traceback={self._value(''.join(traceback.format_exception(error)), LONGEST_TRACEBACK)}"

    def _value(self, text: str, longest: int = LONGEST_VALUE) -> str:
        text = _hidden(text, self.hidden)
        text = "".join(
            _ESCAPED.get(each) or (each if each.isprintable() else _PLACEHOLDER) for each in _cut(text, longest)
        )
        return f'"{text}"' if not text or _NEEDS_QUOTES.search(text) else text


def write_lines(level: int = logging.WARNING) -> None:
    """Let every record from `level` on become a line of standard error; nothing changes where that is so already."""
    root = logging.getLogger()
    if _handler() is None:
        root.addHandler(LineHandler())
        root.setLevel(level)
        for talkative in ("apscheduler", "alembic"):  # the first tells of every job, every few seconds
            logging.getLogger(talkative).setLevel(logging.WARNING)


def write_uncaught() -> None:
    """Let also what nobody caught, and Python's own warnings, become lines: for a process that nobody looks at."""
    logging.captureWarnings(True)
    sys.excepthook = lambda _kind, error, _at: _uncaught(error)
    threading.excepthook = lambda failed: _uncaught(failed.exc_value)


def hide(secrets: Collection[str]) -> None:
    """Let these texts never stand in a line, nor those that were told before."""
    handler = _handler()
    if handler is not None:
        handler.hidden = forms({*handler.hidden, *secrets})


def forms(secrets: Collection[str]) -> tuple[str, ...]:
    """Some secrets as they are and as an address quotes them, the longest first: one may be the beginning of another."""
    all_forms = {*secrets, *(quote(each, safe="") for each in secrets)}
    return tuple(sorted((each for each in all_forms if len(each) >= SHORTEST_HIDDEN), key=len, reverse=True))


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """A text with these secrets, and what looks like one, hidden."""
    return _hidden(text, forms(secrets))


def _hidden(text: str, all_forms: Collection[str]) -> str:
    for secret in all_forms:
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _handler() -> LineHandler | None:
    return next((each for each in logging.getLogger().handlers if isinstance(each, LineHandler)), None)


def _uncaught(error: BaseException | None) -> None:
    if not isinstance(error, SystemExit):
        logging.getLogger("uncaught").critical("Nobody caught an error", exc_info=error)


def _event(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit
        return str(record.msg)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}… {len(text) - 2 * half} characters are left out …{text[-half:]}"
