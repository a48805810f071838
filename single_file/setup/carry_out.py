"""Does what was planned and shown. It can be done again: what is there already stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from single_file.setup.answers import Answers
from single_file.setup.files import PROGRAM, ROOT, File
from single_file.setup.plan import Folder, Plan


def carry_out(plan: Plan, answers: Answers, password: str | None) -> None:
    """Users, folders, files, the first administrator; then the registry behind its keeper, and the dashboard.

    Raises:
        click.ClickException: a step failed; the sentence names it. Those before it are done.
    """
    for command in plan.users:
        _run(command)
    for folder in plan.folders:
        _make(folder)
    _install_program()
    for file in plan.files:
        _write(file)
    _create_administrator(answers.administrator, password)
    for command in (*plan.start_registry, *plan.start_dashboard):
        _run(command)


def _run(command: list[str], given: str | None = None) -> str:
    click.echo(f"  {' '.join(command)}")
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except OSError as error:
        raise click.ClickException(f"'{command[0]}' cannot be started: {error.strerror}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise click.ClickException(f"'{' '.join(command)}' ended with {done.returncode}: {said}")
    return done.stdout


def _make(folder: Folder) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    _hand_over(folder.path, folder.owner, folder.group)
    folder.path.chmod(folder.mode)


def _write(file: File) -> None:
    """Beside first, then in its place: whoever reads it meanwhile sees the one or the other, whole."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    new = file.path.with_name(f".{file.path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(file.content)
        opened.flush()
        os.fsync(descriptor)
    _hand_over(new, file.owner, file.group)
    new.chmod(file.mode)
    new.rename(file.path)
    click.echo(f"  {file.path}")


def _hand_over(path: Path, owner: str, group: str) -> None:
    try:
        shutil.chown(path, owner, group)
    except LookupError as error:
        raise click.ClickException(
            f"{path} cannot be given to {owner}:{group}, which this machine does not know."
        ) from error


def _install_program() -> None:
    """Put this very file where the unit looks for it."""
    if not getattr(sys, "frozen", False):
        return
    ours = Path(sys.executable)
    if PROGRAM.exists() and (PROGRAM.samefile(ours) or PROGRAM.read_bytes() == ours.read_bytes()):
        return
    new = PROGRAM.with_name(".holystone.new")
    shutil.copyfile(ours, new)
    new.chmod(0o755)
    new.rename(PROGRAM)
    click.echo(f"  {PROGRAM}")


def _create_administrator(name: str, password: str | None) -> None:
    """The first one: where there are users already, nobody is added."""
    _run([*_as_owner(), "db", "upgrade"])
    if password is not None:
        _run([*_as_owner(), "users", "create", name, "--role", "admin", "--password-stdin"], password + "\n")


def has_users(data_dir: Path) -> bool:
    """Whether somebody can sign in already."""
    if not (data_dir / "holystone.db").exists() or not Path(_as_owner()[0]).exists():
        return False
    done = subprocess.run([*_as_owner(), "users", "list", "--json"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and '"name"' in done.stdout


def _as_owner() -> list[str]:
    """A command of Holystone's own, which goes on as the user whose the records are: of the installed file, which he can read."""
    return [str(PROGRAM)] if getattr(sys, "frozen", False) else [sys.executable, str(ROOT / "holystone.py")]
