"""Make records of a backup: of this version, and such that nothing begins because of them.

What was under way when the backup was made is looked up as after a crash: nothing is run or deleted for it. What was
planned between the backup and now is left to the records of before, rules of retention are switched off until somebody
looks at their preview, and sessions of then do not come back to life.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from pysqlite3 import dbapi2
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.accounts.models import EndReason, SignIn
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import COMMAND, make_activity
from webapp.backups.contents import Contents, NotWhole, look_into
from webapp.backups.files import in_one_file, opened
from webapp.backups.schema import bring_to_newest, engine_for, known_versions, newest_version
from webapp.database import writing_to
from webapp.leases import LeaseRow
from webapp.removal.trash_models import HOLDING, TrashItem
from webapp.retention.records import switch_off_after_restore
from webapp.windows.models import Occurrence, OccurrenceState, Window

PUT_OFF = "Its date was put off: the records were restored from a backup."
LEFT_OUT = "The records were restored from a backup at that time."


class NewerRecords(NotWhole):
    """Records that a newer version of Holystone has written."""


def make_restored(backup: Path, file: Path, now: datetime, actor: str = "", kept: str = "") -> Contents:
    """Write records into `file`, which is empty or not there, from a backup; returns what they hold.

    Args:
        actor: who restores them.
        kept: the name under which the records of before are kept; empty where there were none.

    Raises:
        NotWhole: it is damaged, or none of ours.
        NewerRecords: this Holystone does not know its tables.
    """
    before = look_into(backup)
    if before.schema not in known_versions():
        made_by = f"Holystone {before.holystone}" if before.holystone else "a newer Holystone"
        raise NewerRecords(
            f"{backup.name} was made by {made_by} and has tables of version {before.schema or 'none'}; this one knows"
            f" {newest_version()} at the most. Restore it with that Holystone, or take an older backup."
        )
    with opened(backup) as source, closing(dbapi2.connect(str(file), isolation_level=None)) as target:
        source.backup(target)
        target.execute("DROP TABLE IF EXISTS backup")
    if before.schema != newest_version():
        bring_to_newest(file)
    with writing_to(engine_for(file))() as session:
        _let_nothing_begin(session, now)
        what = f"The backup of {_moment(before.made_at)}" if before.made_at else f"The records in {backup.name}"
        reason = f"{what}.{f' The records of before are kept as {kept}.' if kept else ''}"
        kind, outcome = ActivityKind.RECORDS_RESTORED, Outcome.DONE
        session.add(make_activity(at=now, actor=actor, kind=kind, outcome=outcome, reason=reason, place=COMMAND))
    with opened(file, "rw") as connection:
        in_one_file(connection)
    return look_into(file)


def _let_nothing_begin(session: Session, now: datetime) -> None:
    session.execute(
        update(SignIn).where(SignIn.ended_at.is_(None)).values(ended_at=now, end_reason=EndReason.RECORDS_RESTORED)
    )
    session.execute(update(LeaseRow).values(ends_boottime_s=0.0))
    switch_off_after_restore(session)
    session.execute(update(Window).where(Window.planned_from < now).values(planned_from=now))
    _put_dates_of_the_trash_off(session, now)
    waiting = select(Occurrence).where(Occurrence.state.is_(None), Occurrence.run_id.is_(None))
    for each in session.scalars(waiting):
        each.state, each.sentence = OccurrenceState.SKIPPED, LEFT_OUT


def _put_dates_of_the_trash_off(session: Session, now: datetime) -> None:
    """A date that has come since the backup was made is nobody's wish: every item gets its whole term again."""
    for item in session.scalars(select(TrashItem).where(TrashItem.state.in_(HOLDING), TrashItem.until.is_not(None))):
        if item.until is not None:
            item.until, item.note = now + max(timedelta(0), item.until - item.deleted_at), PUT_OFF


def _moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC"
