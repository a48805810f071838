"""The commands of the single file: those of `flask --app wsgi`, `serve`, `keeper` and `setup`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import FlaskGroup
from flask_migrate.cli import db

from webapp.version import VERSION


@click.command()
def serve() -> None:
    """Serve the pages, with the scheduler, until TERM."""  # here for its help: holystone.py carries it out


@click.command()
def keeper() -> None:
    """Stand in front of a registry: see `holystone keeper --help`."""  # here for its help: holystone.py carries it out


def commands() -> FlaskGroup:
    """All commands. The application is made when one of its own is asked for."""
    group = FlaskGroup(
        name="holystone",
        help=f"Holystone {VERSION}: delete tags and images of a registry, and get the space back.",
        create_app=_make_app,
        add_default_commands=False,
        add_version_option=False,
        load_dotenv=False,
    )
    group.params = []  # `--app` and its like: there is one application
    for each in (serve, keeper, db):
        group.add_command(each)
    return group


def _make_app(*_: Any) -> Any:
    from webapp import create_app, settings_or_exit

    return create_app(settings_or_exit())
