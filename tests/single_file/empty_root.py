"""A root directory with a C library and a shell, in which there is no Python; what is started in it is ended with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from tests.dashboard_process import PASSWORD
from tests.runtime.keeper_process import reserved_port, wait_for

C_LIBRARY = (
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "ld-linux-x86-64.so.2",
)
WAIT_S = 60.0
PATHS = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class EmptyRoot:
    """Args:
    folder: becomes the root directory.
    program: the single file.
    """

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}
        self._reservation = reserved_port()
        self.port: int = self._reservation.getsockname()[1]
        for name in (
            "bin",
            "tmp",
            "lib64",
            "lib/x86_64-linux-gnu",
            "etc/holystone",
            "var/lib/holystone",
            "proc",
            "dev",
        ):
            (folder / name).mkdir(parents=True)
        shutil.copy(program, folder / "bin/holystone")
        shutil.copy("/bin/sh", folder / "bin/sh")
        for path in libraries("/bin/sh").values():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(f"/{path}", folder / path)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def set(self, **settings: str) -> None:
        """Write its settings file."""
        given = {"BIND": f"127.0.0.1:{self.port}", "SECRET_KEY": "k" * 64, "DATA_DIR": "/var/lib/holystone"} | settings
        lines = "".join(f"HOLYSTONE_{name}={value}\n" for name, value in given.items())
        (self.folder / "etc/holystone/settings").write_text(lines)

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(words), env=PATHS, input=given, text=True, capture_output=True, timeout=WAIT_S, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(self._command(words), env=PATHS, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        """`holystone serve`, until it serves."""
        before = self.served_so_far()
        process = self.start("serve")
        wait_for(lambda: self.served_so_far() > before or process.poll() is not None, "holystone serves", WAIT_S)
        assert process.poll() is None, self.log.read_text()
        return process

    def served_so_far(self) -> int:
        """How often it has begun to serve."""
        return self.log.read_text().count("Holystone serves") if self.log.exists() else 0

    def create(self, name: str) -> None:
        """An administrator with PASSWORD."""
        done = self.run("users", "create", name, "--role", "admin", "--password-stdin", given=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr

    def processes(self) -> list[int]:
        """All that live in it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                is_here = (process / "root").readlink() == self.folder and "Z" not in state_of(process)
            except OSError:
                continue
            if is_here:
                found.append(int(process.name))
        return found

    def unpacked(self) -> list[str]:
        """The folders of unpacked files."""
        return sorted(each.name for each in (self.folder / "tmp").glob("_MEI*"))

    def end(self) -> None:
        """End everything in it."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            process.wait(WAIT_S)
        self._reservation.close()

    def _command(self, words: tuple[str, ...]) -> list[str]:
        # The kernel's own file systems are there, as they are in every container. The shell hands over by `exec`.
        inside = ["chroot", str(self.folder), "/bin/sh", "-c", 'exec /bin/holystone "$@"', "sh", *words]
        prepare = f'mount -t proc proc {self.folder}/proc && mount --bind /dev {self.folder}/dev && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", prepare, "sh", *inside]


def can_be_made() -> bool:
    """Whether this process may change its root directory, and mount something there."""
    done = subprocess.run(["unshare", "--mount", "chroot", "/", "true"], capture_output=True, check=False)
    return done.returncode == 0


def state_of(process: Path) -> str:
    """Its letter in /proc."""
    return re.sub(r"^.*\) ", "", (process / "stat").read_text())[:1]


def libraries(program: str) -> dict[str, str]:
    """The C library, as `program` names it: the paths without their first slash."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"(?:(\S+) => )?/(\S+) \(0x", listed))
    folder = Path("/" + found["libc.so.6"]).parent
    every = {name: str(folder / name).removeprefix("/") for name in C_LIBRARY if (folder / name).exists()}
    return found | every
