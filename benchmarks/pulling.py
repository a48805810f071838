"""Clients that pull: at a given pace, to count what fails; and as fast as they can, to see for how long nothing comes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO
from urllib.parse import urlsplit

from benchmarks.ground import THREADS
from demo.build import Built, digest_of
from webapp.registry.client import ACCEPTED
from webapp.runtime.orders import boottime_s

TIMEOUT_S = 30.0
RETRY_S = 0.001
EAGER_CLIENTS = 2
REQUEST = (
    "GET /v2/{repository}/{kind}/{digest} HTTP/1.1\r\n"
    f"Host: registry.example\r\nAccept: {', '.join(ACCEPTED)}\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of pulls at a pace."""

    failed: int
    per_second: float
    first_failure: str


def pull_whole(url: str, repository: str, built: Built) -> str:
    """Pull an image as a client does, on a connection of its own; why it failed, '' where it did not."""
    wanted = [("manifests", built.digest), *(("blobs", blob.digest) for blob in built.blobs)]
    host, _, port = urlsplit(url).netloc.partition(":")
    try:
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection, connection.makefile("rb") as answers:
            for kind, digest in wanted:
                connection.sendall(REQUEST.format(repository=repository, kind=kind, digest=digest).encode())
                status, raw = _answer(answers)
                if status != 200 or digest_of(raw) != digest:
                    return f"{kind}/{digest}: {status}, {len(raw)} bytes"
    except (OSError, ValueError) as error:
        return repr(error)
    return ""


def _answer(answers: BinaryIO) -> tuple[int, bytes]:
    """Status and body. Read by hand: http.client takes so much time that one process could not keep the pace."""
    status, length = int(answers.readline()[9:12]), 0
    while line := answers.readline().strip().lower():
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    return status, answers.read(length)


def pull_at_pace(url: str, repository: str, images: Sequence[Built], times: int, per_second: float) -> Pulled:
    """Begin so many pulls at even distances; a pull that fails is not tried again."""
    started = time.monotonic() + 0.1

    def pull(number: int) -> str:
        time.sleep(max(0.0, started + number / per_second - time.monotonic()))
        return pull_whole(url, repository, images[number % len(images)])

    with ThreadPoolExecutor(THREADS) as executor:
        failures = [each for each in executor.map(pull, range(times)) if each]
    return Pulled(len(failures), times / (time.monotonic() - started), failures[0] if failures else "")


class Answers:
    """When pulls were answered, in seconds of CLOCK_BOOTTIME, as the keeper's times are."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def longest_gap_ms(self, since: float, until: float) -> float:
        """The longest time without an answer that lies in that time, or reaches into it."""
        at = sorted(self.at)
        return 1000 * max(later - earlier for earlier, later in pairwise(at) if later > since and earlier < until)


@contextmanager
def pulling_eagerly(url: str, repository: str, built: Built) -> Iterator[Answers]:
    """A few clients that pull a manifest again and again, each on a new connection, until the block ends."""
    answers, is_over = Answers(), threading.Event()

    def pull() -> None:
        while not is_over.is_set():
            if pull_whole(url, repository, manifest):
                time.sleep(RETRY_S)
            else:
                answers.at.append(boottime_s())

    manifest = Built(built.media_type, built.raw)  # without its blobs
    threads = [threading.Thread(target=pull) for _ in range(EAGER_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join(TIMEOUT_S)
