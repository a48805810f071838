"""The dashboard as it is deployed, for a test: gunicorn with its scheduler, records of its own, ended with the test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
PASSWORD = "soft stone on deck"


class DashboardProcess:
    """Starts when entered, ends when left; may be killed and started again in between.

    Args:
        folder: for records and log.
        registry_url: the registry that it looks after.
        settings: more settings, by their names without prefix. Without one of it, there is no trash.
    """

    def __init__(self, folder: Path, registry_url: str, **settings: str | Path) -> None:
        self.folder = folder
        self.log = folder / "dashboard.log"
        self.port = 0
        self.bind = ""
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLYSTONE_")}
        given = {
            "SECRET_KEY": "k" * 64,
            "DATA_DIR": folder / "data",
            "REGISTRY_URL": registry_url,
            "TRASH_RETENTION": 0,
        }
        given |= settings
        self.environment.update({f"HOLYSTONE_{name}": str(value) for name, value in given.items()})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started; the one that answers the pages is its child."""
        assert self._process is not None
        return self._process.pid

    def command(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of its commands and return what it printed."""
        flask = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        return subprocess.run(
            flask, cwd=ROOT, env=self.environment, input=given, text=True, capture_output=True, timeout=60, check=False
        )

    def prepare(self, *administrators: str) -> None:
        """Make the records, with these administrators; they all have PASSWORD."""
        for done in (
            self.command("db", "upgrade"),
            *(
                self.command("users", "create", name, "--role", "admin", "--password-stdin", given=PASSWORD + "\n")
                for name in administrators
            ),
        ):
            assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start, and return when it answers."""
        self.port = self.port or _free_port()
        self.environment["HOLYSTONE_BIND"] = self.bind or f"127.0.0.1:{self.port}"
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(gunicorn, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        until = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, with TERM first."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)

    def _answers(self) -> bool:
        if self.bind:
            return "Holystone serves" in self.log.read_text()
        return _answers(f"{self.url}/healthz")

    def __enter__(self) -> DashboardProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
