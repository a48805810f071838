"""nginx in front of Holystone as it is served: where a visitor comes from is right, and nothing that he says of it counts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.certificates import make_certificate
from tests.dashboard_process import DashboardProcess
from tests.deploy import nginx_process
from tests.deploy.nginx_process import NginxOfDashboard

pytestmark = pytest.mark.skipif(
    not nginx_process.BINARY or not shutil.which("openssl"), reason="nginx or openssl is missing"
)

NOBODY = "http://127.0.0.1:1"
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=http",
    "X-Forwarded-Ssl": "off",
    "X-Forwarded-Protocol": "http",
    "Script-Name": "/evil",
    "SCRIPT_NAME": "/evil",
    "PATH_INFO": "/evil",
    "REMOTE_ADDR": "203.0.113.9",
}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path, "127.0.0.1")


def dashboard_at(tmp_path: Path, hops: int, bind: str = "") -> DashboardProcess:
    dashboard = DashboardProcess(tmp_path / "dashboard", NOBODY, TRUSTED_PROXIES=str(hops))
    dashboard.bind = bind
    dashboard.prepare("alice")
    return dashboard


@pytest.fixture(params=["port", "socket"])
def dashboard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DashboardProcess]:
    """Served at a port or at a Unix socket, and believing one proxy."""
    bind = f"unix:{tmp_path}/socket" if request.param == "socket" else ""
    with dashboard_at(tmp_path, 1, bind) as dashboard:
        yield dashboard


def upstream_of(dashboard: DashboardProcess) -> str:
    return dashboard.bind or f"127.0.0.1:{dashboard.port}"


def test_behind_nginx_the_scheme_the_host_and_the_address_come_right_whatever_a_visitor_says(
    tmp_path: Path, dashboard: DashboardProcess, certificate: Path
) -> None:
    with NginxOfDashboard(tmp_path / "nginx", certificate, upstream_of(dashboard)) as nginx:
        for headers in ({}, FORGED):
            page = requests.get(f"{nginx.url}/", headers=headers, verify=str(certificate), timeout=10)
            assert page.url == f"{nginx.url}/sign-in"
            assert "Secure" in page.headers["Set-Cookie"]
            assert "evil" not in page.text
            assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert addresses_of(dashboard) == {"127.0.0.1"}


def test_who_is_let_down_by_holystone_hears_of_tls_all_the_same(tmp_path: Path, certificate: Path) -> None:
    with NginxOfDashboard(tmp_path / "nginx", certificate, "127.0.0.1:1") as nginx:
        page = requests.get(f"{nginx.url}/", verify=str(certificate), timeout=10)
        assert (page.status_code, page.headers["Strict-Transport-Security"]) == (502, "max-age=31536000")
        plain = requests.get(f"http://127.0.0.1:{nginx.plain_port}/activities?q=a", allow_redirects=False, timeout=10)
        assert (plain.status_code, plain.headers["Location"]) == (301, "https://127.0.0.1/activities?q=a")


def test_two_proxies_are_counted_and_a_third_that_a_visitor_makes_up_is_not(tmp_path: Path, certificate: Path) -> None:
    with dashboard_at(tmp_path, 2) as dashboard:
        with NginxOfDashboard(tmp_path / "inner", certificate, upstream_of(dashboard)) as inner:
            through = {"proxy_pass http://holystone/;": f"proxy_pass {inner.url}/;"}
            with NginxOfDashboard(tmp_path / "outer", certificate, "127.0.0.1:1", through) as outer:
                for headers in ({}, FORGED):
                    page = requests.get(f"{outer.url}/", headers=headers, verify=str(certificate), timeout=10)
                    assert page.url == f"{outer.url}/sign-in"
                    assert "evil" not in page.text
        assert addresses_of(dashboard) == {"127.0.0.1"}


def test_without_a_trusted_proxy_no_header_counts(tmp_path: Path) -> None:
    with dashboard_at(tmp_path, 0) as dashboard:
        forged = FORGED | {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl"}
        page = requests.get(f"{dashboard.url}/", headers=forged, timeout=10)
        assert page.url == f"{dashboard.url}/sign-in"
        assert "Strict-Transport-Security" not in page.headers, "it would be https"
        assert "evil" not in page.text
        assert addresses_of(dashboard) == {"127.0.0.1"}


def test_a_failed_sign_in_is_recorded_with_the_address_that_nginx_saw(
    tmp_path: Path, dashboard: DashboardProcess, certificate: Path
) -> None:
    with (
        NginxOfDashboard(tmp_path / "nginx", certificate, upstream_of(dashboard)) as nginx,
        requests.Session() as visitor,
    ):
        visitor.verify, visitor.trust_env = str(certificate), False
        page = visitor.get(f"{nginx.url}/sign-in", headers=FORGED, timeout=10)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found
        form = {"csrf_token": found[1], "name": "alice", "password": "wrong"}
        visitor.post(page.url, data=form, headers={"Referer": page.url, **FORGED}, timeout=10)
        assert visitor.get(f"{nginx.url}/healthz", timeout=10).text == "ok\n"
    found_ones = json.loads(dashboard.command("activities", "--json").stdout)["activities"]
    assert {each["place"] for each in found_ones if each["kind"] == "sign_in_failed"} == {"127.0.0.1"}


def test_a_socket_is_for_its_user_and_group_only(tmp_path: Path) -> None:
    with dashboard_at(tmp_path, 1, f"unix:{tmp_path}/socket"):
        assert (tmp_path / "socket").stat().st_mode & 0o007 == 0


def addresses_of(dashboard: DashboardProcess) -> set[str]:
    """Of all visitors, as the log has them."""
    lines = [
        line for line in dashboard.log.read_text().splitlines() if "event=Request" in line and "/healthz" not in line
    ]
    return {found[1] for line in lines if (found := re.search(r" address=(\S+)", line))}
