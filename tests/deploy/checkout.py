"""A copy of this checkout with a var/ of its own, and `make run` in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "var", "build", "dist", "tests", "docs", "benchmarks", "__pycache__")
PATIENCE_S = 60.0
READY = "Ctrl-C ends every process."


def copy_checkout(folder: Path) -> Path:
    """Copy what `make run` needs into `folder`; .venv is the one that runs the tests."""
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def remember(checkout: Path, **memory: Any) -> None:
    """Let the next `make run` find this in its memory."""
    (checkout / "var").mkdir(exist_ok=True)
    (checkout / "var" / "memory.json").write_text(json.dumps(memory))


class Running:
    """A `make run` in its own session, as in a terminal of its own; what it prints is read from a file."""

    def __init__(self, checkout: Path, **settings: str) -> None:
        self.checkout = checkout
        self._output = checkout.with_name("output")
        with self._output.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "--old-file=.venv/complete", "run"],
                cwd=checkout,
                env=plain_environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 the tests have no threads here
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def said(self, label: str) -> str:
        """What stands behind `label` in the summary."""
        lines = [line.split(maxsplit=1) for line in self.output.splitlines()]
        return next(line[1] for line in lines if len(line) == 2 and line[0] == label)

    def wait_until_ready(self) -> None:
        wait_for(lambda: READY in self.output or self.make.poll() is not None)
        assert READY in self.output, self.output

    def wait_until_answering(self, *urls: str) -> None:
        """Wait until each of `urls` is answered with 200."""
        wait_for(lambda: all(answers(url) for url in urls))

    def wait_for_the_end(self) -> None:
        """Wait until make has ended, and every process that was started in the checkout."""
        self.make.wait(PATIENCE_S)
        wait_for(lambda: not processes_in(self.checkout))

    def press_ctrl_c(self) -> None:
        """As a terminal does it: SIGINT to the whole foreground group."""
        os.killpg(self.make.pid, signal.SIGINT)


@contextmanager
def make_run(checkout: Path, **settings: str) -> Iterator[Running]:
    """`make run` in `checkout`, ready; whatever is left of it at the end is killed."""
    run = Running(checkout, **settings)
    try:
        run.wait_until_ready()
        yield run
    finally:
        for pid in processes_in(checkout):
            os.kill(pid, signal.SIGKILL)
        run.make.wait(PATIENCE_S)


def _listen_to_ctrl_c() -> None:
    """As in a terminal: a shell that starts tests in the background has SIGINT ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def plain_environment(**settings: str) -> dict[str, str]:
    """This process's environment without its settings of Holystone and make, with `settings`."""
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOLYSTONE_", "MAKE", "MFLAGS"))
    }
    return others | settings


def processes_in(folder: Path) -> dict[int, str]:
    """Every living process whose working directory is `folder`: its id, and its command."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:  # it ended meanwhile
            continue
    return found


def answers(url: str, certificate: Path | None = None) -> bool:
    """Whether it is answered with 200, by TLS where there is a certificate to verify."""
    try:
        return requests.get(url, timeout=5, verify=str(certificate) if certificate else True).status_code == 200
    except requests.RequestException:
        return False


def wait_for(holds: Callable[[], object]) -> None:
    """Wait until `holds()`, a minute at the most."""
    give_up = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up, "it did not happen within a minute"
        time.sleep(0.05)
