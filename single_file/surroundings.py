"""What a command runs in: the settings of the environment and of the settings file, as the user whose the records are."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from config import SettingError, read_settings
from single_file.settings_file import complete


def complete_or_exit() -> None:
    """Complete the environment of this process; a settings file that cannot be read is a sentence on a terminal."""
    try:
        settings = complete(os.environ)
    except SettingError as refusal:
        sys.exit(f"Holystone does not start. {refusal}")
    os.environ.clear()
    os.environ.update(settings)
    try:
        become_owner(read_settings(settings).DATA_DIR)
    except SettingError:
        return  # the application says so, in its own words


def become_owner(folder: Path) -> None:
    """Where root types, go on as the user whose the records are: a file of root's among them would stop the server."""
    if os.geteuid() != 0 or not folder.exists() or (owner := folder.stat()).st_uid == 0:
        return
    try:
        user = pwd.getpwuid(owner.st_uid)
    except KeyError:  # a number alone, as in a container
        os.setgroups([owner.st_gid])
        os.setgid(owner.st_gid)
    else:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.environ["HOME"] = user.pw_dir
    os.setuid(owner.st_uid)
