"""What to send when asking for help: facts in plain text, without secrets, addresses of people and names of users."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from logs import without_secrets
from webapp.backups.backup import records_file
from webapp.backups.contents import count_rows, schema_of
from webapp.backups.files import DATABASE_ERRORS, opened, words_of
from webapp.checks import Check
from webapp.maintenance.models import Run
from webapp.parts import Parts
from webapp.registry.text import plain_text
from webapp.version import VERSION

OF_PEOPLE = frozenset({"REGISTRY_USERNAME", "MAIL_USERNAME", "MAIL_FROM", "MAIL_TO"})
"""Settings that are no secrets and may name a person."""

RUNS = 10
LOG_LINES = 50
LOG_BYTES = 64 * 1024
LONGEST_LINE = 2000
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def make_report(parts: Parts, checks: Sequence[Check], log: Path | None) -> str:
    """The report; what cannot be found out says why in its place."""
    sections = {
        "Holystone": _versions(),
        "Settings": _settings(parts),
        "Checks": _checks(checks),
        "Records": _records(parts),
        "Last runs": _runs(parts),
        "Log": _log(log) if log else iter(["not given: doctor --log FILE"]),
    }
    lines = [line for title, found in sections.items() for line in (f"== {title}", *found, "")]
    hidden = (*parts.settings.secrets, *_people(parts))
    return "".join(f"{_harmless(line, hidden)}\n" for line in lines)


def _people(parts: Parts) -> Iterator[str]:
    for name in OF_PEOPLE:
        value = getattr(parts.settings, name)
        yield from value if isinstance(value, tuple) else (value,)


def _harmless(line: str, hidden: Sequence[str]) -> str:
    shown = without_secrets(plain_text(line, LONGEST_LINE), hidden)
    return _MAIL_ADDRESS.sub("(an address)", shown)


def _versions() -> Iterator[str]:
    yield f"version: {VERSION}"
    yield f"python: {platform.python_version()}"
    yield f"sqlite: {dbapi2.sqlite_version}"
    yield f"platform: {platform.platform()}"


def _settings(parts: Parts) -> Iterator[str]:
    """Each setting that is not at its default; of secrets, and of what names people, only that it is set."""
    changed = parts.settings.changed
    for each in fields(parts.settings):
        if each.name in changed:
            is_hidden = "is_secret" in each.metadata or each.name in OF_PEOPLE
            yield f"{each.name} is {'set' if is_hidden else _shown(getattr(parts.settings, each.name))}"


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    for each in checks:
        yield f"{each.state:<8} {each.name}: {each.sentence}"


def _records(parts: Parts) -> Iterator[str]:
    file = records_file(parts.settings)
    try:
        with opened(file) as connection:
            yield f"version of the tables: {schema_of(connection) or 'none'}"
            yield f"bytes: {file.stat().st_size}"
            for name, count in count_rows(connection).items():
                yield f"{name}: {count}"
    except DATABASE_ERRORS as error:
        yield f"They cannot be read: {words_of(error)}."


def _runs(parts: Parts) -> Iterator[str]:
    if not records_file(parts.settings).is_file():
        yield "There are no records."  # to read them would make some
        return
    try:
        with parts.reading() as session:
            yield from [_run_words(each) for each in _last_runs(session)] or ["none"]
    except (SQLAlchemyError, LookupError) as error:
        yield f"They cannot be read: {words_of(error)}."


def _last_runs(session: Session) -> Sequence[Run]:
    return session.scalars(select(Run).order_by(Run.started_at.desc(), Run.id.desc()).limit(RUNS)).all()


def _run_words(run: Run) -> str:
    lasted = f"{(run.finished_at - run.started_at).total_seconds():.0f} s" if run.finished_at else "not ended"
    outcome = run.outcome or "under way"
    return f"{run.started_at:%Y-%m-%d %H:%M}Z {run.kind} {run.strategy} {outcome}, {lasted}. {run.reason}".rstrip()


def _log(file: Path) -> Iterator[str]:
    """The last lines, read from the end."""
    with suppress(OSError), file.open("rb") as opened_log:
        opened_log.seek(max(0, file.stat().st_size - LOG_BYTES))
        yield from opened_log.read().decode("utf-8", errors="replace").splitlines()[-LOG_LINES:]
        return
    yield f"{file} cannot be read."
