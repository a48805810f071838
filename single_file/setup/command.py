"""`holystone setup`: finds out, asks, looks, shows, and then does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from config import SettingError
from single_file.settings_file import DEFAULT_FILE, read_file
from single_file.setup.answers import QUESTIONS, SECRETS
from single_file.setup.carry_out import carry_out, has_users
from single_file.setup.checking import look
from single_file.setup.machine import FoundRegistry, find_registries
from single_file.setup.plan import make_plan, show
from single_file.setup.questions import ask, defaults
from webapp.accounts.errors import PasswordRefused
from webapp.accounts.passwords import check_new_password

GREETING = "Holystone is put before a registry of this machine. Nothing is written before you have seen it."


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no option answers is as found, or as usual.")
@click.option("--password-stdin", is_flag=True, help="Read the first administrator's password from standard input.")
def setup(dry_run: bool, yes: bool, password_stdin: bool, **given: str | None) -> None:
    """Put Holystone before a registry: settings, service, nginx, keeper, administrator."""
    if not dry_run and os.geteuid() != 0:
        raise click.ClickException(
            "Only root can set Holystone up; `holystone setup --dry-run` shows what would be done."
        )
    click.echo(GREETING)
    before = _settings_so_far()
    found = _found()
    asks = not yes and sys.stdin.isatty()
    options = {name: value for name, value in given.items() if value is not None}
    answers = ask(options, defaults(found, before), look, asks)
    plan = make_plan(answers, before, has_keeper=bool(found and found.has_keeper))
    show(plan)
    if dry_run:
        click.echo("\nNothing was written.")
        return
    password = None if has_users(Path(answers.data_dir)) else _password(answers.administrator, password_stdin, asks)
    if asks and not click.confirm("\nDo all of this?", default=False):
        raise click.ClickException("Nothing was written.")
    click.echo("\nDone so far:")
    carry_out(plan, answers, password)
    click.echo(_end(answers.server_name, answers.bind, answers.administrator if password is not None else ""))


def _settings_so_far() -> dict[str, str]:
    if not DEFAULT_FILE.exists():
        return {}
    try:
        return read_file(DEFAULT_FILE)
    except SettingError as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _found() -> FoundRegistry | None:
    registries = find_registries()
    for each in registries:
        where = f", {each.place}" if each.place else ""
        keeper = ", behind a keeper already" if each.has_keeper else ""
        click.echo(
            f"Found: process {each.pid}, {each.program} serve {each.config}, started by {each.starter}{where}{keeper}."
        )
    if not registries:
        click.echo("No registry was found running on this machine.")
    return registries[0] if registries else None


def _password(name: str, from_stdin: bool, asks: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif asks:
        password = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
    else:
        raise click.UsageError(f"Nobody can sign in yet: give --password-stdin, for {name}.")
    try:
        check_new_password(password, name)
    except PasswordRefused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    return password


def _end(server_name: str, bind: str, administrator: str) -> str:
    where = f"https://{server_name}/" if server_name else bind if bind.startswith("unix:") else f"http://{bind}/"
    who = f" as {administrator}" if administrator else ""
    return (
        f"\nHolystone is set up. Sign in at {where}{who}; the first page says what is still to do."
        " `holystone doctor` looks at everything."
    )


def _add_options(command: click.Command) -> None:
    for name, question in QUESTIONS.items():
        if name in SECRETS:
            envvar = f"SETUP_{name.upper()}"
            option: Any = click.Option(
                [f"--{name.replace('_', '-')}"], envvar=envvar, help=f"{question}; better in the variable {envvar}."
            )
        else:
            option = click.Option([f"--{name.replace('_', '-')}"], help=f"{question}.")
        command.params.append(option)


_add_options(setup)
