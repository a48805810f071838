"""A registry that is stopped and started by shell commands, for the script by hand; and that script, filled in."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.registry_process import BINARY, HTPASSWD, PASSWORD, USERNAME
from tests.runtime.keeper_process import accepts_writes, registry_processes, wait_for
from webapp.maintenance.by_hand import HandSettings, hand_settings, script
from webapp.maintenance.models import Strategy
from webapp.registry.manifests import OCI_MANIFEST

WRAPPER = """#!/bin/bash
cd {control} || exit 1
if [ "$1" = garbage-collect ]; then
    if [ "$2" = --dry-run ]; then [ ! -e 'fail dry-run' ] || exit 3; else
        echo $$ > collected
        [ ! -e hang ] || {{ trap 'sleep 0.7; kill $!; exit 1' TERM; sleep 60 & wait; }}
        [ ! -e nothing ] || exit 0
        [ ! -e fail ] || {{ echo 'failed as told'; exit 3; }}
        [ ! -e 'fail late' ] || {{ {binary} "$@"; exit 3; }}
    fi
fi
exec {binary} "$@"
"""
STOP = """stop_registry() {{
    pid=$(cat {pid})
    kill "$pid"
    while readlink "/proc/$pid/exe" > /dev/null; do sleep 0.02; done
}}"""
START = """start_registry() {{
    [ ! -e {control}/collected ] || ! readlink "/proc/$(cat {control}/collected)/exe" > /dev/null || touch {control}/beside
    touch {control}/started
    setsid {binary} serve {config} > {log} 2>&1 &
    echo $! > {pid}
}}"""


@dataclass
class HandRegistry:
    """Its files, and what runs of the script by hand are filled in with."""

    home: Path
    port: int
    has_password: bool = False
    cache: str = "inmemory"
    redis_port: int = 0
    others: tuple[str, ...] = ()
    replaced: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.store, self.control):
            folder.mkdir(parents=True)
        (self.home / "registry").write_text(WRAPPER.format(control=shlex.quote(str(self.control)), binary=BINARY))
        (self.home / "registry").chmod(0o755)
        (self.home / "htpasswd").write_text(HTPASSWD)
        (self.home / ".netrc").write_text(f'machine 127.0.0.1 login {USERNAME} password "{PASSWORD}"\n')
        self.config.write_text(json.dumps(self._document()))

    @property
    def store(self) -> Path:
        return self.home / "store"

    @property
    def control(self) -> Path:
        return self.home / "control"

    @property
    def config(self) -> Path:
        return self.home / "registry.json"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> str:
        return (self.home / "pid").read_text()

    def settings(self) -> HandSettings:
        name = USERNAME if self.has_password else ""
        return hand_settings(self.url, self.config, self.store, "2", name, None, self.others)

    def filled_in(self, strategy: Strategy) -> str:
        """The script as an administrator would leave it; each line that is replaced has to be there."""
        text = script(strategy, self.settings())
        lines = {
            r"stop_registry\(\) .*": self.filled(STOP),
            r"start_registry\(\) .*": self.filled(START),
            r"REGISTRY=.*": f"REGISTRY=({shlex.quote(str(self.home / 'registry'))})",
            r"WAIT_S=.*": "WAIT_S=3",
            **self.replaced,
        }
        for pattern, line in lines.items():
            text, count = re.subn(f"^{pattern}$", lambda _found, line=line: line, text, flags=re.MULTILINE)
            assert count == 1, pattern
        return text

    def begin(self, strategy: Strategy, answer: str = "yes") -> subprocess.Popen[str]:
        """Start the script, with the answer to its question."""
        path = self.home / "by-hand.sh"
        path.write_text(self.filled_in(strategy))
        process = subprocess.Popen(
            ["bash", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "HOME": str(self.home), "TMPDIR": str(self.home)},
        )
        assert process.stdin is not None
        process.stdin.write(f"{answer}\n")
        process.stdin.close()
        return process

    def run(self, strategy: Strategy, answer: str = "yes") -> tuple[int, str]:
        """Run the script to its end: its exit code, and all it prints."""
        process = self.begin(strategy, answer)
        assert process.stdout is not None
        printed = process.stdout.read()
        return process.wait(60), printed

    def tell(self, what: str) -> None:
        """`fail`, `fail late`, `hang` or (do) `nothing` at the collection, or `fail dry-run`."""
        (self.control / what).touch()

    def has_collected(self) -> bool:
        return (self.control / "collected").exists()

    def push(self, tag: str) -> Built:
        credentials = (USERNAME, PASSWORD) if self.has_password else (None, None)
        return Pusher(self.url, *credentials).push("team/api", image([layer(tag, 300_000)]), [tag])

    def delete(self, built: Built) -> None:
        auth = (USERNAME, PASSWORD) if self.has_password else None
        answer = requests.delete(f"{self.url}/v2/team/api/manifests/{built.digest}", auth=auth, timeout=5)
        answer.raise_for_status()

    def answer_to_get(self, reference: str) -> int:
        """What the registry answers to who pulls team/api."""
        accept = {"Accept": OCI_MANIFEST}
        return requests.get(f"{self.url}/v2/team/api/manifests/{reference}", headers=accept, timeout=5).status_code

    def stored_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.store.rglob("data"))

    def start(self) -> None:
        subprocess.run(["bash", "-c", f"{self.filled(START)}\nstart_registry"], check=True)
        wait_for(self.answers, "the registry answers")
        (self.control / "started").unlink()

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/v2/", timeout=2).status_code in (200, 401)
        except requests.RequestException:
            return False

    def is_read_write(self) -> bool:
        return accepts_writes(self.url)

    def end(self) -> None:
        """End whatever of it is left, by their pids."""
        for found in registry_processes(self.config):
            os.kill(found.pid, signal.SIGKILL)

    def filled(self, function: str) -> str:
        words = {"binary": self.home / "registry", "config": self.config, "log": self.home / "registry.log"}
        words |= {"pid": self.home / "pid", "control": self.control}
        return function.format(**{name: shlex.quote(str(word)) for name, word in words.items()})

    def _document(self) -> dict[str, Any]:
        cache: dict[str, Any] = {"redis": {"addr": f"127.0.0.1:{self.redis_port}", "db": 3}} if self.redis_port else {}
        auth = {"auth": {"htpasswd": {"realm": "test", "path": str(self.home / "htpasswd")}}}
        return {
            "version": "0.1",
            "storage": {
                "filesystem": {"rootdirectory": str(self.store)},
                "delete": {"enabled": True},
                "cache": {"blobdescriptor": self.cache},
            },
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": "for tests"},
            **cache,
            **(auth if self.has_password else {}),
        }
