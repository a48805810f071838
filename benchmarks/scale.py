"""Each list, search and tag page with 500,000 tags in the records; beside it, with 1,000. And what it takes to stay true."""

from __future__ import annotations

import html
import re
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flask.testing import FlaskClient

from benchmarks.big_store import write_store
from benchmarks.figure import Figure, in_turns
from benchmarks.first_sync import Recording, bare_loop
from benchmarks.ground import empty_records, fresh_records, now
from benchmarks.memory import resident_mb
from benchmarks.repository_page import client_of, p95
from benchmarks.synthetic import LARGEST, MIDDLE, Size, fill
from tests.dashboard_process import DashboardProcess
from tests.registry_process import RegistryProcess
from webapp.catalogue.models import Tag
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import revisions_in
from webapp.catalogue.sync import sync
from webapp.registry.client import RegistryClient

SMALL = Size(tags=1_000, activities=1_000)
SIZES = (Size(tags=100_000, activities=20_000), Size(tags=500_000, activities=100_000))
REQUESTS = 40
TARGET_MS = 60
MOST_TIMES = 2.0
MEMORY_MB = 250
LATE = 10
"""A late page is so many pages on."""

_NEXT = re.compile(r'href="([^"]+)" rel="next"')
_FOLDER = "under=team-7"
_LARGE = f"/repositories/{LARGEST}?"
PAGES = {
    "repositories": "/repositories",
    "repositories, all": "/repositories?view=all",
    "repositories by tags": "/repositories?view=all&sort=tags",
    "repositories by size": "/repositories?view=all&sort=size",
    "repositories by change": "/repositories?view=all&sort=changed",
    "repositories, found": "/repositories?q=service-1",
    "a folder": f"/repositories?{_FOLDER}",
    "tags of a middle repository": f"/repositories/{MIDDLE}",
    "tags, newest": f"{_LARGE}sort=newest",
    "tags, oldest": f"{_LARGE}sort=-newest",
    "tags by name": f"{_LARGE}sort=name",
    "tags by size": f"{_LARGE}sort=size",
    "tags by age": f"{_LARGE}sort=created",
    "tags by image": f"{_LARGE}sort=image",
    "tags, part of a name": f"{_LARGE}q=main",
    "tags, a rare name": f"{_LARGE}q=main-0000065",
    "tags, no such name": f"{_LARGE}q=zzzz",
    "tags, a pattern": f"{_LARGE}q=9.*",
    "tags, a digest": f"{_LARGE}q=sha256:ab",
    "tags, older": f"{_LARGE}older=100",
    "tags, bigger": f"{_LARGE}bigger=900",
    "tags of a platform": f"{_LARGE}platform=arm64",
    "tags of no platform": f"{_LARGE}platform=s390x",
    "tags, all but the newest": f"{_LARGE}but=10",
    "untagged manifests": f"{_LARGE}untagged=1",
    "search, part of a name": "/search?q=main",
    "search, a reference": f"/search?q={LARGEST}:main",
    "search, a digest": "/search?q=sha256:ab",
    "search, nothing": "/search?q=zzzzzz",
    "activities": "/activities",
    "activities of a repository": f"/activities?repository={LARGEST}",
    "activities of a person": "/activities?person=bob",
    "activities of a kind": "/activities?kind=signed_in",
    "activities since": "/activities?since=2026-01-01",
    "notices": "/notices",
    "maintenance": "/maintenance",
    "status": "/status",
}
LATE_PAGES = {
    "tags, newest, late": "tags, newest",
    "tags by size, late": "tags by size",
    "activities, late": "activities",
}


def measure(folder: Path) -> Iterator[Figure]:
    """Fill records of each size and ask for every page."""
    small = _pages(folder, SMALL)
    for size in SIZES:
        large = _pages(folder, size)
        for name, milliseconds in large.items():
            shown = f"{size.tags // 1000}k: {name}"
            yield Figure(shown, milliseconds, "with 1,000 tags", small[name], "ms", TARGET_MS, target_is_ratio=False)
        name = max(large, key=lambda each: large[each] / small[each])
        shown = f"{size.tags // 1000}k: most times as long"
        yield Figure(shown, large[name], f"{name}, 1,000", small[name], "ms", MOST_TIMES, target_is_ratio=True)
    yield _memory(folder, SIZES[-1])
    yield from _syncs_without_change(folder)


def _pages(folder: Path, size: Size) -> dict[str, float]:
    """The p95 of each page in ms."""
    client, parts = client_of(_folder(folder, size))
    fill(parts.writing, size, now())
    paths = PAGES | {late: _next(client, PAGES[first], LATE) for late, first in LATE_PAGES.items()}
    with parts.reading() as session:
        tag = session.query(Tag).filter(Tag.name.like("main-%")).first()
    assert tag is not None
    paths["a tag"] = f"/repositories/{LARGEST}/-/tags/{tag.name}"
    paths["a manifest"] = f"/repositories/{LARGEST}/-/manifests/{tag.digest}"
    return {name: p95(client, path, REQUESTS) for name, path in paths.items()}


def _folder(folder: Path, size: Size) -> Path:
    made = folder / str(size.tags)
    made.mkdir()
    return made


def _next(client: FlaskClient, path: str, times: int) -> str:
    """The address of a page so many pages on, or of the last one."""
    for _ in range(times):
        found = _NEXT.search(client.get(path).text)
        if not found:
            break
        path = html.unescape(found[1])
    return path


def _memory(folder: Path, size: Size) -> Figure:
    """What the dashboard keeps once each page was opened; its registry is empty, so that it only doubts it."""
    with RegistryProcess(folder / "empty") as registry:
        dashboard = DashboardProcess(folder / "deployed", registry.url, ANONYMOUS_VIEW="true")
        data = folder / "deployed/data"
        data.mkdir(parents=True)
        (folder / str(size.tags) / "holystone.db").rename(data / "holystone.db")
        with dashboard:
            before = resident_mb(dashboard.pid)
            for path in PAGES.values():
                urllib.request.urlopen(dashboard.url + path, timeout=60).close()
            after = resident_mb(dashboard.pid)
    return Figure("memory with 500,000 tags", after, "before any page", before, "MB", MEMORY_MB, target_is_ratio=False)


def _syncs_without_change(folder: Path) -> Iterator[Figure]:
    """A sync that finds nothing new, beside a bare loop of its requests: of each tag a HEAD, or the files of the store."""
    copies = folder / "copies"
    copies.mkdir()
    template = empty_records(folder)
    with RegistryProcess(folder / "registry") as registry:
        write_store(registry.store, garbage=0)
        for store, name in ((None, "its tags asked for"), (registry.store, "its store read")):
            records = fresh_records(template, copies)
            asking = Recording(registry.url)
            catalogue = Catalogue(
                RegistryClient(asking),
                records.reading,
                records.writing,
                now,
                store,
                revisions_in(store, None, records.writing),
            )
            assert sync(catalogue).is_complete
            asking.asked.clear()
            assert sync(catalogue).is_complete
            asked = list(asking.asked)
            ours, bare = in_turns(3, partial(partial, sync, catalogue), partial(bare_loop, registry.url, asked))
            requests = f"bare loop of its {len(asked):,} requests"
            yield Figure(f"re-sync of 2,000 tags, {name}", ours, requests, bare, "ms", None, True)
