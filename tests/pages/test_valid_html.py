"""Every page, in every state that is drawn, is valid HTML with unique ids and labelled fields, and leads nowhere in vain."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.test import TestResponse

from tests.look import records, rules
from tests.look.scenes import EVERYTHING, SCENES, STATES
from tests.odd_manifests import ODD, UNTAGGED
from tests.pages.conftest import MakeApp, Visitor, parts_of
from tests.pages.valid_html import faults, links, parse, unanswered
from tests.runtime.keeper_process import KeeperProcess

MOST_OF_A_KIND = 5
"""Pages that are looked at of one route: the fleet has every kind of image, and lists have many pages."""

BEGIN_AT = (
    "/",
    "/search?q=a",
    "/maintenance/by-hand",  # linked where there is no keeper
    f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}/delete",
)
IN_VAIN = (
    "/no-such-page",
    "/repositories/team/none",
    "/repositories?q=nothing",
    "/search?q=nothing",
    "/repositories/team/api?q=nothing",
)
FORMS_IN_VAIN: dict[str, dict[str, str]] = {
    f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}/name": {"tag": "no tag"},
    "/trash/restore": {"item": "5", "agreed": "1"},
    "/sign-in": {"name": "alice", "password": "not this one"},
    "/maintenance/hold": {"minutes": "none"},
    "/maintenance/windows/new": {"zone": "Europe/Atlantis", "longest": "2000"},
    "/retention/rules/new": {"repositories": "Team API", "newest": "none"},
    "/repositories/team/api/-/delete": {"typed_name": "team/another"},
}


@pytest.fixture(scope="module")
def keeper(fleet_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeeperProcess]:
    """A keeper before a registry with the demo fleet. Nothing here changes it."""
    home = tmp_path_factory.mktemp("keeper")
    shutil.copytree(fleet_store, home / "store")
    with KeeperProcess(home, drain_timeout_s=0) as process:
        yield process


@pytest.fixture
def whole_app(make_app: MakeApp, synced_template: Path, keeper: KeeperProcess) -> Flask:
    """The application as it is deployed: with a keeper before the registry, and every setting that adds to a page."""
    app = make_app(
        keeper.url,
        synced_template,
        KEEPER_FOLDER=str(keeper.folder),
        REGISTRY_STORE=str(keeper.store),
        REGISTRY_CONFIG=str(keeper.config),
        REGISTRY_READS_URL=keeper.reads_url,
        PROTECTED_TAGS="1.*",
        WEBHOOK_URL="https://hooks.example/notices",
        DEAD_MANS_SWITCH_URL="https://switch.example/",
    )
    _prepare(app, records.everything)
    return app


def test_every_page_is_valid_and_every_link_is_answered(whole_app: Flask) -> None:
    _prepare(whole_app, records.open_removal, records.windows, records.wrong, records.failed_run, rules.retention)
    signed_in = {name: Visitor(whole_app).sign_in(name) for name in ("alice", "bob")}
    wrong = _wrong(whole_app, "/sign-in", Visitor(whole_app).get("/sign-in"))
    seen: set[str] = set()
    for name, visitor in signed_in.items():
        for path, answer in _walk(whole_app, visitor, seen):
            wrong.update(_wrong(whole_app, f"{path} of {name}", answer))
    assert wrong == {}
    assert _pages_of(whole_app) - seen == set()


@pytest.mark.parametrize("state", [EVERYTHING, *STATES])
def test_every_state_that_is_drawn_is_valid(whole_app: Flask, state: str) -> None:
    _prepare(whole_app, STATES.get(state, lambda _session: None))
    visitor, wrong = Visitor(whole_app).sign_in("alice"), {}
    for path in dict.fromkeys(scene.path for scene in SCENES if scene.state == state):
        for htmx in (False, True):
            wrong.update(_wrong(whole_app, f"{path}, htmx={htmx}", visitor.get(path, htmx=htmx)))
    assert wrong == {}


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_what_is_told_of_a_form_that_was_filled_in_wrongly_is_valid(whole_app: Flask, htmx: bool) -> None:
    visitor, wrong = Visitor(whole_app).sign_in("alice"), {}
    for path, form in FORMS_IN_VAIN.items():
        answer = visitor.post(path, htmx=htmx, **form)
        assert answer.status_code in (400, 401, 403, 409, 422), (path, answer.status)
        wrong.update(_wrong(whole_app, path, answer))
    assert wrong == {}


def _prepare(app: Flask, *states: records.Prepare) -> None:
    with parts_of(app).writing() as session:
        for state in states:
            state(session)


def _pages_of(app: Flask) -> set[str]:
    """All that answers a GET to somebody who is signed in."""
    others = {"static", "health.healthz", "health.readyz", "metrics.metrics", "sign_in.sign_in"}
    return {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - others


def _walk(app: Flask, visitor: Visitor, seen: set[str]) -> Iterator[tuple[str, TestResponse]]:
    """All pages that are linked to, from the first one on, as pages and as what htmx asks for; whose they are is noted."""
    waiting, found = deque([*BEGIN_AT, *IN_VAIN]), {*BEGIN_AT, *IN_VAIN}
    of_a_kind: Counter[str] = Counter()
    while waiting:
        path = waiting.popleft()
        endpoint = _endpoint(app, path)
        of_a_kind[endpoint] += 1
        if of_a_kind[endpoint] > MOST_OF_A_KIND:
            continue
        seen.add(endpoint)
        answer = visitor.get(path)
        if answer.mimetype != "text/html" or answer.status_code in (301, 302, 303):
            continue
        yield path, answer
        yield f"{path} for htmx", visitor.get(path, htmx=True)
        for method, address in links(parse(answer.get_data(as_text=True))):
            target = urljoin(path, address).partition("#")[0]
            if method == "GET" and target not in found and not target.startswith("/static/"):
                found.add(target)
                waiting.append(target)


def _endpoint(app: Flask, path: str) -> str:
    try:
        endpoint: str = app.url_map.bind("localhost").match(path.partition("?")[0], method="GET")[0]
    except NotFound:
        return ""
    return endpoint


def _wrong(app: Flask, name: str, answer: TestResponse) -> dict[str, list[str]]:
    """What is wrong with an answer, by its name; nothing where nothing is."""
    assert answer.status_code != 500, name
    if answer.mimetype != "text/html":
        return {}
    html = answer.get_data(as_text=True)
    parsed = parse(html, is_fragment=not html.lstrip().lower().startswith("<!doctype"))
    found = [*unanswered(parsed, app.url_map.bind("localhost")), *faults(parsed)]
    return {name: found} if found else {}


def test_what_is_wrong_is_found(app: Flask) -> None:
    page = parse(
        "<!doctype html><title>x</title><p id=a><p id=a><div><b></div><input name=q><label for=none>x</label>"
        '<i style="x"></i><button onclick="x"></button><script>x</script><a href="/nowhere">x</a>'
    )
    found = " / ".join([*unanswered(page, app.url_map.bind("localhost")), *faults(page)])
    for sentence in ("the id 'a' 2 times", "without a label: input q", "for=none names nothing", "style", "onclick"):
        assert sentence in found
    assert "<script>" in found
    assert "GET /nowhere" in found
    assert "0 headings of the first rank" in found
    assert page.complaints
