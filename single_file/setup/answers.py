"""What setup has to know, and where each answer comes from when nobody gives one."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from single_file.setup.machine import Starter


def _asked(question: str, default: str = "", is_secret: bool = False) -> Any:
    return field(default=default, metadata={"question": question, "is_secret": is_secret})


@dataclass(frozen=True, slots=True)
class Answers:
    """One field an option of `holystone setup`, in the order in which it asks. Empty: none."""

    registry_ca: str = _asked("File with the registry's own certificate authority (empty: the system's)")
    registry_url: str = _asked("Address at which Holystone reaches the registry", "http://127.0.0.1:5000")
    registry_username: str = _asked("User name for the registry (empty: none)")
    registry_password: str = _asked("Password for the registry", is_secret=True)
    public_name: str = _asked("Name of the registry in pull commands, such as registry.example")
    started_by: str = _asked("What starts the registry (systemd, supervisor, compose, other)", Starter.OTHER)
    started_in: str = _asked("Its unit (systemd), its FILE:PROGRAM (supervisor) or its compose FILE:SERVICE (compose)")
    registry_program: str = _asked("The registry's program", "/usr/bin/docker-registry")
    registry_config: str = _asked("The registry's configuration file", "/etc/docker/registry/config.yml")
    registry_store: str = _asked("Root directory of the registry's storage (empty: not on this machine)")
    registry_address: str = _asked("Address on which the registry listens, as its http.addr says", ":5000")
    registry_user: str = _asked("User that the registry runs as", "docker-registry")
    registry_group: str = _asked("That user's group", "docker-registry")
    keeper_folder: str = _asked(
        "Folder for the keeper (empty: no keeper, so no space is freed)", "/var/lib/registry-keeper"
    )
    data_dir: str = _asked("Folder for Holystone's own records", "/var/lib/holystone")
    bind: str = _asked("Address of Holystone itself: host and port, or unix:/run/holystone/socket", "127.0.0.1:8000")
    server_name: str = _asked("Host name of the dashboard in nginx (empty: no site is written)")
    certificate: str = _asked("Its certificate", "/etc/ssl/certs/holystone.pem")
    certificate_key: str = _asked("The certificate's key", "/etc/ssl/private/holystone.key")
    administrator: str = _asked("Name of the first administrator", "admin")


QUESTIONS = {each.name: str(each.metadata["question"]) for each in fields(Answers)}
SETTINGS = {
    "bind": "BIND",
    "data_dir": "DATA_DIR",
    "registry_url": "REGISTRY_URL",
    "registry_ca": "REGISTRY_CA",
    "registry_username": "REGISTRY_USERNAME",
    "registry_password": "REGISTRY_PASSWORD",
    "public_name": "REGISTRY_PUBLIC_NAME",
    "registry_config": "REGISTRY_CONFIG",
    "registry_store": "REGISTRY_STORE",
    "keeper_folder": "KEEPER_FOLDER",
}
"""The answers that are settings as they stand: written to the settings file, and read from it as the next default."""

SECRETS = frozenset(each.name for each in fields(Answers) if each.metadata["is_secret"])
OF_NGINX = ("certificate", "certificate_key")


def is_needed(name: str, so_far: dict[str, str]) -> bool:
    """Whether a question makes sense after the answers so far."""
    if name == "registry_password":
        return bool(so_far.get("registry_username"))
    if name == "started_in":
        return so_far.get("started_by") != Starter.OTHER
    if name in OF_NGINX:
        return bool(so_far.get("server_name"))
    return True
