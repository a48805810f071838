"""The registry's configuration file, as far as this machine can read it, beside the names of its variables.

The registry applies every variable REGISTRY_A_B to the key `a.b` of its file, whole maps too (`configuration/parser.go`).
The keeper tells only names, so a key that one of them may set is not known, whatever the file says.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LARGEST_BYTES = 64 * 1024
NOT_NAMED = "HOLYSTONE_REGISTRY_CONFIG is not set."
_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# Beside YAMLError: what PyYAML lets through for scalars that are not what their tag says, and for deep nesting.
_NONSENSE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """What the file says; `settings` is None where that is not known, and `problem` says why."""

    settings: dict[str, Any] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: its value (None: not set), or, where it is not known, why not. `variables` are those that may set it."""

    value: Any = None
    why_unknown: str = ""
    variables: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return not self.why_unknown


class _PlainLoader(yaml.SafeLoader):
    """No aliases, which can grow without end, and no key twice, of which the registry would take another one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses aliases (`*name`), which Holystone does not follow")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) < len(names):
            raise yaml.YAMLError("a key stands in it twice")
        return super().construct_mapping(node, deep)


def read_registry_file(path: Path | None) -> RegistryFile:
    """Read the file. What cannot be read or understood is a problem in a sentence, never an exception."""
    if path is None:
        return RegistryFile(None, NOT_NAMED)
    try:
        text = _read(path)
    except OSError as error:
        return RegistryFile(None, f"The registry's file {path} cannot be read: {error.strerror}.")
    if text is None:
        return RegistryFile(None, f"{path} is not a file of at most {LARGEST_BYTES // 1024} KiB.")
    try:
        found = yaml.load(text, _PlainLoader)  # noqa: S506 a SafeLoader that takes less
    except _NONSENSE as error:
        return RegistryFile(None, f"The registry's file {path} cannot be understood: {_in_short(error)}.")
    if not isinstance(found, dict):
        return RegistryFile(None, f"The registry's file {path} is not a mapping of settings.")
    return RegistryFile(found)


def setting(file: RegistryFile, variables: Collection[str], *path: str) -> Setting:
    """The value of the key `path`, where neither a variable nor an unreadable file hides it."""
    names = overriding(variables, *path)
    if names:
        return Setting(None, f"{' and '.join(names)} may set it, and only names of variables can be seen.", names)
    found: Any = file.settings
    if found is None:
        return Setting(None, file.problem)
    for position, key in enumerate(path):
        if found is None:
            return Setting()
        if not isinstance(found, dict):
            return Setting(None, f"`{'.'.join(path[:position])}` in the registry's file is not a mapping.")
        found = found.get(key)
    return Setting(found)


def overriding(variables: Collection[str], *path: str) -> tuple[str, ...]:
    """The variables that may set this key: its own, those of the maps that it stands in, and those below it.

    Within maps such as `storage` the registry takes small letters, too (tried on 2.8.2).
    """
    wanted = ["REGISTRY", *(part.upper() for part in path)]
    found = []
    for name in variables:
        parts = name.upper().split("_")
        shorter = min(len(parts), len(wanted))
        if shorter > 1 and parts[:shorter] == wanted[:shorter]:
            found.append(name)
    return tuple(sorted(found))


def go_seconds(value: Any) -> float | None:
    """A Go duration in seconds: '30s', '1m30s', or a number of nanoseconds; None where it is no duration."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value * _UNIT_S["ns"]
    if not isinstance(value, str):
        return None
    unsigned = value[1:] if value[:1] in ("+", "-") else value
    if unsigned == "0":
        return 0.0
    if not unsigned or _DURATION.sub("", unsigned):
        return None
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(unsigned))
    return -seconds if value.startswith("-") else seconds


def _read(path: Path) -> bytes | None:
    """Its bytes; None where it is no ordinary file, or too large. A pipe is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        text = file.read(LARGEST_BYTES + 1)
    return text if len(text) <= LARGEST_BYTES else None


def _in_short(error: BaseException) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem or 'it is not YAML'}, line {error.problem_mark.line + 1}"
    return " ".join(str(error).split())[:200] or type(error).__name__
