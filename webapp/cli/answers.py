"""How a command answers: a sentence for people or one JSON document, and an exit code that scripts rely on."""

from __future__ import annotations

import getpass
import json
import os
import sys
from enum import IntEnum
from typing import Any, NoReturn, cast

import click
from flask import current_app

from webapp.checks import Check
from webapp.parts import Parts


class ExitCode(IntEnum):
    """DESIGN.md, 'Interfaces that stay'. Usage errors are click's own 2."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    BROKEN_OFF = 130
    """Ctrl-C, as a shell tells it."""


def parts() -> Parts:
    """The parts of the application that this command runs in."""
    return cast("Parts", current_app.extensions["holystone"])


def typed_by() -> str:
    """Who types the command: the user's name, or its number where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def print_check(check: Check) -> None:
    """Print a check as one line, with its remedy."""
    click.echo(f"{check.state:<8} {check.name}: {check.sentence} {check.remedy}".rstrip())


def print_json(document: dict[str, Any] | list[Any]) -> None:
    """Print the command's one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def fail(sentence: str, as_json: bool = False, code: ExitCode = ExitCode.FAILED) -> NoReturn:
    """End the command as failed, with a person's sentence."""
    if as_json:
        print_json({"outcome": "failed", "reason": sentence})
    else:
        click.echo(sentence, err=True)
    sys.exit(code)
