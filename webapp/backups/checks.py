"""Whether there is a fresh backup. From the folder of the backups and the records; the Status page and `doctor` list it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config import Settings
from webapp.backups.models import NightlyBackup
from webapp.backups.nightly import kept
from webapp.checks import Check, CheckState

NAME = "The nightly backup"
OLD_AFTER = timedelta(hours=26)
REMEDY = (
    "Holystone tries again every quarter of an hour; `backup FILE` in a terminal makes one now, and says what is wrong."
)
HOUR, MB = timedelta(hours=1), 1_000_000


def backup_checks(session: Session, settings: Settings, now: datetime) -> list[Check]:
    """One check: how old the newest one is, how large, and whether the last try went well."""
    found = kept(settings)
    last_try = session.get(NightlyBackup, 1)
    problem = last_try.problem if last_try else ""
    if not found and problem:
        return [Check(NAME, CheckState.BAD, f"{problem} There is none yet.", REMEDY)]
    if not found:
        return [Check(NAME, CheckState.UNKNOWN, "None has been made yet.")]
    newest = found[0]
    age = now - newest.made_at
    are_kept = "1 is kept" if len(found) == 1 else f"{len(found)} are kept"
    sentence = f"The newest is {_age_words(age)} old, {newest.size_bytes / MB:.1f} MB; {are_kept}."
    if age > OLD_AFTER:
        return [Check(NAME, CheckState.BAD, f"{problem} {sentence}".strip(), REMEDY)]
    if problem:
        return [Check(NAME, CheckState.WARNING, f"{problem} {sentence}", REMEDY)]
    return [Check(NAME, CheckState.GOOD, sentence)]


def _age_words(age: timedelta) -> str:
    hours = age // HOUR
    if hours < 1:
        return "less than an hour"
    return "1 hour" if hours == 1 else f"{hours} hours" if hours < 72 else f"{age.days} days"
