"""The environment in which `make run` starts everything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from deploy.local.addresses import Address


def surroundings(
    given: Mapping[str, str], secret_key: str, var: Path, bind: Address, registry: Address | None
) -> dict[str, str]:
    """The environment of every process: what the user gave, and Holystone's settings where the user gave none."""
    # The registry reads every REGISTRY_… variable as configuration; those of the user mean another registry.
    kept = {name: value for name, value in given.items() if value and not name.startswith("REGISTRY_")}
    settings = {"BIND": str(bind), "SECRET_KEY": secret_key}
    if registry:
        settings["DATA_DIR"] = str(var / "data")
        settings["REGISTRY_URL"] = registry.url
        settings["REGISTRY_STORE"] = str(var / "registry")
        settings["REGISTRY_CONFIG"] = str(var / "registry.yml")
        settings["KEEPER_FOLDER"] = str(var / "keeper")
    else:
        # Records of its own for each registry: else it would seem that everything had vanished from it.
        host = given["HOLYSTONE_REGISTRY_URL"].rpartition("://")[2]
        name = re.sub("[^a-z0-9.]+", "-", host.lower()).strip("-")
        settings["DATA_DIR"] = str(var / f"data-{name}")
    return {"HOLYSTONE_" + name: value for name, value in settings.items()} | kept


def exports(environment: Mapping[str, str]) -> str:
    """Holystone's settings as a shell reads them, for deploy/local/holystone."""
    ours = {name: value for name, value in sorted(environment.items()) if name.startswith("HOLYSTONE_")}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items())
