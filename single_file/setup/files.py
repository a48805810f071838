"""What setup writes: the settings, the unit or supervisor's program, nginx's site, and the keeper before the registry.

The files come from deploy/, which the tests run; what differs on a machine is changed in them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import PREFIX
from single_file.settings_file import DEFAULT_FILE, line_of
from single_file.setup.answers import SETTINGS, Answers
from single_file.setup.machine import Starter

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path("/usr/local/bin/holystone")
KEEPER = Path("/usr/local/lib/holystone/keeper.py")
SHARED = Path("/usr/local/share/holystone")
OF_USE_LATER = ("nginx/registry.conf", "prometheus/holystone.rules.yml")
USER = "holystone"
DRAIN_S = 70
STOP_S = 90
HEAD = "# The settings of Holystone; `holystone setup` writes them anew and keeps what it does not ask for."


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written, and whose it will be."""

    path: Path
    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


def settings_file(answers: Answers, before: Mapping[str, str]) -> File:
    """`/etc/holystone/settings`: what was answered, and what was there before."""
    values = {
        "SECRET_KEY": before.get(f"{PREFIX}SECRET_KEY") or secrets.token_hex(32),
        **{name: getattr(answers, answer) for answer, name in SETTINGS.items()},
        "TRUSTED_PROXIES": "1" if answers.server_name else "",
        "PUBLIC_URL": f"https://{answers.server_name}" if answers.server_name else "",
    }
    ours = {PREFIX + name: value for name, value in values.items()}
    whole = {**before, **ours}
    lines = [line_of(name, value) for name, value in whole.items() if value]
    return File(DEFAULT_FILE, "\n".join([HEAD, *lines, ""]), 0o640, "root", USER)


def dashboard_file(answers: Answers, has_systemd: bool) -> File:
    """What starts the dashboard: systemd's unit, or supervisor's program where there is no systemd."""
    if not has_systemd:
        return File(Path("/etc/supervisor/conf.d/holystone.conf"), _deployed("supervisor/holystone-file.conf", {}))
    changes = (
        {"/var/lib/registry-keeper": answers.keeper_folder}
        if answers.keeper_folder
        else {"ReadWritePaths": "#ReadWritePaths"}
    )
    if answers.data_dir != "/var/lib/holystone":
        changes["StateDirectoryMode=0700"] = f"StateDirectoryMode=0700\nReadWritePaths={answers.data_dir}"
    changes["SupplementaryGroups=docker-registry"] = f"SupplementaryGroups={answers.registry_group}"
    return File(Path("/etc/systemd/system/holystone.service"), _deployed("systemd/holystone.service", changes))


def nginx_site(answers: Answers) -> File:
    """The dashboard's site."""
    changes = {
        "server 127.0.0.1:8000;": f"server {answers.bind};",
        "holystone.example": answers.server_name,
        "/etc/ssl/certs/holystone.pem": answers.certificate,
        "/etc/ssl/private/holystone.key": answers.certificate_key,
    }
    return File(Path("/etc/nginx/conf.d/holystone.conf"), _deployed("nginx/holystone.conf", changes))


def shared_files() -> list[File]:
    """What is of use later: nginx before the registry, and the alert rules."""
    return [File(SHARED / name, _deployed(name, {})) for name in OF_USE_LATER]


def keeper_file() -> File:
    """The keeper, where the machine has a Python for it."""
    return File(KEEPER, (ROOT / "webapp/runtime/keeper.py").read_text(encoding="utf-8"))


def keeper_command(answers: Answers, python: str | None) -> str:
    """What is started in the registry's place: by a Python of the machine, or else by the single file."""
    start = f"{python} {KEEPER}" if python else f"{PROGRAM} keeper"
    store = f" --store {answers.registry_store}" if answers.registry_store else ""
    return (
        f"{start} --folder {answers.keeper_folder}{store} --address {answers.registry_address} --drain {DRAIN_S}"
        f" {answers.registry_program} {answers.registry_config}"
    )


def change_of_registry(answers: Answers, python: str | None, root: Path = Path("/")) -> File | None:
    """The file that puts the keeper before the registry; None where that is for the administrator to do."""
    command = keeper_command(answers, python)
    if answers.started_by == Starter.SYSTEMD and answers.started_in:
        path = Path(f"/etc/systemd/system/{answers.started_in}.d/keeper.conf")
        return File(path, _drop_in(answers, command))
    if answers.started_by == Starter.SUPERVISOR and ":" in answers.started_in:
        file, _, program = answers.started_in.rpartition(":")
        text = (root / file.lstrip("/")).read_text(encoding="utf-8")
        return File(Path(file), _with_keeper(text, program, command))
    if answers.started_by == Starter.COMPOSE and ":" in answers.started_in:
        file, _, service = answers.started_in.rpartition(":")
        return File(Path(file).with_name("compose.override.yaml"), _override(answers, service))
    return None


def _drop_in(answers: Answers, command: str) -> str:
    return f"""\
# The keeper stands before the registry, and starts it. Without this file the unit is as it was.
[Unit]
StartLimitIntervalSec=0

[Service]
# Empty first: a drop-in would otherwise add a second command.
ExecStart=
ExecStart={command}
Restart=always
RestartSec=1
# 'process' would leave an orphan that keeps the port.
KillMode=control-group
# More than --drain, which is more than the registry's http.draintimeout.
TimeoutStopSec={STOP_S}
# The keeper's folder lies beside what the unit may write already.
ReadWritePaths={answers.keeper_folder}
"""


def _with_keeper(text: str, program: str, command: str) -> str:
    """Supervisor's file with the command of one program replaced, and what goes with a keeper set."""
    wanted = {
        "command": command,
        "startsecs": "0",
        "startretries": "1000000",
        "stopwaitsecs": str(STOP_S),
        "autorestart": "true",
    }
    before, head, rest = text.partition(f"[program:{program}]\n")
    lines, others = _section(rest)
    kept = [line for line in lines if line.partition("=")[0].strip() not in wanted]
    while kept and not kept[-1].strip():
        kept.pop()
    return before + head + "\n".join([*kept, *(f"{name} = {value}" for name, value in wanted.items()), ""]) + others


def _section(text: str) -> tuple[list[str], str]:
    """The lines up to the next section, without what continues a command on lines of its own, and the text from there on."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines))
    kept: list[str] = []
    follows_command = False
    for line in lines[:end]:
        if line[:1] in (" ", "\t") and line.strip() and follows_command:
            continue
        follows_command = line.partition("=")[0].strip() == "command"
        kept.append(line)
    return kept, "".join(f"{line}\n" for line in ["", *lines[end:]]) if end < len(lines) else ""


def _override(answers: Answers, service: str) -> str:
    """Compose's own way to change a service without touching its file."""
    return f"""\
# The keeper stands before the registry, and starts it. Without this file the service is as it was.
services:
  {service}:
    build:
      context: {KEEPER.parent}
      dockerfile_inline: |
        FROM registry:2
        RUN apk add --no-cache python3
        COPY keeper.py /usr/local/lib/keeper.py
    entrypoint: ["python3", "/usr/local/lib/keeper.py", "--folder", "/var/lib/registry-keeper", "--store", "/var/lib/registry",
                 "--address", ":5000", "--drain", "{DRAIN_S}", "/bin/registry", "{answers.registry_config}"]
    command: []
    restart: always
    stop_grace_period: {STOP_S}s
    volumes:
      - {answers.keeper_folder}:/var/lib/registry-keeper
"""


def _deployed(name: str, changes: Mapping[str, str]) -> str:
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    return text
