"""A disposable copy of this machine: all of its files, an overlay that takes every change, processes and mounts of its own.

`holystone setup` writes to /etc, adds users and restarts services: here it may.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.registry_process import BINARY
from tests.runtime.keeper_process import wait_for
from tests.single_file.conftest import ROOT

WAIT_S = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BEGIN = """\
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for folder in "$2" "$3"; do mkdir -p "$1/root$folder"; mount --bind "$folder" "$1/root$folder"; done
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
rm -rf "$1/root/etc/supervisor" "$1/root/etc/holystone" "$1/root/var/lib/holystone" "$1/root/var/lib/registry-keeper"
cd "$1/root"
if [ "$5" = own-network ]; then "$6" -c "$7"; fi
exec chroot "$1/root" /bin/sh -c "cd /; $4"
"""
LOOPBACK_UP = """\
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
"""
SUPERVISORD = """\
[supervisord]
nodaemon=true
logfile=/var/log/supervisord.log
pidfile=/run/supervisord.pid
[unix_http_server]
file=/run/supervisor.sock
[supervisorctl]
serverurl=unix:///run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = /etc/supervisor/conf.d/*.conf
"""
REGISTRY = """\
[program:registry]
command = {binary} serve /etc/docker/registry/config.yml
user = docker-registry
environment = TRACES="off"
redirect_stderr = true
"""
CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  delete: {{enabled: true}}
  filesystem: {{rootdirectory: /var/lib/docker-registry}}
http: {{addr: "{address}", secret: for tests, draintimeout: 10s}}
"""
WRITE = "mkdir -p {folder} && cat > {path}"


class DisposableMachine:
    """Under supervisord, which starts a registry of Debian's. Starts when entered, is gone when left.

    Args:
        home: a folder for it, to be made.
        address: on which the registry listens.
        own_network: whether it has a loopback of its own, on which all ports are free, and which nobody else reaches.
    """

    def __init__(self, home: Path, address: str, own_network: bool = False) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        self._address = address
        self._own_network = own_network
        home.mkdir()

    def __enter__(self) -> DisposableMachine:
        supervisord = f"{sys.executable} -m supervisor.supervisord -c /etc/supervisord.conf"
        begin = f"while [ ! -e /etc/ready ]; do sleep 0.05; done; exec {supervisord}"
        network = ["own-network" if self._own_network else "", sys.executable, LOOPBACK_UP]
        words = ["sh", "-c", BEGIN, "sh", self.home, ROOT, sys.base_prefix, begin, *network]
        with (self.home.with_name("machine.log")).open("wb") as log:
            self._outside = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--pid",
                    *(["--net"] if self._own_network else []),
                    "--fork",
                    "--kill-child",
                    *words,
                ],
                stdout=log,
                stderr=log,
                env={"PATH": PATH},
            )
        wait_for(lambda: self._inside() is not None, "the machine is there", WAIT_S)
        control = f'#!/bin/sh\nexec {sys.executable} -m supervisor.supervisorctl -c /etc/supervisord.conf "$@"\n'
        self.write("/usr/local/bin/supervisorctl", control, 0o755)
        self.write("/etc/supervisord.conf", SUPERVISORD)
        self.write("/etc/supervisor/conf.d/registry.conf", REGISTRY.format(binary=BINARY))
        self.write("/etc/docker/registry/config.yml", CONFIG.format(address=self._address))
        self.run(
            "sh",
            "-c",
            "install -d -o docker-registry -g docker-registry /var/lib/docker-registry && rm -rf /var/lib/docker-registry/*",
        )
        self.write("/etc/ready", "")
        return self

    def __exit__(self, *_: object) -> None:
        self._outside.send_signal(signal.SIGKILL)  # and the kernel ends all within
        self._outside.wait(WAIT_S)

    def run(
        self, *words: str, given: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command of root's, to its end."""
        return subprocess.run(
            self._enter(*words),
            input=given,
            text=True,
            capture_output=True,
            timeout=WAIT_S,
            check=False,
            env={"PATH": PATH, **(environment or {})},
        )

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file there."""
        script = f"mkdir -p $(dirname {path}) && cat > {path} && chmod {mode:o} {path}"
        done = self.run("sh", "-c", script, given=text)
        assert done.returncode == 0, done.stderr

    def read(self, path: str) -> str:
        """The text of a file; empty where there is none."""
        return self.run("cat", path).stdout

    def put(self, file: Path, path: str) -> None:
        """Copy a program of this machine into it, whose own mounts are not seen there."""
        script = f"mkdir -p $(dirname {path}) && cat > {path} && chmod 755 {path}"
        with file.open("rb") as opened:
            command = self._enter("sh", "-c", script)
            subprocess.run(command, stdin=opened, check=True, timeout=WAIT_S, env={"PATH": PATH})

    def listing(self) -> str:
        """All files of the folders that setup writes to, with owner, mode and content's checksum."""
        script = "find /etc /usr/local /var/lib/holystone /var/lib/registry-keeper -type f -newer /etc/ready -exec ls -l {} + 2>/dev/null"
        return self.run("sh", "-c", script).stdout

    def _enter(self, *words: str) -> list[str]:
        inside = self._inside()
        assert inside is not None
        enter = ["nsenter", "--target", str(inside), "--mount", "--pid", "--net", "--root"]
        return [*enter, "sh", "-c", 'cd /; exec "$@"', "sh", *words]  # of its own --wd the path is that outside

    def _inside(self) -> int | None:
        """The first process within, once its root is the overlay."""
        try:
            children = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text().split()
            first = int(children[0])
            is_there = Path(f"/proc/{first}/root").readlink() == self.home / "root"
        except (OSError, IndexError):
            return None
        return first if is_there else None


def can_be_made() -> bool:
    """Whether this process may make namespaces and overlays, and the programs are there."""
    if not shutil.which("nsenter") or os.geteuid() != 0:
        return False
    script = (
        "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/m &&"
        " mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/m"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script], capture_output=True, check=False
    )
    return done.returncode == 0
