"""The settings file, `/etc/holystone/settings`: lines NAME=value, as a shell and systemd read them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from config import SettingError

DEFAULT_FILE = Path("/etc/holystone/settings")
NAME_OF_FILE = "HOLYSTONE_SETTINGS"
"""The variable that names another file. It is none of the settings, and does not reach them."""


def complete(environment: Mapping[str, str], usual: Path = DEFAULT_FILE) -> dict[str, str]:
    """`environment` with what the settings file adds; what the environment has goes before.

    Raises:
        SettingError: a file that was named, or the usual one, cannot be read.
    """
    named = environment.get(NAME_OF_FILE, "")
    given = {name: value for name, value in environment.items() if name != NAME_OF_FILE}
    if not named and not _is_there(usual):
        return given
    return read_file(Path(named) if named else usual) | given


def read_file(file: Path) -> dict[str, str]:
    """The variables of a settings file.

    Raises:
        SettingError: it cannot be read, or a line of it is no setting; the text names the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingError(f"The settings file {file} cannot be read: {reason}.") from error
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, value = _read_line(file, number, line)
            found[name] = value
    return found


def line_of(name: str, value: str) -> str:
    """A line of the file, which shells, systemd and we read alike."""
    return f"{name}={shlex.quote(value) if value else ''}"


def _read_line(file: Path, number: int, line: str) -> tuple[str, str]:
    name, is_there, value = line.strip().partition("=")
    try:
        words = shlex.split(value)
    except ValueError:
        words = ["", ""]
    if not is_there or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or len(words) > 1:
        raise SettingError(
            f"Line {number} of {file} is not NAME=value; a value with blanks or signs stands in single quotes."
        )
    return name, words[0] if words else ""


def _is_there(file: Path) -> bool:
    """Also where it is there and cannot be read, which is then said."""
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
