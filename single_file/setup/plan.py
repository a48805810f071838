"""What setup will do on this machine: users, folders, files and commands, in that order, all of it shown before any of it is done."""

from __future__ import annotations

import difflib
import grp
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from single_file.setup.answers import Answers
from single_file.setup.files import (
    DRAIN_S,
    KEEPER,
    SHARED,
    STOP_S,
    USER,
    File,
    change_of_registry,
    dashboard_file,
    keeper_command,
    keeper_file,
    nginx_site,
    settings_file,
    shared_files,
)
from single_file.setup.machine import Starter

SECRETS_OF_SETTINGS = ("SECRET_KEY=", "PASSWORD=", "SECRET=", "TOKEN=", "WEBHOOK_URL=", "SWITCH_URL=")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to be made, and whose it will be."""

    path: Path
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`by_hand` are sentences: what is left to the administrator."""

    users: list[list[str]]
    folders: list[Folder]
    files: list[File]
    start_registry: list[list[str]]
    start_dashboard: list[list[str]]
    by_hand: list[str]


def make_plan(answers: Answers, before: Mapping[str, str], has_keeper: bool) -> Plan:
    """Plan for this machine, from the answers and the settings that are there."""
    has_systemd = Path("/run/systemd/system").is_dir()
    python = _python()
    files = [settings_file(answers, before), dashboard_file(answers, has_systemd), *shared_files()]
    start_registry: list[list[str]] = []
    by_hand: list[str] = []
    if answers.server_name:
        files.append(nginx_site(answers))
    if answers.keeper_folder:
        files.append(keeper_file())
    if answers.keeper_folder and not has_keeper:
        start_registry = _put_keeper(answers, python, files, by_hand)
    elif answers.keeper_folder and _text_of(KEEPER) not in ("", keeper_file().content):
        by_hand.append("The registry runs behind an older keeper: restart it in a quiet moment.")
    return Plan(
        users=_users(answers),
        folders=_folders(answers),
        files=files,
        start_registry=start_registry,
        start_dashboard=_start_dashboard(answers, has_systemd),
        by_hand=by_hand,
    )


def _put_keeper(answers: Answers, python: str | None, files: list[File], by_hand: list[str]) -> list[list[str]]:
    """Plan the change that puts the keeper before the registry; returns the commands that take it up."""
    change = change_of_registry(answers, python)
    if change is None:
        by_hand.append(
            "Have whatever starts the registry start this instead, as the registry's user, with"
            f" {STOP_S} seconds for a stop (the keeper's own limit is {DRAIN_S}):\n  {keeper_command(answers, python)}"
        )
        return []
    files.append(change)
    if answers.started_by == Starter.SYSTEMD:
        return [["systemctl", "daemon-reload"], ["systemctl", "restart", answers.started_in]]
    if answers.started_by == Starter.SUPERVISOR:
        return [["supervisorctl", "update"]]
    by_hand.append(f"In {change.path.parent}: docker compose up --build --detach")
    return []


def _python() -> str | None:
    """The machine's own Python, which the keeper can do with from 3.8 on."""
    return next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()), None)


def _users(answers: Answers) -> list[list[str]]:
    commands = []
    if not _is_known(USER):
        add = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", answers.data_dir]
        commands.append([*add, "--shell", "/usr/sbin/nologin", USER])
    group = answers.registry_group
    if answers.keeper_folder and group not in ("root", USER) and not _is_in(USER, group):
        commands.append(["usermod", "--append", "--groups", group, USER])
    return commands


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _is_in(user: str, group: str) -> bool:
    try:
        return user in grp.getgrnam(group).gr_mem
    except KeyError:
        return False


def _folders(answers: Answers) -> list[Folder]:
    folders = [Folder(Path("/etc/holystone"), 0o750, "root", USER), Folder(Path(answers.data_dir), 0o700, USER, USER)]
    if answers.keeper_folder:
        folders.append(Folder(Path(answers.keeper_folder), 0o2770, answers.registry_user, answers.registry_group))
        folders.append(Folder(KEEPER.parent, 0o755, "root", "root"))
    return folders


def _start_dashboard(answers: Answers, has_systemd: bool) -> list[list[str]]:
    if has_systemd:
        commands = [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", "holystone"],
            ["systemctl", "restart", "holystone"],
        ]
    elif shutil.which("supervisorctl"):
        commands = [["supervisorctl", "update"], ["supervisorctl", "restart", "holystone"]]
    else:
        commands = []
    return [*commands, ["nginx", "-t"], ["nginx", "-s", "reload"]] if answers.server_name else commands


def show(plan: Plan) -> None:
    """Print all of it; of secrets only that there is one."""
    _show_commands("Users", plan.users)
    click.echo("\nFolders:")
    for folder in plan.folders:
        click.echo(f"  {folder.path}  {folder.mode:04o} {folder.owner}:{folder.group}")
    for file in plan.files:
        _show_file(file)
    _show_commands("The registry, which restarts once", plan.start_registry)
    _show_commands("The dashboard", plan.start_dashboard)
    for sentence in plan.by_hand:
        click.echo(f"\nFor you to do: {sentence}")


def _show_commands(title: str, commands: list[list[str]]) -> None:
    if commands:
        click.echo(f"\n{title}:")
        for each in commands:
            click.echo(f"  {' '.join(each)}")


def _show_file(file: File) -> None:
    old = _text_of(file.path)
    if old == file.content:
        click.echo(f"\n{file.path}: as it is.")
        return
    if file.path == KEEPER or file.path.is_relative_to(SHARED):
        click.echo(f"\n{file.path}: {'another than now' if old else 'comes with this version'}, {file.mode:04o}.")
        return
    click.echo(f"\n{file.path}  {file.mode:04o} {file.owner}:{file.group}")
    if not old:
        click.echo("".join(f"  {_veiled(line)}\n" for line in file.content.splitlines()), nl=False)
        return
    for line in difflib.unified_diff(old.splitlines(), file.content.splitlines(), "now", "then", lineterm=""):
        click.echo(f"  {_veiled(line)}")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _veiled(line: str) -> str:
    name, is_there, _ = line.partition("=")
    return f"{name}=(a secret)" if is_there and f"{name}=".endswith(SECRETS_OF_SETTINGS) else line
