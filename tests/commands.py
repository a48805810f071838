"""Run a command of Holystone's on a test's own records, as `flask --app wsgi …` would."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import click
from click.testing import Result
from flask import Flask

from tests.records import Clock, Records

Run = Callable[..., Result]


def runner(command: click.Command, records: Records, clock: Clock) -> Run:
    """Make `run(*arguments, input="")`. The command is handed the records and the clock, and no registry."""
    app = Flask("commands")
    app.extensions["holystone"] = SimpleNamespace(reading=records.reading, writing=records.writing, now=clock)

    def run(*arguments: str, input: str = "") -> Result:
        return app.test_cli_runner().invoke(command, arguments, input=input)

    return run
