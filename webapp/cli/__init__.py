"""The terminal: one module per group of commands; the same functions that the pages call."""

from __future__ import annotations

from flask import Flask

from webapp.cli.activities import activities
from webapp.cli.backups import backup, restore_backup
from webapp.cli.catalogue import repositories, sync, tags
from webapp.cli.doctor import doctor
from webapp.cli.holds import hold  # noqa: F401  it joins the group
from webapp.cli.maintenance import maintenance
from webapp.cli.notices import notices
from webapp.cli.removal import remove
from webapp.cli.retention import retention
from webapp.cli.trash import empty_trash, restore, trash
from webapp.cli.users import users
from webapp.cli.window_changes import add  # noqa: F401  it and its like join the group
from webapp.cli.windows import windows


def register(app: Flask) -> None:
    """Add all commands to `flask --app wsgi`."""
    maintenance.add_command(windows)
    of_the_catalogue = (sync, repositories, tags, remove)
    of_the_trash = (trash, restore, empty_trash)
    of_the_records = (notices, doctor, backup, restore_backup)
    for command in (users, activities, *of_the_catalogue, *of_the_trash, retention, maintenance, *of_the_records):
        app.cli.add_command(command)
