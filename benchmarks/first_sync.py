"""The first sync of 500 tags, beside a bare loop of the very same requests with as many threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, in_turns
from benchmarks.ground import THREADS, bare_session, empty_records, fresh_records, now, push_tags
from tests.registry_process import RegistryProcess
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.sync import sync
from webapp.registry.client import ACCEPT, RegistryClient, open_registry
from webapp.registry.transport import Answer, Transport

REPOSITORIES = 5
TAGS_EACH = 100
ROUNDS = 7


class Recording(Transport):
    """Keeps what is asked of a registry."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[tuple[str, str]] = []

    def request(self, method: str, path: str, **more: Any) -> Answer:
        """Ask, and keep what was asked."""
        self.asked.append((method, path))
        return super().request(method, path, **more)


def measure(folder: Path) -> list[Figure]:
    """Push 500 tags and read them both ways."""
    template = empty_records(folder)
    copies = folder / "copies"
    copies.mkdir()
    with RegistryProcess(folder / "registry") as registry:
        for number in range(REPOSITORIES):
            push_tags(registry, f"team/{number}", range(number * TAGS_EACH, (number + 1) * TAGS_EACH))
        recording = Recording(registry.url)
        _sync(RegistryClient(recording), template, copies)()
        ours, bare = in_turns(
            ROUNDS,
            lambda: _sync(open_registry(registry.url), template, copies),
            lambda: bare_loop(registry.url, recording.asked),
        )
    return [Figure("first sync of 500 tags", ours, "bare loop of its requests", bare, "ms", 1.6, target_is_ratio=True)]


def _sync(client: RegistryClient, template: Path, copies: Path) -> Callable[[], object]:
    records = fresh_records(template, copies)
    catalogue = Catalogue(client, records.reading, records.writing, now, None)

    def run() -> None:
        report = sync(catalogue)
        assert report.is_complete, report

    return run


def bare_loop(url: str, asked: list[tuple[str, str]]) -> Callable[[], object]:
    """The same requests once more, with as many threads and nothing else."""
    session = bare_session()

    def ask(request: tuple[str, str]) -> bytes:
        return session.request(request[0], url + request[1], headers=ACCEPT, timeout=60).content

    def run() -> None:
        with ThreadPoolExecutor(THREADS) as executor:
            list(executor.map(ask, asked))

    return run
