"""Holystone below a path of a host, behind the nginx of deploy/nginx/holystone.conf: every link and every cookie holds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WAIT_MS
from tests.certificates import make_certificate
from tests.deploy import nginx_process
from tests.deploy.nginx_process import Nginx, NginxOfDashboard
from tests.pages.conftest import PASSWORD, MakeApp, cast_template, make_app, synced_template  # noqa: F401
from tests.records import cheap_passwords, records_template  # noqa: F401
from tests.registry_process import RegistryProcess
from tests.served_app import served

pytestmark = pytest.mark.skipif(
    not nginx_process.BINARY or not shutil.which("openssl"), reason="nginx or openssl is missing"
)

ROOT = "/holystone/"
ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-push-url", "data-address")
OPENED = ("href", "src", "hx-get")
DIALOGS_OPENED = 6


class Page(HTMLParser):
    """All addresses of a page, and those of them that a browser opens with GET."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.opened: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ADDRESSES and value and value not in ("true", "false"):
                self.addresses.add(value)
                if name in OPENED or (name == "action" and ("method", "get") in attrs):
                    self.opened.add(value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def house(
    tmp_path: Path,
    make_app: MakeApp,  # noqa: F811
    synced_template: Path,  # noqa: F811
    fleet_registry: RegistryProcess,
    certificate: Path,
) -> Iterator[Nginx]:
    """The application with the demo fleet, behind nginx."""
    app: Flask = make_app(fleet_registry.url, synced_template, TRUSTED_PROXIES="1")
    with served(app) as behind:
        below_a_path = {
            "location / {": f"location {ROOT} {{",
            'X-Forwarded-Prefix "";': "X-Forwarded-Prefix /holystone;",
        }
        with NginxOfDashboard(tmp_path / "nginx", certificate, urlsplit(behind).netloc, below_a_path) as nginx:
            yield nginx


@pytest.fixture
def visitor(house: Nginx, certificate: Path) -> Iterator[requests.Session]:
    """The administrator, signed in."""
    with requests.Session() as session:
        session.verify, session.trust_env = str(certificate), False  # the environment would go before `verify`
        page = session.get(f"{house.url}{ROOT}", timeout=20)
        assert urlsplit(page.url).path == f"{ROOT}sign-in"
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found
        form = {"csrf_token": found[1], "name": "alice", "password": PASSWORD}
        answer = session.post(page.url, data=form, headers={"Referer": page.url}, timeout=20)
        assert urlsplit(answer.url).path == f"{ROOT}repositories"
        yield session


def test_every_link_of_every_page_stays_below_the_sub_path_and_answers(house: Nginx, visitor: requests.Session) -> None:
    to_do, seen, dialogs = [f"{house.url}{ROOT}"], set[str](), 0
    while to_do:
        url = to_do.pop()
        is_dialog = urlsplit(url).path.endswith("/delete")
        dialogs += is_dialog
        if is_dialog and dialogs > DIALOGS_OPENED:  # each asks the registry, and they are all of one kind
            continue
        answer = visitor.get(url, timeout=20)
        assert answer.status_code == 200, url
        assert urlsplit(answer.url).path.startswith(ROOT), url
        if not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = Page(answer.text)
        for address in page.addresses:
            whole = urlsplit(urljoin(answer.url, address))
            assert whole.netloc != urlsplit(house.url).netloc or whole.path.startswith(ROOT), f"{address} on {url}"
        ours = {urldefrag(urljoin(answer.url, each)).url for each in page.opened}
        fresh = {each for each in ours if each.startswith(house.url)} - seen
        seen |= fresh
        to_do.extend(sorted(fresh))
    paths = {urlsplit(each).path.removeprefix(ROOT) for each in seen}
    assert {"repositories", "activities", "maintenance", "status", "favicon.svg"} <= paths | {
        path.rpartition("/")[2] for path in paths
    }
    assert len(seen) > 60


def test_each_cookie_is_sent_below_the_sub_path_only_and_by_tls_only(house: Nginx, visitor: requests.Session) -> None:
    visitor.post(
        f"{house.url}{ROOT}account/theme",
        data={"csrf_token": _token(visitor, house), "theme": "dark"},
        headers={"Referer": f"{house.url}{ROOT}status"},
        timeout=20,
        allow_redirects=False,
    )
    found = {each.name: (each.path, each.secure, each.domain_specified) for each in visitor.cookies}
    assert found == {
        "__Secure-holystone": (ROOT, True, False),
        "holystone-form": (ROOT, True, False),
        "holystone-theme": (ROOT, True, False),
    }
    visitor.post(
        f"{house.url}{ROOT}sign-out",
        data={"csrf_token": _token(visitor, house)},
        headers={"Referer": house.url},
        timeout=20,
    )
    assert "__Secure-holystone" not in visitor.cookies


def test_who_is_sent_to_sign_in_comes_back_to_the_page(house: Nginx, certificate: Path) -> None:
    wanted = f"{house.url}{ROOT}activities?q=team"
    page = requests.get(wanted, verify=str(certificate), timeout=20)
    assert urlsplit(page.url).path == f"{ROOT}sign-in"
    assert f'value="{ROOT}activities?q=team"' in page.text
    fragment = requests.get(
        wanted, headers={"HX-Request": "true", "HX-Current-URL": wanted}, verify=str(certificate), timeout=20
    )
    assert f"{ROOT}sign-in?next={ROOT}activities" in fragment.text.replace("%2F", "/")


@pytest.mark.parametrize("path", ["sign-in", "no-such-page"])
def test_a_page_for_somebody_without_a_session_stays_below_it(house: Nginx, certificate: Path, path: str) -> None:
    page = requests.get(f"{house.url}{ROOT}{path}", verify=str(certificate), timeout=20)
    addresses = Page(page.text).addresses
    assert f"{ROOT}sign-in" in addresses
    assert all(each.startswith((ROOT, "#", "?")) for each in addresses), addresses


def _token(visitor: requests.Session, house: Nginx) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', visitor.get(f"{house.url}{ROOT}status", timeout=20).text)
    assert found
    return found[1]


def test_a_browser_keeps_the_cookies_and_htmx_finds_its_way(house: Nginx, browser: Browser) -> None:
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        refused: list[str] = []
        page.on("response", lambda each: refused.append(each.url) if each.status >= 400 else None)
        page.goto(f"{house.url}{ROOT}repositories/team/web")
        page.get_by_label("Name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{house.url}{ROOT}repositories/team/web")
        page.get_by_role("searchbox").fill("2.1")
        expect(page).to_have_url(re.compile(re.escape(f"{house.url}{ROOT}repositories/team/web?") + ".*q=2.1"))
        page.locator("[aria-haspopup=dialog]").first.click()
        page.locator("#dialog button", has_text="Delete").first.wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Status").click()
        expect(page).to_have_url(f"{house.url}{ROOT}status")
        page.get_by_role("button", name="Check again").first.click()
        expect(page.get_by_text("Checked just now.")).to_be_visible()
        expect(page).to_have_url(f"{house.url}{ROOT}status")
        assert {each["name"] for each in context.cookies()} == {"__Secure-holystone", "holystone-form"}
        assert refused == []
