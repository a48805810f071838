"""/space: what it says, to whom, and what it draws."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from tests.pages.valid_html import faults, parse
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.space_models import (
    DailySize,
    LargestLayer,
    LargestTag,
    MeasuredSpace,
    NamespaceSpace,
    RepositorySpace,
)
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.space import measure_space
from webapp.scheduler import add_up_the_space, look_at_the_registry

HOSTILE = "\"><script>alert(1)</script>&'{{ 7 * 7 }}"


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """The page is answered from the records alone."""
    parts = parts_of(shown_app)
    measure_space(parts.reading, parts.writing, parts.now())
    return shown_app


def html_of(visitor: Visitor, path: str = "/space") -> str:
    answer = visitor.get(path)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert faults(parse(page)) == []
    return page


def listed(page: str) -> list[str]:
    """The names in the list, in its order."""
    table = page.partition('id="listing"')[2].partition("</table>")[0]
    return [re.sub("<wbr>", "", each) for each in re.findall(r'class="code name"[^>]*>(.*?)</(?:a|span)>', table)]


def linked_from_map(page: str) -> set[str]:
    return set(re.findall(r'class="map-(?:tile|head)" href="([^"]+)"', page))


def test_it_says_what_the_registry_takes_what_is_shared_and_as_of_when(bob: Visitor) -> None:
    text = text_of(bob.get("/space"))
    assert "Space registry.example added up" in text
    assert re.search(r"In the registry [\d.]+ MB all that the next collection keeps, each blob once", text)
    assert re.search(r"Saved by sharing [\d.]+ MB 2 blobs, together [\d.]+ MB , are in several repositories", text)
    assert "In the trash 0 B" in text
    assert "Collectable now – (no dry run has told it yet)" in text
    assert "Manifests without a tag are not counted: they are not known." in text


def test_each_repository_is_listed_with_what_it_takes_alone_and_with_others(bob: Visitor) -> None:
    page = html_of(bob)
    assert listed(page)[:3] == [
        "team/api",
        next(name for name in listed(page) if name.startswith("data/etl/")),
        "team/shop",
    ]
    text = text_of(bob.get("/space"))
    assert re.search(r"team/api 1\.91 MB 309 kB exclusive 1\.60 MB", text)
    assert listed(html_of(bob, "/space?sort=name"))[0] == "alpine-base"
    assert listed(html_of(bob, "/space?sort=-name"))[0] == "tools/builder"
    assert listed(html_of(bob, "/space?sort=exclusive"))[0] == "team/web"
    assert listed(html_of(bob, "/space?sort=nonsense")) == listed(page)


def test_namespaces_are_listed_and_open_on_their_repositories(bob: Visitor) -> None:
    page = html_of(bob, "/space?view=namespaces&sort=name")
    assert listed(page) == ["No namespace", "data", "team", "tools"]
    assert 'href="/space?namespace=team"' in page
    inside = html_of(bob, "/space?namespace=team&sort=name")
    assert listed(inside) == ["team/api", "team/shop", "team/web"]
    assert linked_from_map(inside) == {f"/repositories/team/{name}" for name in ("api", "shop", "web")}
    assert "Space of team · Holystone" in inside
    assert "Collectable now" not in inside
    assert listed(html_of(bob, "/space?namespace=-")) == ["alpine-base"]
    assert "Nothing takes space in nobody ." in text_of(bob.get("/space?namespace=nobody"))


def test_the_map_leads_to_every_namespace_and_repository_and_says_the_same_as_the_list(bob: Visitor) -> None:
    page = html_of(bob)
    names = listed(page)
    assert linked_from_map(page) >= {f"/repositories/{name}" for name in names}
    assert linked_from_map(page) >= {f"/space?namespace={name}" for name in ("team", "-")}
    assert page.count('aria-label="team/api: 1.91 MB, 309 kB of it needed nowhere else"') == 2, "wide and narrow"
    assert 'href="#list">Skip to the table' in page
    text = text_of(bob.get("/space?view=namespaces"))
    said = re.search(r"team: ([\d.]+ MB) in 3 repositories", text)
    assert said
    assert f"team 3 repositories {said[1]} " in text


def test_the_largest_tags_and_layers_are_named_with_what_uses_them(bob: Visitor) -> None:
    text = text_of(bob.get("/space"))
    assert re.search(r"team/api:latest and 2 other tags 1\.66 MB", text)
    assert re.search(r"[0-9a-f]{12} in tools/builder:\S+ 258 tags 901 kB", text)
    assert 'title="132 manifests in 5 repositories"' in bob.get("/space").get_data(as_text=True)


def test_who_may_delete_is_led_to_what_the_deletion_would_free(alice: Visitor, bob: Visitor) -> None:
    page = html_of(alice)
    assert 'href="/repositories/team/api/-/delete" aria-haspopup="dialog"' in page
    assert 'aria-label="What deleting team/api would free…"' in page
    assert "/delete" not in html_of(bob)


def test_htmx_gets_the_list_alone(bob: Visitor) -> None:
    body = bob.get("/space?sort=name", htmx=True).get_data(as_text=True)
    assert body.lstrip().startswith('<div id="listing">')
    assert '<svg class="map' not in body


def change(app: Flask, act: Callable[[Session], object]) -> None:
    with parts_of(app).writing() as session:
        act(session)


def test_it_says_where_something_has_changed_since(app: Flask, bob: Visitor) -> None:
    since = "Something has changed since this was added up."
    assert since not in text_of(bob.get("/space"))

    def grow(session: Session) -> None:
        registry_state(session).content_version += 1

    change(app, grow)
    assert since in text_of(bob.get("/space"))


def test_a_repository_without_tags_is_listed_and_leads_nowhere(app: Flask, alice: Visitor) -> None:
    change(app, lambda session: session.execute(update(Repository).values(tag_count=0)))
    page = html_of(alice)
    assert "team/api" in listed(page)
    table = page.partition('id="listing"')[2].partition("</table>")[0]
    assert "no tags" in table
    assert 'href="/repositories/' not in table
    assert "/space?namespace=team" in linked_from_map(page)


def test_what_is_left_out_is_said(app: Flask, bob: Visitor) -> None:
    change(app, lambda session: session.execute(update(MeasuredSpace).values(left_out=2)))
    change(app, lambda session: session.execute(update(RepositorySpace).values(left_out=1)))
    text = text_of(bob.get("/space"))
    assert "In the registry at least ≥" in text
    assert "(1 manifest not counted: not read, or without sizes)" in text


def test_what_a_dry_run_told_and_what_a_collection_left(app: Flask, bob: Visitor) -> None:
    now = parts_of(app).now()

    def run(number: int, kind: RunKind, **more: int) -> Run:
        return Run(
            id=number, kind=kind, actor="alice", place="", activity_id=1, token=str(number), fencing_token=1, dry_run_s=1.0,
            started_at=now - timedelta(hours=3), finished_at=now, outcome=RunOutcome.SUCCEEDED, **more,
        )  # fmt: skip

    change(app, lambda session: session.add(run(1, RunKind.DRY_RUN, bytes_predicted=48_200_000)))
    assert "Collectable now 48.2 MB by the dry run of 3 hours ago ; what was deleted since" in text_of(
        bob.get("/space")
    )
    change(app, lambda session: session.add(run(2, RunKind.COLLECT, bytes_predicted=5, bytes_freed=5)))
    assert "Collectable now 0 B a collection freed all" in text_of(bob.get("/space"))


def test_the_trash_has_a_figure_and_a_column_where_it_holds_something(app: Flask, bob: Visitor) -> None:
    assert "In the trash</th>" not in html_of(bob)
    change(app, lambda session: session.execute(update(MeasuredSpace).values(in_trash_bytes=7_000_000)))
    change(app, lambda session: session.execute(update(RepositorySpace).values(in_trash_bytes=3_000_000)))
    assert "In the trash</th>" in html_of(bob)
    assert re.search(r"In the trash 7\.00 MB", text_of(bob.get("/space")))
    assert "3.00 MB in the trash" in text_of(bob.get("/space"))


def test_growth_is_a_line_with_a_table_beside_it(app: Flask, bob: Visitor) -> None:
    assert "The line begins with the second one." in text_of(bob.get("/space"))
    today = parts_of(app).now().date()
    earlier = DailySize(day=today - timedelta(days=9), size_bytes=1, in_trash_bytes=2, collectable_bytes=None)
    change(app, lambda session: session.add(earlier))
    page = html_of(bob)
    assert 'role="img" aria-label="The registry has grown by 4.49 MB in 9 days, from 1 B to 4.49 MB."' in page
    assert '<polyline class="growth-line" points="0.0,' in page
    assert "– (no dry run had told it) collectable" in text_of(bob.get("/space"))


def test_nothing_has_been_added_up_yet(make_app: MakeApp) -> None:
    app = make_app()
    text = text_of(Visitor(app).sign_in("bob").get("/space"))
    assert "Nothing has been added up yet." in text
    assert "as soon as it has read the whole registry once" in text
    assert html_of(Visitor(app).sign_in("alice"), "/space?namespace=team")


def test_an_empty_registry_takes_nothing(app: Flask, bob: Visitor) -> None:
    def empty(session: Session) -> None:
        for table in (RepositorySpace, NamespaceSpace, LargestTag, LargestLayer):
            session.execute(delete(table))
        session.execute(update(MeasuredSpace).values(repositories=0, namespaces=0, size_bytes=0, saved_bytes=0))

    change(app, empty)
    page = html_of(bob)
    assert "Nothing has been pushed yet." in page
    assert "Largest" not in page
    assert 'class="map"' not in page


def test_one_repository_alone_fills_the_map(app: Flask, bob: Visitor) -> None:
    def leave_one(session: Session) -> None:
        session.execute(delete(RepositorySpace).where(RepositorySpace.name != "alpine-base"))
        session.execute(delete(NamespaceSpace).where(NamespaceSpace.namespace != ""))
        session.execute(update(MeasuredSpace).values(repositories=1, namespaces=1))

    change(app, leave_one)
    page = html_of(bob)
    assert linked_from_map(page) == {"/repositories/alpine-base"}
    assert listed(page) == ["alpine-base"]
    assert "Namespaces</a>" not in page


def test_names_and_questions_that_try_to_be_markup_are_text(app: Flask, bob: Visitor) -> None:
    def rename(session: Session) -> None:
        session.execute(update(NamespaceSpace).where(NamespaceSpace.namespace == "data").values(namespace=HOSTILE))
        session.execute(update(RepositorySpace).where(RepositorySpace.namespace == "data").values(namespace=HOSTILE))

    change(app, rename)
    for path in ("/space", "/space?view=namespaces", f"/space?namespace={HOSTILE.replace('&', '%26')}"):
        page = html_of(bob, path)
        assert "<script>alert" not in page
        assert "&gt;&lt;script&gt;" in page or "&#34;&gt;&lt;scri…" in page


def test_sizes_that_nobody_can_believe_are_shown(app: Flask, bob: Visitor) -> None:
    most = 9 * 10**18
    change(app, lambda session: session.execute(update(RepositorySpace).values(size_bytes=most, exclusive_bytes=most)))
    change(app, lambda session: session.execute(update(NamespaceSpace).values(size_bytes=most, counted_bytes=most)))
    change(app, lambda session: session.execute(update(MeasuredSpace).values(size_bytes=most)))
    assert "9000 PB" in text_of(bob.get("/space"))
    assert html_of(bob, "/space?view=namespaces")


def test_a_long_list_has_pages_and_the_rest_stands_on_the_first_alone(app: Flask, bob: Visitor) -> None:
    def add_many(session: Session) -> None:
        for number in range(250):
            name = f"many/app-{number:03}"
            session.add(
                RepositorySpace(
                    repository_id=1_000 + number,
                    name=name,
                    namespace="many",
                    size_bytes=number // 2 + 1,
                    exclusive_bytes=0,
                    left_out=0,
                    in_trash_bytes=0,
                )
            )
        session.execute(update(MeasuredSpace).values(repositories=256))

    change(app, add_many)
    assert "Namespace</a>" in html_of(bob) or "4 namespaces" in text_of(bob.get("/space"))
    for sort in ("size", "-size", "exclusive", "name", "-name"):
        path, seen = f"/space?view=repositories&sort={sort}", list[str]()
        while path:
            page = html_of(bob, path)
            assert ('class="map"' in page) == (not seen)
            seen += listed(page)
            found = re.search(r'href="([^"]+)" rel="next"', page)
            path = found[1].replace("&amp;", "&") if found else ""
        assert len(seen) == len(set(seen)) == 256, sort


def test_a_page_reached_by_nonsense_is_the_first(bob: Visitor) -> None:
    assert listed(html_of(bob, "/space?after=nonsense")) == listed(html_of(bob))


def measured(app: Flask) -> int:
    with parts_of(app).reading() as session:
        return len(session.scalars(select(MeasuredSpace)).all())


def test_it_is_added_up_after_each_sync_and_every_minute_but_not_during_one(
    make_app: MakeApp, synced_template: Path
) -> None:
    app = make_app(template=synced_template)
    parts = parts_of(app)
    begun = update(RegistryState).values(sync_started_at=parts.now(), sync_finished_at=None)
    change(app, lambda session: session.execute(begun))
    add_up_the_space(parts)
    assert measured(app) == 0
    change(app, lambda session: session.execute(update(RegistryState).values(sync_finished_at=parts.now())))
    add_up_the_space(parts)
    assert measured(app) == 1
    change(app, lambda session: session.execute(delete(MeasuredSpace)))
    look_at_the_registry(parts, threading.Event())
    assert measured(app) == 1
