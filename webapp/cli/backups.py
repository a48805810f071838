"""`backup FILE` and `restore-backup FILE`: the records in one file, and back."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from webapp.backups.backup import BackupFailed, back_up, records_file
from webapp.backups.restore import Restored, RestoreRefused
from webapp.backups.restore import restore as put_in_place
from webapp.cli.answers import fail, parts, print_json, typed_by
from webapp.database import db
from webapp.windows.upcoming import live_windows

SHOWN = ("users", "activities", "runs", "removals")
PASSWORDS = "Users and passwords are those of the backup."


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace FILE where it is there, in one step at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def backup(file: Path, overwrite: bool, as_json: bool) -> None:
    """Write all records into FILE while everything runs, and prove that they can be restored from it."""
    here = parts()
    try:
        made = back_up(here.settings, file.absolute(), here.now(), overwrite)
    except BackupFailed as failure:
        fail(str(failure), as_json)
    if as_json:
        print_json(
            {
                "outcome": "made",
                "file": str(made.file),
                "size_bytes": made.size_bytes,
                "schema": made.contents.schema,
                "settings": made.contents.settings,
                "rows": made.contents.rows,
            }
        )
        return
    counts = ", ".join(f"{made.contents.rows[each]:,} {each}" for each in SHOWN if each in made.contents.rows)
    click.echo(f"{made.file}: {made.size_bytes:,} bytes, with {counts}. It was restored once for proof.")


@click.command("restore-backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def restore_backup(file: Path, as_json: bool) -> None:
    """Put the backup FILE in the place of the records, while Holystone is stopped. Those of before are kept beside."""
    here = parts()
    db.engine.dispose()
    try:
        done = put_in_place(records_file(here.settings), file.absolute(), here.now(), typed_by())
    except RestoreRefused as refusal:
        fail(str(refusal), as_json)
    with here.reading() as session:
        windows = [each.name for each in live_windows(session)]
    if as_json:
        print_json(_document(done, windows))
        return
    made = f" of {done.backup.made_at:%d %b %Y, %H:%M} UTC" if done.backup.made_at else ""
    click.echo(f"The records{made} are in place; everybody has to sign in again. {PASSWORDS}")
    if done.users:
        click.echo(f"They have another password than before, or may sign in again: {', '.join(done.users)}.")
    if done.kept:
        click.echo(f"Those of before are kept as {done.kept}.")
    if windows:
        click.echo(f"These windows begin at their next time: {', '.join(windows)}.")


def _document(done: Restored, windows: list[str]) -> dict[str, object]:
    return {
        "outcome": "restored",
        "made_at": done.backup.made_at.isoformat() if done.backup.made_at else None,
        "made_by": done.backup.holystone,
        "schema": done.contents.schema,
        "schema_of_backup": done.backup.schema,
        "settings_of_backup": done.backup.settings,
        "kept": str(done.kept) if done.kept else None,
        "rows": done.contents.rows,
        "users": done.users,
        "windows": windows,
    }
