"""How the registry of this machine is started: from what runs, and from the files of what started it."""

from __future__ import annotations

import configparser
import grp
import os
import pwd
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PROGRAMS = ("registry", "docker-registry")
SUPERVISOR_FOLDERS = ("etc/supervisor/conf.d", "etc/supervisord.d")
CONTAINER = re.compile(r"/docker/|docker-[0-9a-f]+\.scope|libpod|kubepods|cri-containerd|/lxc")
UNIT = re.compile(r"/([^/]+\.service)(?:/|$)")


class Starter(StrEnum):
    """Who starts the registry, and starts it again when it ends."""

    SYSTEMD = "systemd"
    SUPERVISOR = "supervisor"
    COMPOSE = "compose"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FoundRegistry:
    """A registry that runs here.

    `place` is systemd's unit, or supervisor's file and, behind a colon, its program; empty for others. In a container the paths
    are those in it. `has_keeper`: a keeper is its parent already.
    """

    pid: int
    program: str
    config: str
    user: str
    group: str
    starter: Starter
    place: str = ""
    has_keeper: bool = False


def find_registries(root: Path = Path("/")) -> list[FoundRegistry]:
    """All registries that run here, the oldest first."""
    found = []
    for pid in sorted(int(each.name) for each in (root / "proc").glob("[0-9]*")):
        words = command_of(root, pid)
        if len(words) > 2 and Path(words[0]).name in PROGRAMS and words[1] == "serve":
            found.append(_look_at(root, pid, words[0], words[2]))
    return found


def command_of(root: Path, pid: int) -> list[str]:
    """The words of a process's command; none where it has ended."""
    try:
        return (root / f"proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def _look_at(root: Path, pid: int, program: str, config: str) -> FoundRegistry:
    ancestors = [command_of(root, each) for each in _ancestors(root, pid)]
    has_keeper = any("--folder" in words and "--address" in words for words in ancestors)
    starter, place = _started_by(root, pid, ancestors, config)
    user, group = _whose(root, pid)
    return FoundRegistry(pid, program, config, user, group, starter, place, has_keeper)


def _started_by(root: Path, pid: int, ancestors: list[list[str]], config: str) -> tuple[Starter, str]:
    if any("supervisord" in word for words in ancestors for word in words[:3]):
        return Starter.SUPERVISOR, supervisor_program(root, config)
    try:
        groups = (root / f"proc/{pid}/cgroup").read_text()
    except OSError:
        groups = ""
    if CONTAINER.search(groups):
        return Starter.COMPOSE, ""
    unit = UNIT.search(groups)
    return (Starter.SYSTEMD, unit[1]) if unit else (Starter.OTHER, "")


def supervisor_program(root: Path, config: str) -> str:
    """`FILE:PROGRAM`, where supervisor's files start something with that configuration; else empty."""
    for folder in SUPERVISOR_FOLDERS:
        for file in sorted((root / folder).glob("*.conf")):
            for name, command in _programs(file):
                if config in shlex.split(command, comments=True):
                    return f"/{file.relative_to(root)}:{name}"
    return ""


def _programs(file: Path) -> Iterator[tuple[str, str]]:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;", "\t;"), strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return
    for section in parser.sections():
        if section.startswith("program:") and parser.has_option(section, "command"):
            yield section.removeprefix("program:"), parser.get(section, "command")


def _ancestors(root: Path, pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            pid = int((root / f"proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:
            return
        yield pid


def _whose(root: Path, pid: int) -> tuple[str, str]:
    try:
        seen = os.stat(root / f"proc/{pid}")  # noqa: PTH116 - a process is no file
    except OSError:
        return "", ""
    try:
        return pwd.getpwuid(seen.st_uid).pw_name, grp.getgrgid(seen.st_gid).gr_name
    except KeyError:
        return str(seen.st_uid), str(seen.st_gid)
