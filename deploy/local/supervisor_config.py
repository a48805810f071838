"""The configuration of the one supervisord that `make run` starts.

Paths are relative to the checkout, where supervisord is started: no folder's name can be mistaken for its syntax.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from deploy.local.addresses import Address
from deploy.local.registry_config import KEEPER_DRAIN_S, STOP_WAIT_S

DASHBOARD_STOP_WAIT_S = 40  # above gunicorn's graceful_timeout and the end of a scheduler's job

# After a `kill -9` of supervisord nothing may live on. The keeper asks the kernel for that by itself.
WITH_ITS_PARENT = ["setpriv", "--pdeathsig", "TERM"]
PYTHON = ".venv/bin/python"

HEAD = """\
[supervisord]
nodaemon = true
silent = true
logfile = var/log/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
childlogdir = var/log
pidfile = var/supervisord.pid
"""


def supervisor_config(keeper: list[str] | None) -> str:
    """The file: the dashboard, and `keeper` (its command) in front of the private registry where there is one."""
    dashboard = [*WITH_ITS_PARENT, PYTHON, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    programs = [_program("dashboard", dashboard, DASHBOARD_STOP_WAIT_S)]
    if keeper:
        programs.insert(0, _program("registry", keeper, STOP_WAIT_S))
    return "\n".join([HEAD, *programs])


def keeper_command(binary: Path, address: Address) -> list[str]:
    """The command of the keeper in front of the private registry whose program is `binary`."""
    return [
        *(PYTHON, "webapp/runtime/keeper.py", "--folder", "var/keeper", "--store", "var/registry"),
        *("--address", str(address), "--drain", str(KEEPER_DRAIN_S), str(binary), "var/registry.yml"),
    ]


def _program(name: str, command: list[str], stop_wait_s: int) -> str:
    # With startsecs above 0 a program that ends early is given up after a few tries.
    return f"""\
[program:{name}]
command = {shlex.join(command).replace("%", "%%")}
autostart = true
autorestart = true
startsecs = 0
startretries = 1000000
stopwaitsecs = {stop_wait_s}
redirect_stderr = true
stdout_logfile = var/log/{name}.log
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 1
"""
