"""Asking: each question with what was found as its default, and each answer looked at before the next question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from config import PREFIX
from single_file.setup.answers import QUESTIONS, SECRETS, SETTINGS, Answers, is_needed
from single_file.setup.machine import FoundRegistry
from webapp.maintenance.registry_file import read_registry_file, setting


def defaults(found: FoundRegistry | None, settings: Mapping[str, str]) -> dict[str, str]:
    """What is answered by pressing Enter: the settings of before, else what was found, else what is usual."""
    usual = asdict(Answers())
    if found is not None:
        usual |= _of(found)
    before = {name: settings[PREFIX + key] for name, key in SETTINGS.items() if PREFIX + key in settings}
    return usual | before


def ask(
    given: Mapping[str, str], usual: Mapping[str, str], look: Callable[[str, dict[str, str]], bool], asks: bool
) -> Answers:
    """Every answer: given as an option, typed, or the usual one.

    Args:
        given: options of the command.
        usual: what stands for no answer.
        look: prints what is found about an answer; whether it will do.
        asks: whether somebody is there to be asked.
    """
    so_far: dict[str, str] = {}
    for name, question in QUESTIONS.items():
        if not is_needed(name, so_far):
            so_far[name] = ""
            continue
        so_far[name] = given[name] if name in given else _type(name, question, usual[name]) if asks else usual[name]
        while not look(name, so_far):
            if not asks or name in given:
                raise click.ClickException("Nothing was written. Set it right, then type the command again.")
            if click.confirm("Keep this answer all the same?", default=False):
                break
            so_far[name] = _type(name, question, so_far[name])
    return Answers(**so_far)


def _type(name: str, question: str, usual: str) -> str:
    is_secret = name in SECRETS
    typed: str = click.prompt(
        question, default=usual, hide_input=is_secret, show_default=not is_secret and bool(usual), prompt_suffix=": "
    )
    return typed.strip()


def _of(found: FoundRegistry) -> dict[str, str]:
    """What the process and its configuration file say."""
    file = read_registry_file(found_file) if (found_file := _file_of(found)) else None
    address = str(setting(file, (), "http", "addr").value or ":5000") if file else ":5000"
    store = str(setting(file, (), "storage", "filesystem", "rootdirectory").value or "") if file else ""
    host, _, port = address.rpartition(":")
    scheme = "https" if file and setting(file, (), "http", "tls", "certificate").value else "http"
    reached = host if host not in ("", "0.0.0.0", "[::]") else "127.0.0.1"  # noqa: S104 - compared, not bound
    answers = {
        "registry_url": f"{scheme}://{reached}:{port}",
        "started_by": found.starter.value,
        "started_in": found.place,
        "registry_program": found.program,
        "registry_config": found.config,
        "registry_store": store,
        "registry_address": address,
    }
    return answers | ({"registry_user": found.user, "registry_group": found.group} if found.user else {})


def _file_of(found: FoundRegistry) -> Path | None:
    path = Path(f"/proc/{found.pid}/root") / found.config.lstrip("/")
    return path if path.is_file() else None
