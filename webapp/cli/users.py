"""`users create|password|list|disable|enable`: who may sign in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.accounts import users as accounts
from webapp.accounts.errors import AccountError
from webapp.accounts.models import Role, User
from webapp.activities.record import COMMAND
from webapp.cli.answers import fail, parts, print_json, typed_by

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input; else it is asked for.",
)


@click.group("users")
def users() -> None:
    """Create users, change passwords, disable and enable."""


@users.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@password_option
@as_json_option
@with_appcontext
def create(name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Create the user NAME."""
    password = _read_password(password_stdin)
    with _changing(as_json) as session:
        user = accounts.create_user(session, name, password, Role(role), parts().now, actor=typed_by(), place=COMMAND)
    _answer(user, f"Created {user.name}, role {user.role}.", as_json)


@users.command("password")
@click.argument("name")
@password_option
@as_json_option
@with_appcontext
def password(name: str, password_stdin: bool, as_json: bool) -> None:
    """Change the password of NAME and end all sessions of that user."""
    new_password = _read_password(password_stdin)
    with _changing(as_json) as session:
        user = accounts.set_password(session, name, new_password, parts().now, actor=typed_by(), place=COMMAND)
    _answer(user, f"Changed the password of {user.name} and ended all sessions.", as_json)


@users.command("list")
@as_json_option
@with_appcontext
def list_users(as_json: bool) -> None:
    """List all users."""
    with parts().reading() as session:
        found = [_document(user) for user in accounts.list_users(session)]
    if as_json:
        print_json({"users": found})
        return
    for user in found:
        state = "disabled" if user["disabled_at"] else ""
        click.echo(f"{user['name']:<24} {user['role']:<6} {state}".rstrip())


@users.command("disable")
@click.argument("name")
@as_json_option
@with_appcontext
def disable(name: str, as_json: bool) -> None:
    """Keep NAME from signing in and end all sessions of that user."""
    with _changing(as_json) as session:
        user = accounts.disable_user(session, name, parts().now, actor=typed_by(), place=COMMAND)
    _answer(user, f"Disabled {user.name} and ended all sessions.", as_json)


@users.command("enable")
@click.argument("name")
@as_json_option
@with_appcontext
def enable(name: str, as_json: bool) -> None:
    """Let NAME sign in again."""
    with _changing(as_json) as session:
        user = accounts.enable_user(session, name, parts().now, actor=typed_by(), place=COMMAND)
    _answer(user, f"Enabled {user.name}.", as_json)


@contextmanager
def _changing(as_json: bool) -> Iterator[Session]:
    """A transaction; where it is refused, the command ends as failed with the refusal's sentence."""
    try:
        with parts().writing() as session:
            yield session
    except AccountError as refusal:
        fail(refusal.sentence, as_json)


def _read_password(from_stdin: bool) -> str:
    if not from_stdin:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("Standard input has no password in its first line.")
    return password


def _answer(user: User, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json({"outcome": "done", **_document(user)})
    else:
        click.echo(sentence)


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "created_at": user.created_at.isoformat(),
        "disabled_at": user.disabled_at.isoformat() if user.disabled_at else None,
        "password_changed_at": user.password_changed_at.isoformat(),
    }
