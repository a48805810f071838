"""A real registry for a test: its own store, its own port, ended with the test."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

BINARY = os.environ.get("REGISTRY_BINARY") or shutil.which("docker-registry") or "docker-registry"
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
FIRST_START_TRIES = 3

USERNAME = "holystone"
PASSWORD = "soft stone"
HTPASSWD = f"{USERNAME}:$2b$04$AFL6p4d3wB4QNLu6V55pK.8Q8jyN90zpV2y/cmEnNE.8Ul.6HCoL6\n"  # bcrypt of PASSWORD


class RegistryProcess:
    """Starts when entered, ends when left; may be stopped and started again on the same port in between.

    Args:
        folder: for its store, configuration and log.
        deletes: `storage.delete.enabled`.
        read_only: `storage.maintenance.readonly`.
        drain_timeout_s: `http.draintimeout`; 0 ends it at once.
        htpasswd: whether it wants USERNAME and PASSWORD.
        max_entries: `catalog.maxentries`, the largest page; None leaves the default.
        further: more of its configuration, such as another `auth`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        deletes: bool = True,
        read_only: bool = False,
        drain_timeout_s: int = 0,
        htpasswd: bool = False,
        max_entries: int | None = None,
        further: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.config = folder / "registry.json"  # JSON is YAML
        self.log = folder / "registry.log"
        self.deletes = deletes
        self.read_only = read_only
        self.drain_timeout_s = drain_timeout_s
        self.htpasswd = htpasswd
        self.max_entries = max_entries
        self.further = further or {}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.store.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the registry is not running"
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it answers. The first time the kernel gives the port, which then stays."""
        tries = 1 if self.port else FIRST_START_TRIES
        for _ in range(tries):
            self.port = self.port if tries == 1 else _free_port()
            self._write_config()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen([BINARY, "serve", str(self.config)], stdout=log, stderr=log)
            if self._answers():
                return
            self.stop()
        raise RuntimeError(f"the registry does not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it, with TERM first; does nothing where it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self.drain_timeout_s + STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)

    def restart(self, *, read_only: bool | None = None, deletes: bool | None = None) -> None:
        """Stop and start on the same port, with other settings where they are given."""
        self.stop()
        self.read_only = self.read_only if read_only is None else read_only
        self.deletes = self.deletes if deletes is None else deletes
        self.start()

    def collect(self, *options: str) -> str:
        """Run `garbage-collect` on the store, as it is, and return what it prints."""
        command = [BINARY, "garbage-collect", *options, str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def __enter__(self) -> RegistryProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _write_config(self) -> None:
        document: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.store)},
                "delete": {"enabled": self.deletes},
                "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": self.read_only}},
                "cache": {"blobdescriptor": "inmemory"},
            },
            "http": {
                "addr": f"127.0.0.1:{self.port}",
                "secret": "for tests only",
                "draintimeout": f"{self.drain_timeout_s}s",
            },
        }
        if self.max_entries is not None:
            document["catalog"] = {"maxentries": self.max_entries}
        if self.htpasswd:
            path = self.folder / "htpasswd"
            path.write_text(HTPASSWD)
            document["auth"] = {"htpasswd": {"realm": "test", "path": str(path)}}
        self.config.write_text(json.dumps({**document, **self.further}))

    def _answers(self) -> bool:
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                return False
            try:
                urllib.request.urlopen(f"{self.url}/v2/", timeout=1).close()
            except urllib.error.HTTPError:
                return True
            except OSError:
                time.sleep(0.005)
            else:
                return True
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
