"""Looks at an answer with the checks of the Status page and of a run, and prints what they say."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from config import PREFIX, SettingError, read_settings
from single_file.setup.files import DRAIN_S
from single_file.setup.machine import Starter
from webapp.catalogue.checks import what_it_allows
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.checks import Check, CheckState
from webapp.maintenance.registry_config import config_checks
from webapp.registry.capabilities import Capabilities, probe
from webapp.registry.client import open_registry
from webapp.registry.presence import answers as is_answered

CONNECT_S, READ_S = 5.0, 10.0
MARKS = {CheckState.GOOD: "good", CheckState.WARNING: "look", CheckState.BAD: "BAD", CheckState.UNKNOWN: "?"}


def look(name: str, answers: dict[str, str]) -> bool:
    """Print what is found about the answer to `name`; whether it will do."""
    looks: dict[str, Callable[[dict[str, str]], bool]] = {
        "registry_url": _is_address,
        "registry_password": _registry,
        "registry_username": lambda each: bool(each["registry_username"]) or _registry(each),
        "started_by": _is_a_starter,
        "started_in": _is_a_place,
        "registry_config": _config,
        "registry_store": _store,
        "registry_ca": lambda each: not each["registry_ca"] or _is_there(each["registry_ca"]),
        "certificate": lambda each: _is_there(each["certificate"]),
        "certificate_key": lambda each: _is_there(each["certificate_key"]),
    }
    return looks[name](answers) if name in looks else True


def show(checks: list[Check]) -> None:
    """Print checks, each with its remedy."""
    for each in checks:
        click.echo(f"  [{MARKS[each.state]:4}] {each.name}: {each.sentence}")
        if each.remedy:
            click.echo(f"         {each.remedy}")
        for line in each.lines.splitlines():
            click.echo(f"             {line}")


def _is_address(answers: dict[str, str]) -> bool:
    try:
        read_settings({f"{PREFIX}SECRET_KEY": "x" * 32, f"{PREFIX}REGISTRY_URL": answers["registry_url"]})
    except SettingError as refusal:
        click.echo(f"  {refusal}")
        return False
    if is_answered(answers["registry_url"], _authority(answers)):
        return True
    click.echo(f"  Nothing answers at {answers['registry_url']}.")
    return False


def _authority(answers: dict[str, str]) -> Path | None:
    return Path(answers["registry_ca"]) if answers.get("registry_ca") else None


def _registry(answers: dict[str, str]) -> bool:
    client = open_registry(
        answers["registry_url"],
        answers["registry_username"],
        answers.get("registry_password", ""),
        _authority(answers),
        CONNECT_S,
        READ_S,
    )
    checks = what_it_allows(_state(probe(client)))
    show(checks)
    return checks[0].state != CheckState.BAD


def _state(found: Capabilities) -> RegistryState:
    """What the records would hold after such a look."""
    return RegistryState(
        mode=RegistryMode(found.mode.value) if found.reachable else RegistryMode.UNREACHABLE,
        mode_sentence=" ".join(found.sentences),
        checked_at=datetime.now(UTC),
        may_list=found.may_list,
        may_delete=found.may_delete,
        sync_problem="",
        doubt="",
    )


def _is_a_starter(answers: dict[str, str]) -> bool:
    if answers["started_by"] in list(Starter):
        return True
    click.echo(f"  Type one of {', '.join(Starter)}.")
    return False


def _is_a_place(answers: dict[str, str]) -> bool:
    """Systemd's own program knows its units; the files of the others have to be here."""
    file, is_there, name = answers["started_in"].rpartition(":")
    if answers["started_by"] == Starter.SYSTEMD or (is_there and name and Path(file).is_file()):
        return bool(answers["started_in"])
    click.echo(
        "  Type a file that is here, a colon and the name in it, such as /etc/supervisor/conf.d/registry.conf:registry."
    )
    return False


def _config(answers: dict[str, str]) -> bool:
    path = answers["registry_config"]
    show(config_checks(Path(path) if path else None, (), DRAIN_S, is_confirmed=False))
    return True  # what is bad there keeps runs from beginning, and nothing else


def _store(answers: dict[str, str]) -> bool:
    store = answers["registry_store"]
    if not store or (Path(store) / "docker/registry/v2").is_dir():
        return True
    click.echo(
        f"  There is no docker/registry/v2 in {store}: a registry that has never been pushed to, or another folder."
    )
    return Path(store).is_dir()


def _is_there(path: str) -> bool:
    if os.access(path, os.R_OK):
        return True
    click.echo(f"  {path} cannot be read.")
    return False
