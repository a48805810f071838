"""Processes of `make run`: started, waited for, and ended with it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.addresses import Address, answers
from deploy.local.refusal import Refusal

START_PATIENCE_S = 60.0


@contextmanager
def running(
    command: list[str], log: Path, environment: Mapping[str, str], stop_wait_s: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` beside this process, its output in `log`; at the end TERM it, after `stop_wait_s` kill it.

    It has a session of its own: a terminal's Ctrl-C reaches this process only, which ends the others in their order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(stop_wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_answering(name: str, address: Address, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a GET of `path` at `address` is answered with 200.

    Raises:
        Refusal: `process`, which brings it up, ended, or it took longer than a minute; with the end of `log`.
    """
    give_up = time.monotonic() + START_PATIENCE_S
    while not answers(address, path):
        if process.poll() is not None:
            raise Refusal(f"{name} ended at its start.{end_of(log)}")
        if time.monotonic() > give_up:
            raise Refusal(f"{name} did not answer at {address} within {START_PATIENCE_S:.0f} seconds.{end_of(log)}")
        time.sleep(0.1)


def end_of(log: Path, lines: int = 15) -> str:
    """The last lines of `log`, as the end of a sentence."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return f" There is no {log}."
    return f" The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])
