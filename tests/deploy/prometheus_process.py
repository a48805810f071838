"""A real Prometheus for a test: the guide's configuration, our rules with shorter waits, ended with the test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import yaml

from deploy.local.supervisor_config import WITH_ITS_PARENT
from tests.deploy.administrator import DEPLOY
from tests.runtime.keeper_process import wait_for

RULES = DEPLOY / "prometheus" / "holystone.rules.yml"
GUIDE = DEPLOY.parent / "docs" / "monitoring.md"
INSTALLED = Path(sys.executable).parent  # where deploy/local/for-tests puts the two programs
WAIT_S = 30.0


def program(name: str) -> str | None:
    """Where `prometheus` or `promtool` is; None where it is not."""
    return shutil.which(name) or shutil.which(name, path=str(INSTALLED))


def example(token: Path, rules: Path) -> str:
    """The configuration in the guide, with files that are there."""
    (found,) = re.findall(r"```yaml\n(rule_files:.*?)```", GUIDE.read_text(), re.DOTALL)
    changed: str = found.replace("/etc/prometheus/holystone.rules.yml", str(rules))
    return changed.replace("/etc/prometheus/holystone.token", str(token))


class PrometheusProcess:
    """Starts when entered, ends when left. It scrapes and looks at the rules every second.

    Args:
        home: for its files.
        target: the host and port of Holystone.
        token: of its figures.
    """

    def __init__(self, home: Path, target: str, token: str) -> None:
        self.home = home
        home.mkdir()
        self.rules = home / "holystone.rules.yml"
        self.rules.write_text(re.sub(r"( for: )\w+", r"\g<1>1s", RULES.read_text()))
        (home / "token").write_text(token)
        config = yaml.safe_load(example(home / "token", self.rules))
        (job,) = config["scrape_configs"]
        job["static_configs"] = [{"targets": [target]}]
        job["scrape_interval"] = job["scrape_timeout"] = "1s"
        config["global"] = {"evaluation_interval": "1s"}
        (home / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = home / "log"
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def get(self, path: str) -> Any:
        """What its API answers."""
        answer = requests.get(f"{self.url}/api/v1/{path}", timeout=5)
        answer.raise_for_status()
        return answer.json()["data"]

    def rules_now(self) -> list[dict[str, Any]]:
        """Every rule that it has loaded, with its health and its last error."""
        found: list[dict[str, Any]] = [rule for group in self.get("rules")["groups"] for rule in group["rules"]]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {each["labels"]["alertname"] for each in self.get("alerts")["alerts"] if each["state"] == "firing"}

    def __enter__(self) -> Self:
        command = [
            str(program("prometheus")),
            f"--config.file={self.home / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.home / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([*WITH_ITS_PARENT, *command], cwd=self.home, stdout=log, stderr=log)
        try:
            wait_for(self._listens, "Prometheus listens", WAIT_S)
        except BaseException:
            self._end()
            raise
        return self

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log.read_text()[-2000:]
        found = re.search(r'msg="Listening on" address=(127\.0\.0\.1:\d+)', self.log.read_text())
        self.url = f"http://{found[1]}" if found else ""
        with suppress(requests.RequestException):
            return bool(self.url) and requests.get(f"{self.url}/-/ready", timeout=2).ok
        return False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
