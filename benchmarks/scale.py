"""Each list, search and tag page with 100,000 and 500,000 tags in the records, as deployed; beside it, with 1,000."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from requests import Session

from benchmarks.figure import Figure, percentiles_95_ms
from benchmarks.ground import THREADS, bare_session, now
from benchmarks.memory import resident_mb, wait_until
from benchmarks.repository_page import client_of
from benchmarks.scale_pages import AS_LONG_AS, LATE_PAGES, PAGES, pages_of_tags
from benchmarks.synthetic import Size, fill_catalogue
from benchmarks.synthetic_history import fill_history
from tests.dashboard_process import DashboardProcess
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.database import Reading

SMALL = Size(tags=1_000, activities=1_000)
LARGE = (Size(tags=100_000, activities=20_000), Size(tags=500_000, activities=100_000))
NOWHERE = "http://127.0.0.1:9"
"""The pages are answered from the records. A registry that is away is not looked at while they are measured."""

WARMING = 5
REQUESTS = 40
TARGET_MS = 60
SPACE_TARGET_MS = 100
"""A page of the space has a map and two lists more (issue 10)."""

MOST_TIMES = 2.0
MEMORY_MB = 250

_NEXT = re.compile(r'href="([^"]+)" rel="next"')


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard with records of a size, the session of somebody who is signed in there, and the paths of its pages."""

    size: Size
    dashboard: DashboardProcess
    session: Session
    paths: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> str:
        """A page of it."""
        answer = self.session.get(self.dashboard.url + path, timeout=60)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


def measure(folder: Path) -> Iterator[Figure]:
    """Serve records of each size side by side, and ask for every page of each in turns."""
    with ExitStack() as stack:
        small, *large = (_serve(stack, folder / str(size.tags), size) for size in (SMALL, *LARGE))
        at_rest_mb = resident_mb(large[-1].dashboard.pid)
        yield from _pages(small, large)
        yield _memory(large[-1], at_rest_mb)


def _serve(stack: ExitStack, folder: Path, size: Size) -> Served:
    """Fill records and start a dashboard with them; it has found that there is no registry."""
    data = folder / "data"
    data.mkdir(parents=True)
    client, parts = client_of(data)
    fill_catalogue(parts.reading, parts.writing, size, now())
    fill_history(parts.writing, size, now())
    cookie = client.get_cookie("holystone")
    assert cookie is not None
    session = bare_session()
    session.headers["Cookie"] = f"holystone={cookie.value}"
    dashboard = stack.enter_context(DashboardProcess(folder, NOWHERE))
    wait_until(lambda: _is_known_to_be_away(parts.reading))
    with parts.reading() as records:
        paths = PAGES | pages_of_tags(records)
    served = Served(size, dashboard, session)
    further = {name: _further(served, PAGES[first], pages) for name, (first, pages) in LATE_PAGES.items()}
    served.paths.update(paths | further)
    return served


def _is_known_to_be_away(reading: Reading) -> bool:
    with reading() as session:
        state = session.get(RegistryState, 1)
        return state is not None and state.mode == RegistryMode.UNREACHABLE


def _further(served: Served, path: str, pages: int) -> str:
    """The address so many pages on; of a shorter list, of the last page that is full."""
    for _ in range(pages):
        found = _NEXT.search(served.get(path))
        following = html.unescape(found[1]) if found else ""
        if not following or not _NEXT.search(served.get(following)):
            break
        path = following
    return path


def _pages(small: Served, large: Sequence[Served]) -> Iterator[Figure]:
    """The p95 of each page; the same page of each size is asked for in turns, so that what else runs slows all alike."""
    for name in small.paths:
        beside = AS_LONG_AS.get(name, name)
        asked = [(small, small.paths[beside]), *((served, served.paths[name]) for served in large)]
        for served, path in asked:
            for _ in range(WARMING):
                served.get(path)
        small_ms, *taken_ms = percentiles_95_ms(REQUESTS, *(partial(served.get, path) for served, path in asked))
        for served, milliseconds in zip(large, taken_ms, strict=True):
            yield Figure(
                f"{served.size.tags // 1000}k: {name}",
                milliseconds,
                f"{beside}, 1k",
                small_ms,
                "ms",
                SPACE_TARGET_MS if name.startswith("space") else TARGET_MS,
                target_is_ratio=False,
                most_ratio=MOST_TIMES,
            )


def _memory(served: Served, at_rest_mb: float) -> Figure:
    """What the dashboard keeps once so many people as it has threads have opened each page."""
    with ThreadPoolExecutor(THREADS) as executor:
        for path in served.paths.values():
            list(executor.map(served.get, [path] * THREADS))
    after_mb = resident_mb(served.dashboard.pid)
    name = f"memory with {served.size.tags:,} tags"
    return Figure(name, after_mb, "before any page", at_rest_mb, "MB", MEMORY_MB, target_is_ratio=False)
