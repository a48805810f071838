"""The terminal: one module per group of commands; the same functions that the pages call."""

from __future__ import annotations

from flask import Flask

from webapp.cli.activities import activities
from webapp.cli.catalogue import repositories, sync, tags
from webapp.cli.maintenance import maintenance
from webapp.cli.removal import remove
from webapp.cli.users import users


def register(app: Flask) -> None:
    """Add all commands to `flask --app wsgi`."""
    for command in (users, activities, sync, repositories, tags, remove, maintenance):
        app.cli.add_command(command)
