"""What `make run` does the first time: the demo fleet, the records, the administrator."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.local.addresses import Address
from deploy.local.processes import end_of, running, wait_until_answering
from deploy.local.refusal import Refusal
from deploy.local.registry_config import STOP_WAIT_S
from deploy.local.supervisor_config import PYTHON

ADMINISTRATOR = "admin"
EASILY_READ = "abcdefghjkmnpqrstuvwxyz23456789"  # no l, 1, i, 0, o


def push_demo_fleet(keeper: list[str], address: Address, environment: Mapping[str, str], logs: Path) -> None:
    """Push the demo fleet into the private registry, which runs for this moment only.

    It is there before the dashboard looks for the first time, so that the first page shows it.

    Raises:
        Refusal: the registry did not come up, or the push failed.
    """
    log = logs / "registry.log"
    with running(keeper, log, environment, STOP_WAIT_S) as process:
        wait_until_answering("The private registry", address, "/v2/", process, log)
        _python(["demo.fleet", address.url], environment, logs / "demo-fleet.log")


def upgrade_records(environment: Mapping[str, str], logs: Path) -> None:
    """Bring the tables up to date; the first time, make them.

    Raises:
        Refusal: that failed, or a setting was refused.
    """
    _flask(["db", "upgrade"], environment, logs)


def first_administrator(environment: Mapping[str, str], logs: Path) -> str:
    """Create the administrator if there are no users yet; returns the password, or an empty text if there are users.

    Raises:
        Refusal: the users could not be read, or the administrator not created.
    """
    if json.loads(_flask(["users", "list", "--json"], environment, logs))["users"]:
        return ""
    password = "".join(secrets.choice(EASILY_READ) for _ in range(20))
    _flask(["users", "create", ADMINISTRATOR, "--role", "admin", "--password-stdin"], environment, logs, password)
    return password


def _flask(arguments: list[str], environment: Mapping[str, str], logs: Path, given: str = "") -> str:
    return _python(["flask", "--app", "wsgi", *arguments], environment, logs / "commands.log", given)


def _python(module: list[str], environment: Mapping[str, str], log: Path, given: str = "") -> str:
    with log.open("a", encoding="utf-8") as errors:
        done = subprocess.run(
            [PYTHON, "-m", *module],
            check=False,
            env=environment,
            input=given,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
        )
    if done.returncode:
        raise Refusal(f"'{' '.join(module)}' failed.{end_of(log)}")
    return done.stdout
