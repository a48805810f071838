"""The backup of every night: one a day (UTC) under DATA_DIR/backups, the newest seven are kept.

What has to be done is seen in the folder, so it may be asked for at any moment; a lease lets one process do it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from webapp.backups.backup import BackupFailed, back_up
from webapp.backups.models import NightlyBackup
from webapp.database import Reading, Writing
from webapp.leases import LeaseHeld, LeaseLost, held

log = logging.getLogger(__name__)

LEASE = "backup"
KEPT = 7
NIGHTLY = "nightly"


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in the folder."""

    file: Path
    made_at: datetime
    size_bytes: int


def folder_of(settings: Settings) -> Path:
    """Where the backups are that Holystone makes by itself."""
    return settings.DATA_DIR / "backups"


def kept(settings: Settings, kind: str = NIGHTLY) -> list[Kept]:
    """The backups of a kind, the newest first."""
    found = []
    for file in folder_of(settings).glob(f"{kind}-*.db"):
        try:
            seen = file.stat()
        except OSError:  # it was deleted just now
            continue
        found.append(Kept(file, datetime.fromtimestamp(seen.st_mtime, UTC), seen.st_size))
    return sorted(found, key=lambda each: each.file.name, reverse=True)


def newest_at(settings: Settings) -> datetime | None:
    """When the newest nightly backup was made; None where there is none."""
    found = kept(settings)
    return found[0].made_at if found else None


def back_up_if_due(settings: Settings, reading: Reading, writing: Writing, now: datetime) -> None:
    """Make today's backup where there is none yet, and delete the oldest ones.

    Raises:
        BackupFailed: that was written down.
    """
    file = folder_of(settings) / f"{NIGHTLY}-{now.astimezone(UTC):%Y-%m-%d}.db"
    if file.exists():
        return
    try:
        with held(writing, LEASE):
            if not file.exists():
                _make(settings, file, now)
    except (LeaseHeld, LeaseLost):
        return  # another process makes it
    except BackupFailed as failure:
        _note(reading, writing, str(failure), now)
        raise
    _note(reading, writing, "", now)


def make_room(folder: Path, kind: str, keep: int) -> None:
    """Delete all backups of a kind but the newest."""
    for file in sorted(folder.glob(f"{kind}-*.db"))[:-keep]:
        file.unlink(missing_ok=True)


def _make(settings: Settings, file: Path, now: datetime) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = back_up(settings, file, now)
        make_room(file.parent, NIGHTLY, KEPT)
    except OSError as error:
        raise BackupFailed(f"No backup was made: {error.strerror or error}.") from error
    log.info("The nightly backup was made", extra={"file": file.name, "size_bytes": made.size_bytes})


def _note(reading: Reading, writing: Writing, problem: str, now: datetime) -> None:
    """Write down how the try went. A full disk may refuse that too: then the age of the newest backup tells."""
    try:
        with reading() as session:
            known = session.get(NightlyBackup, 1)
        if known is None or known.problem != problem or not problem:
            with writing() as session:
                session.merge(NightlyBackup(id=1, tried_at=now, problem=problem))
    except SQLAlchemyError:
        log.exception("It cannot be written down how the nightly backup went")
