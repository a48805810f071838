"""Lists of repositories and tags: search, order, pages, markup that tries to be some."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from webapp.catalogue.models import Repository
from webapp.catalogue.state import registry_state
from webapp.catalogue.sync import sync


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """Lists are answered from the records alone."""
    return shown_app


BUILDER = "/repositories/tools/builder"


def tags_on(page: str) -> list[str]:
    return re.findall(r'/-/tags/([^"/]+)" data-open', page)


def repositories_on(page: str) -> list[str]:
    return re.findall(r'href="/repositories/([^"]+)" data-open', page)


def next_of(page: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_all_repositories_are_listed_with_tags_and_size(bob: Visitor) -> None:
    page = bob.get("/repositories")
    assert len(repositories_on(page.get_data(as_text=True))) == 6
    text = text_of(page)
    assert "6 of 6 repositories" in text
    assert "First steps" not in text


def test_the_head_says_what_the_whole_registry_takes(app: Flask, bob: Visitor) -> None:
    def says(size_bytes: int | None, left_out: int) -> tuple[str, str]:
        with parts_of(app).writing() as session:
            state = registry_state(session)
            state.size_bytes, state.left_out = size_bytes, left_out
        answer = bob.get("/repositories")
        return text_of(answer), answer.get_data(as_text=True).partition('class="facts"')[2].partition("</p>")[0]

    text, head = says(1_234_567, 0)
    assert "6 repositories 1.23 MB" in text
    assert 'title="1\u202f234\u202f567 bytes"' in head
    text, head = says(1_234_567, 2)
    assert "at least ≥ 1.23 MB (2 manifests not counted: not read, or without sizes)" in text
    assert 'title="1\u202f234\u202f567 bytes; 2 manifests not counted' in head
    assert "– (1 manifest not counted: not read, or without sizes)" in says(0, 1)[0]
    assert "– (the registry has not been read completely yet)" in says(None, 0)[0]


def test_each_repository_and_its_page_say_what_is_left_out(app: Flask, bob: Visitor) -> None:
    with parts_of(app).writing() as session:
        session.query(Repository).filter_by(name="team/api").one().left_out = 1
    assert "at least ≥" in text_of(bob.get("/repositories?q=team/api")).partition("Last change")[2]
    assert "at least ≥" in text_of(bob.get("/repositories/team/api"))
    assert "at least" not in text_of(bob.get("/repositories/team/web"))


@pytest.mark.parametrize("path", ["/repositories?q=TEAM/", "/?q=TEAM/"])
def test_repositories_are_found_by_a_part_of_their_name(bob: Visitor, path: str) -> None:
    answer = bob.get(path)
    assert repositories_on(answer.get_data(as_text=True)) == ["team/api", "team/shop", "team/web"]
    assert "3 of 6 repositories" in text_of(answer)


def test_repositories_are_sorted_as_asked(bob: Visitor) -> None:
    by_tags = repositories_on(bob.get("/repositories?sort=tags").get_data(as_text=True))
    assert by_tags[0] == "tools/builder"
    assert repositories_on(bob.get("/repositories?sort=nonsense").get_data(as_text=True))[0] == "alpine-base"


def folders_on(page: str) -> list[str]:
    return re.findall(r'href="/repositories\?under=([^"]+)" data-open', page)


def test_namespaces_are_folders_with_what_is_in_them(bob: Visitor) -> None:
    answer = bob.get("/repositories?view=folders")
    page = answer.get_data(as_text=True)
    assert folders_on(page) == ["data", "team", "tools"]
    assert repositories_on(page) == ["alpine-base"]
    assert re.search(r"team/ 3 repositories \d+ tags", text_of(answer))
    assert "6 of 6 repositories" in text_of(answer)
    assert 'href="/repositories?view=all&amp;sort=name">All repositories' in page
    by_tags = bob.get("/repositories?view=folders&sort=-tags").get_data(as_text=True)
    assert folders_on(by_tags)[-1] == "tools"


def test_a_folder_lists_its_repositories_and_leads_back(bob: Visitor) -> None:
    answer = bob.get("/repositories?under=team&sort=-name")
    page = answer.get_data(as_text=True)
    assert repositories_on(page) == ["team/web", "team/shop", "team/api"]
    assert "registry.example/team 3 repositories" in text_of(answer)
    assert "team · Holystone" in text_of(answer)
    assert 'under=team&amp;sort=tags">Tags' in page
    assert 'href="/repositories?under=team">team' in bob.get("/repositories/team/api").get_data(as_text=True)
    assert "No repository is in nobody ." in text_of(bob.get("/repositories?under=nobody"))


def test_a_search_lists_without_folders_wherever_it_begins(bob: Visitor) -> None:
    for path in ("/repositories?q=a&view=folders", "/repositories?q=a&under=team"):
        page = bob.get(path).get_data(as_text=True)
        assert folders_on(page) == []
        assert "alpine-base" in repositories_on(page)


def test_more_repositories_than_a_page_holds_are_shown_in_folders(app: Flask, bob: Visitor) -> None:
    with parts_of(app).writing() as session:
        for number in range(150):
            name = f"space-{number:03}"
            session.add(
                Repository(
                    name=f"{name}/app", namespace=name, first_seen_at=parts_of(app).now(), tag_count=1, image_count=1
                )
            )
    path, seen = "/repositories", list[str]()
    while path:
        page = bob.get(path).get_data(as_text=True)
        seen += folders_on(page)
        path = next_of(page)
    assert seen == ["data", *(f"space-{number:03}" for number in range(150)), "team", "tools"]
    assert folders_on(bob.get("/repositories?view=all").get_data(as_text=True)) == []


def test_a_search_without_a_match_says_so(bob: Visitor) -> None:
    assert "No repository matches nothing ." in text_of(bob.get("/repositories?q=nothing"))
    assert "No tag matches nothing ." in text_of(bob.get(f"{BUILDER}?q=nothing"))


def test_htmx_gets_the_rows_only_and_the_count_beside_them(bob: Visitor) -> None:
    for path in ("/repositories?q=api", f"{BUILDER}?q=build-1042"):
        body = bob.get(path, htmx=True).get_data(as_text=True)
        assert body.lstrip().startswith('<div id="listing"')
        assert '<output id="count" class="count" aria-live="polite" hx-swap-oob="innerHTML">' in body
        restored = bob.get(path, htmx=True, HX_History_Restore_Request="true").get_data(as_text=True)
        assert "<html" in restored


@pytest.mark.parametrize(
    "sort", [f"{way}{order}" for order in ("newest", "name", "image", "size", "created") for way in ("", "-")]
)
def test_pages_of_a_hundred_show_every_tag_once(bob: Visitor, sort: str) -> None:
    path, seen, sizes = f"{BUILDER}?sort={sort}", list[str](), list[int]()
    while path:
        page = bob.get(path).get_data(as_text=True)
        sizes.append(len(tags_on(page)))
        seen += tags_on(page)
        path = next_of(page)
    assert sizes == [100, 100, 41]
    assert len(set(seen)) == 241


def test_the_head_of_a_column_sorts_by_it_and_pressed_again_the_other_way(bob: Visitor) -> None:
    page = bob.get(f"{BUILDER}?q=build&sort=name").get_data(as_text=True)
    assert re.findall(r'aria-sort="(\w+)"><a href="([^"]+)">(\w+)', page) == [
        ("ascending", f"{BUILDER}?q=build&amp;sort=-name", "Tag")
    ]
    turned = bob.get(f"{BUILDER}?q=build&sort=-name").get_data(as_text=True)
    assert re.findall(r'aria-sort="(\w+)"><a href="([^"]+)">(\w+)', turned) == [
        ("descending", f"{BUILDER}?q=build&amp;sort=name", "Tag")
    ]
    assert '<option value="-name" selected>Name, reversed</option>' in turned
    assert "sort=-name" in next_of(turned)
    assert tags_on(turned)[0] > tags_on(page)[0]
    assert f'<a href="{BUILDER}?q=build&amp;sort=size">Size' in turned


def test_a_page_reached_by_nonsense_is_the_first(bob: Visitor) -> None:
    first = tags_on(bob.get(BUILDER).get_data(as_text=True))
    assert tags_on(bob.get(f"{BUILDER}?after=nonsense").get_data(as_text=True)) == first


def test_a_search_keeps_its_words_on_the_next_page(bob: Visitor) -> None:
    page = bob.get(f"{BUILDER}?q=-&sort=name").get_data(as_text=True)
    assert "q=-" in next_of(page)
    assert "sort=name" in next_of(page)


def test_tags_of_one_image_stand_together_when_sorted_by_image(alice: Visitor) -> None:
    page = alice.get("/repositories/team/api?sort=image").get_data(as_text=True)
    joined = re.findall(r'data-row class="join (\w+)"', page)
    assert joined.count("first") == joined.count("last") == 2
    assert joined.count("middle") == 1
    assert "same image as 1.4.2, latest" in text_of(alice.get("/repositories/team/api"))


def test_a_signature_says_whose_it_is(bob: Visitor) -> None:
    assert re.search(r"signature of (1\.4|1\.4\.2|latest)\b", text_of(bob.get("/repositories/team/api")))
    assert "Attached to it" in text_of(bob.get("/repositories/team/api/-/tags/1.4.2"))
    assert "Attached to it" in text_of(bob.get("/repositories/team/shop/-/tags/7.0.0"))


def test_a_tags_page_tells_what_it_is(bob: Visitor) -> None:
    text = text_of(bob.get("/repositories/team/web/-/tags/2.1"))
    assert "image index" in text
    assert "docker pull registry.example/team/web:2.1" in text
    assert "docker pull registry.example/team/web@sha256:" in text
    for platform in ("linux/amd64", "linux/arm64", "linux/arm/v7"):
        assert platform in text
    assert "12 Oct 2026, 13:37" in text


def test_a_tag_that_is_not_there_is_not_found(bob: Visitor) -> None:
    answer = bob.get("/repositories/team/web/-/tags/none")
    assert answer.status_code == 404
    assert "There is no such tag, or you may not see it." in text_of(answer)


def test_labels_that_try_to_be_markup_are_text(bob: Visitor) -> None:
    page = bob.get("/repositories/team/shop/-/tags/8.0.0-rc.1").get_data(as_text=True)
    assert "&lt;script&gt;document.title=" in page
    assert "<script>document" not in page
    assert "<img src=x" not in page
    assert 'href="javascript' not in page
    assert "<b onclick" not in page
    assert "{{ 7 * 7 }}" in page
    assert "\u202e" not in page


def test_what_somebody_searches_for_is_text(bob: Visitor) -> None:
    for path in ("/repositories", BUILDER, "/activities"):
        name = "repository" if path == "/activities" else "q"
        page = bob.get(f'{path}?{name}="><script>alert(1)</script>').get_data(as_text=True)
        assert "<script>alert" not in page


def test_a_registry_that_could_never_be_read_is_not_called_empty(make_app: MakeApp) -> None:
    app = make_app()
    sync(parts_of(app).catalogue)
    text = text_of(Visitor(app).sign_in("alice").get("/repositories"))
    assert "The registry has not been read completely yet. The registry cannot be reached: no connection." in text
    assert "Nothing has been pushed yet." not in text
    assert "HOLYSTONE_REGISTRY_URL is http://127.0.0.1:9." in text


def test_an_empty_registry_says_how_to_push(make_app: MakeApp) -> None:
    app = make_app()
    parts = parts_of(app)
    with parts.writing() as session:
        state = registry_state(session)
        state.sync_started_at = state.sync_finished_at = state.sync_complete_at = parts.now()
    text = text_of(Visitor(app).sign_in("bob").get("/repositories"))
    assert "Nothing has been pushed yet." in text
    assert "docker push registry.example/team/app:1.0" in text


def test_the_first_sync_shows_how_far_it_is_and_asks_again_by_itself(make_app: MakeApp) -> None:
    app = make_app()
    bob = Visitor(app).sign_in("bob")
    assert "every 2s" in bob.get("/repositories").get_data(as_text=True)
    parts = parts_of(app)
    with parts.writing() as session:
        state = registry_state(session)
        state.sync_started_at, state.repositories_total, state.repositories_done = parts.now(), 120, 34
    answer = bob.get("/repositories", htmx=True)
    assert "Reading the registry: 34 of 120 repositories." in text_of(answer)
    assert 'max="120" value="34"' in answer.get_data(as_text=True)


def test_the_first_steps_say_what_is_left_to_do(make_app: MakeApp) -> None:
    app = make_app(REGISTRY_PUBLIC_NAME="")
    parts = parts_of(app)
    with parts.writing() as session:
        state = registry_state(session)
        state.checked_at, state.may_list, state.may_delete = parts.now(), True, False
    page = text_of(Visitor(app).sign_in("alice").get("/repositories"))
    assert "First steps" in page
    assert "storage: delete: enabled: true" in page
    assert "HOLYSTONE_REGISTRY_PUBLIC_NAME sets another name." in page
    assert "First steps" not in text_of(Visitor(app).sign_in("bob").get("/repositories"))


def test_the_first_steps_leave_when_all_is_well(app: Flask, alice: Visitor) -> None:
    assert "First steps" not in text_of(alice.get("/repositories"))
    assert "First steps" in text_of(alice.get("/status"))
