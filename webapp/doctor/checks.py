"""All checks together. From the records and this machine's files only: neither registry nor keeper is asked (law 9)."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.backups.backup import records_file
from webapp.backups.checks import backup_checks
from webapp.backups.files import words_of
from webapp.backups.schema import newest_version
from webapp.catalogue.checks import registry_checks
from webapp.catalogue.models import RegistryState
from webapp.checks import Check, CheckState
from webapp.database import version_of
from webapp.parts import Parts
from webapp.windows.checks import window_checks

RECORDS = "The records"
UPGRADE = "Start Holystone, which brings them to its version, or type `db upgrade`."


def all_checks(parts: Parts, session: Session) -> list[Check]:
    """Everything that can be checked, in the order in which it depends on each other.

    Raises:
        SQLAlchemyError: the records cannot be read.
    """
    state = session.get(RegistryState, 1)
    settings = parts.settings
    return [
        _records_check(session),
        *registry_checks(state, parts.now(), settings.SYNC_INTERVAL, are_named=bool(settings.REPOSITORIES)),
        *window_checks(session),
        *backup_checks(session, settings, parts.now()),
    ]


def checks_whatever_happens(parts: Parts) -> list[Check]:
    """The same; where the records cannot be used, that they cannot is the one check."""
    file = records_file(parts.settings)
    if not file.is_file():
        remedy = f"{UPGRADE} Or name the right folder in HOLYSTONE_DATA_DIR, or restore a backup."
        return [Check(RECORDS, CheckState.BAD, f"There are none: {file} is not there.", remedy)]
    try:
        with parts.reading() as session:
            first = _records_check(session)
            return [first] if first.state == CheckState.BAD else all_checks(parts, session)
    except (SQLAlchemyError, LookupError) as error:  # LookupError: a word that this version does not know
        remedy = "See who may read them, and whether their disk is full; else restore a backup: `restore-backup FILE`."
        return [Check(RECORDS, CheckState.BAD, f"They cannot be read: {words_of(error)}.", remedy)]


def worst_of(checks: list[Check]) -> CheckState:
    """The state of all together: bad, then warning, then unknown, then good."""
    states = {each.state for each in checks}
    order = (CheckState.BAD, CheckState.WARNING, CheckState.UNKNOWN)
    return next((each for each in order if each in states), CheckState.GOOD)


def _records_check(session: Session) -> Check:
    found = version_of(session)
    if found == newest_version():
        return Check(RECORDS, CheckState.GOOD, f"They can be read, and have the tables of this version ({found}).")
    sentence = f"They have tables of version {found or 'none'}, and this Holystone works with {newest_version()}."
    return Check(RECORDS, CheckState.BAD, sentence, UPGRADE)
