"""`doctor`: every check of the Status page in a terminal, and what to send when asking for help."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from flask.cli import with_appcontext

from webapp.checks import CheckState
from webapp.cli.answers import ExitCode, fail, parts, print_check, print_json
from webapp.doctor.checks import checks_whatever_happens, worst_of
from webapp.doctor.report import make_report

_CODES = {CheckState.GOOD: ExitCode.DONE, CheckState.BAD: ExitCode.FAILED}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--report", metavar="FILE", help="Write what to send when asking for help, without secrets; - prints it.")
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Holystone's log, whose last lines go into the report.",
)
@with_appcontext
def doctor(as_json: bool, report: str | None, log: Path | None) -> None:
    """Print every check. Exits with 0 where all is well, 1 where something is broken, 3 where only warnings or unknowns are."""
    here = parts()
    checks = checks_whatever_happens(here)
    if report is not None:
        _write(report, make_report(here, checks, log), as_json)
    worst = worst_of(checks)
    if as_json:
        listed = [
            {
                "name": each.name,
                "state": each.state,
                "sentence": each.sentence,
                "remedy": each.remedy,
                "lines": each.lines,
            }
            for each in checks
        ]
        print_json({"outcome": worst, "checks": listed})
    elif report != "-":
        for each in checks:
            print_check(each)
            for line in each.lines.splitlines():
                click.echo(f"             {line}")
    sys.exit(_CODES.get(worst, ExitCode.PARTLY))


def _write(file: str, text: str, as_json: bool) -> None:
    if file == "-":
        if as_json:
            raise click.UsageError("Say either --json or --report -: both would be printed.")
        click.echo(text, nl=False)
        return
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        fail(f"The report cannot be written to {file}: {error.strerror}.", as_json)
    click.echo(f"{file} is written. Read it before you send it.", err=True)
