"""Records of an older version are backed up, and brought to this one. Those of a newer one are refused.

Called before the application opens the records. `flask db upgrade` does the second half alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from webapp.backups.backup import BackupFailed, back_up, records_file
from webapp.backups.contents import schema_of
from webapp.backups.files import DATABASE_ERRORS, opened, words_of
from webapp.backups.in_use import InUse, use_of
from webapp.backups.nightly import folder_of, make_room
from webapp.backups.schema import bring_to_newest, known_versions, newest_version
from webapp.version import VERSION

BEFORE = "before-upgrade"
KEPT = 3
WAIT_S = 20.0


class UpgradeRefused(Exception):
    """The records are what they were, and not of this version. The text is a sentence with the remedy."""


def upgrade(settings: Settings) -> str:
    """Bring the records to this version, after a backup of those that are there.

    Returns:
        What was done, in a sentence; empty where nothing had to be done.

    Raises:
        UpgradeRefused: they cannot be read or backed up, are of a newer version, or are in use.
    """
    records = records_file(settings)
    records.parent.mkdir(parents=True, exist_ok=True)
    try:
        if _schema(records) == newest_version():
            return ""
        with use_of(records).alone(WAIT_S):
            return _upgrade(settings, records, _schema(records))
    except (InUse, BackupFailed) as problem:
        raise UpgradeRefused(f"The records were not brought to this version. {problem}") from problem
    except (*DATABASE_ERRORS, SQLAlchemyError, CommandError) as error:
        raise UpgradeRefused(f"The records cannot be brought to this version: {words_of(error)}.") from error


def _upgrade(settings: Settings, records: Path, schema: str) -> str:
    if schema == newest_version():  # another process has just done it
        return ""
    if not schema:
        bring_to_newest(records)
        return f"The records were made: {records}."
    if schema not in known_versions():
        raise UpgradeRefused(_newer(settings, schema))
    folder = folder_of(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    file = folder / f"{BEFORE}-{now:%Y-%m-%dT%H%M%SZ}-{schema}.db"
    back_up(settings, file, now, overwrite=True)
    with opened(records, "rw") as connection:
        connection.execute("DROP TABLE IF EXISTS backup")  # a backup that was put in the place of the records by hand
    bring_to_newest(records)
    make_room(folder, BEFORE, KEPT)
    return f"The records were brought from version {schema} to {newest_version()}. Those of before are in {file}."


def _newer(settings: Settings, schema: str) -> str:
    """What to do about records that this version does not know."""
    found = _usable(folder_of(settings))[:1]
    remedy = (
        f"or go back to the records of before its upgrade: restore-backup {found[0]}."
        if found
        else "or restore a backup that was made before its upgrade (restore-backup FILE)."
    )
    return (
        f"The records have tables of version {schema}, and Holystone {VERSION} knows {newest_version()} at the most:"
        f" a newer Holystone has written them. Start that one, {remedy}"
    )


def _usable(folder: Path) -> list[Path]:
    """Backups of before an upgrade, or of a night, whose tables this version knows, the newest first."""
    found = []
    for file in folder.glob("*.db"):
        try:
            if _schema(file) in known_versions():
                found.append((file.stat().st_mtime, file))
        except DATABASE_ERRORS:
            continue
    return [file for _at, file in sorted(found, reverse=True)]


def _schema(records: Path) -> str:
    """The version of a file's tables; empty where there is no file, or nothing in it."""
    if not records.exists():
        return ""
    with opened(records) as connection:
        return schema_of(connection)
