"""`make run`: a private registry behind the keeper, and the dashboard, in the foreground under one supervisord.

Started in the checkout by .venv's Python. Everything that it makes is in var/.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from config import SettingError, read_settings
from deploy.local.addresses import Address, choose_registry_port, read_address, why_not_free
from deploy.local.first_time import ADMINISTRATOR, first_administrator, push_demo_fleet, upgrade_records
from deploy.local.memory import Memory, recall, remember, write_private
from deploy.local.processes import end_of, running, wait_until_answering
from deploy.local.refusal import Refusal
from deploy.local.registry_config import DRAIN_TIMEOUT_S, STOP_WAIT_S, registry_config
from deploy.local.supervisor_config import PYTHON, WITH_ITS_PARENT, keeper_command, supervisor_config
from deploy.local.surroundings import exports, surroundings

VAR = Path("var")
LOGS = VAR / "log"
MEMORY = VAR / "memory.json"
DEFAULT_BIND = "127.0.0.1:8000"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """A signal asked for the end."""


def main() -> int:
    """Run until a signal asks for the end; returns the exit code."""
    for each in ENDINGS:
        signal.signal(each, _end)
    os.umask(0o077)
    try:
        with only_one():
            run(dict(os.environ))
    except (Refusal, SettingError) as refusal:
        say(str(refusal), to_errors=True)
        return 1
    except Ended:
        say("Ended.")
    return 0


def run(given: Mapping[str, str]) -> None:
    """Prepare what is missing, start everything, say where it is, and stay until the end.

    Raises:
        Refusal: something is missing, taken or broken.
        SettingError: a setting cannot be read.
        Ended: a signal asked for the end.
    """
    bind = read_address(given.get("HOLYSTONE_BIND") or DEFAULT_BIND)
    if reason := why_not_free(bind):
        raise Refusal(f"{bind} cannot be used ({reason}). Choose another: HOLYSTONE_BIND=127.0.0.1:8001 make run")
    memory = recall(MEMORY)
    registry, keeper = (None, None) if given.get("HOLYSTONE_REGISTRY_URL") else prepare_registry(memory, bind)
    environment = surroundings(given, memory.secret_key, VAR.absolute(), bind, registry)
    read_settings(environment)
    remember(MEMORY, memory)
    write_private(VAR / "environment", exports(environment))
    write_private(VAR / "supervisord.conf", supervisor_config(keeper))

    if registry and keeper and not memory.fleet_pushed:
        say("Pushing the demo fleet into the private registry")
        push_demo_fleet(keeper, registry, environment, LOGS)
        memory.fleet_pushed = True
        remember(MEMORY, memory)
    upgrade_records(environment, LOGS)

    say("Starting")
    supervisord = [*WITH_ITS_PARENT, PYTHON, "-m", "supervisor.supervisord", "-c", "var/supervisord.conf"]
    log = LOGS / "supervisord.out"
    with running(supervisord, log, environment, STOP_WAIT_S + 10) as supervisor:
        if registry:
            wait_until_answering("The private registry", registry, "/v2/", supervisor, LOGS / "registry.log")
        wait_until_answering("The dashboard", bind, "/healthz", supervisor, LOGS / "dashboard.log")
        password = first_administrator(environment, LOGS)
        say(summary(bind, registry, environment, password))
        stay(supervisor, log)


def prepare_registry(memory: Memory, dashboard: Address) -> tuple[Address, list[str]]:
    """Write the private registry's configuration; returns its address and the command of the keeper in front of it.

    Raises:
        Refusal: docker-registry is missing and may not be installed.
    """
    binary = shutil.which("docker-registry") or install_registry()
    port = choose_registry_port(memory.registry_port, dashboard.port)
    if memory.registry_port not in (None, port):
        say(f"Port {memory.registry_port} is taken by another program: the private registry moves to port {port}.")
    memory.registry_port = port
    address = Address("127.0.0.1", port)
    for folder in ("registry", "keeper"):
        (VAR / folder).mkdir(exist_ok=True)
    config = registry_config((VAR / "registry").absolute(), address, memory.registry_secret)
    write_private(VAR / "registry.yml", config)
    return address, keeper_command(Path(binary), address)


def install_registry() -> str:
    """Install Debian's registry; returns its path.

    Raises:
        Refusal: that may not be done here, or failed.
    """
    done = subprocess.run(
        ["deploy/local/install", "docker-registry"], check=False, stderr=subprocess.PIPE, encoding="utf-8"
    )
    binary = shutil.which("docker-registry")
    if done.returncode or not binary:
        raise Refusal(done.stderr.strip() or "There is no docker-registry in PATH.")
    return binary


def summary(bind: Address, registry: Address | None, environment: Mapping[str, str], password: str) -> str:
    """What is said when everything answers: address, user, password, and where things are kept."""
    command = f"deploy/local/holystone users password {ADMINISTRATOR}"
    known = f"as set at the first run; another one: {command}"
    where = f"{registry.url}, its storage in var/registry" if registry else environment["HOLYSTONE_REGISTRY_URL"]
    return f"""
  Holystone   {bind.url}
  User        {ADMINISTRATOR}
  Password    {f"{password}   (shown this once)" if password else known}

  Registry    {where}
  Records     {os.path.relpath(environment["HOLYSTONE_DATA_DIR"])}
  Logs        var/log

Ctrl-C ends every process.
"""


def stay(supervisor: subprocess.Popen[bytes], log: Path) -> None:
    """Stay until a signal asks for the end.

    Raises:
        Refusal: supervisord ended by itself.
    """
    while not make_was_interrupted():
        with suppress(subprocess.TimeoutExpired):
            code = supervisor.wait(0.5)
            raise Refusal(f"supervisord ended with {code}, and with it everything.{end_of(log)}")
    _end(signal.SIGINT, None)


def make_was_interrupted() -> bool:
    """Whether SIGINT or SIGHUP was sent to `make` alone: it then waits for us with the signal blocked, and tells us nothing."""
    with suppress(OSError):
        status = Path(f"/proc/{os.getppid()}/status").read_text(encoding="utf-8")
        if status.startswith("Name:\tmake\n"):
            blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
            return any(blocked >> (each - 1) & 1 for each in (signal.SIGINT, signal.SIGHUP))
    return False


@contextmanager
def only_one() -> Iterator[None]:
    """Hold var/ for this process.

    Raises:
        Refusal: another `make run` holds it.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    VAR.chmod(0o700)
    with (VAR / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("`make run` is running here already. End it with Ctrl-C in its terminal first.") from None
        yield


def say(text: str, *, to_errors: bool = False) -> None:
    """Print `text` now; a terminal that is gone is no reason to stop ending things in their order."""
    with suppress(OSError):
        print(text, file=sys.stderr if to_errors else sys.stdout, flush=True)


def _end(_signal: int, _frame: FrameType | None) -> None:
    for each in ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    say(f"\nEnding every process; pushes and pulls under way have {DRAIN_TIMEOUT_S} seconds.")
    raise Ended


if __name__ == "__main__":
    sys.exit(main())
