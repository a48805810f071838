"""`holystone setup` at a terminal: it asks, and looks at each answer before the next question."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time

import pytest

from tests.deploy.checkout import plain_environment
from tests.registry_process import RegistryProcess
from tests.single_file.conftest import ROOT

WAIT_S = 60.0


class Terminal:
    """Types at a command, and reads what it prints."""

    def __init__(self, *words: str) -> None:
        self.said = ""
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "holystone.py", *words], plain_environment())

    def answer(self, question: str, typed: str = "") -> None:
        """Wait for the question, and type the answer."""
        self._read_until(rf"{question}[^\n]*: $")
        self.said = ""
        os.write(self._end, f"{typed}\n".encode())

    def end(self) -> int:
        """Wait for the end; its exit code."""
        self._read_until(r"\Z(?!x)x")
        os.close(self._end)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read_until(self, pattern: str) -> None:
        give_up = time.monotonic() + WAIT_S
        while not re.search(pattern, self.said):
            assert time.monotonic() < give_up, self.said
            if not select.select([self._end], [], [], 0.1)[0]:
                continue
            try:
                more = os.read(self._end, 65536)
            except OSError:  # so a terminal tells that nobody writes any more
                return
            self.said += more.decode().replace("\r\n", "\n")


@pytest.fixture
def terminal() -> Terminal:
    return Terminal("setup", "--dry-run")


def test_each_answer_is_looked_at_before_the_next_question(terminal: Terminal, registry: RegistryProcess) -> None:
    terminal.answer("certificate authority")
    terminal.answer("Address at which Holystone reaches the registry", "http://127.0.0.1:1")
    terminal.answer("Keep this answer all the same", "n")
    terminal.answer("Address at which Holystone reaches the registry", registry.url)
    terminal.answer("User name")
    terminal.answer("Name of the registry in pull commands", "registry.example")
    terminal.answer("What starts the registry", "sytemd")
    terminal.answer("Keep this answer all the same")
    terminal.answer("What starts the registry", "supervisor")
    terminal.answer("Its unit", "/no/such/file:registry")
    terminal.answer("Keep this answer all the same")
    terminal.answer("Its unit", f"{ROOT}/deploy/supervisor/registry.conf:registry")
    terminal.answer("The registry's program")
    terminal.answer("The registry's configuration file", str(registry.config))
    terminal.answer("Root directory", str(registry.store))
    for question in (
        "Address on which the registry listens",
        "User that",
        "That user's group",
        "Folder for the keeper",
    ):
        terminal.answer(question)
    for question in ("Folder for Holystone's own records", "Address of Holystone itself", "Host name of the dashboard"):
        terminal.answer(question)
    terminal.answer("Name of the first administrator")
    assert terminal.end() == 0
    assert f"HOLYSTONE_REGISTRY_URL={registry.url}\n" in terminal.said
    assert "HOLYSTONE_REGISTRY_PUBLIC_NAME=registry.example\n" in terminal.said
    assert "Nothing was written." in terminal.said
