"""nginx with TLS: the registry behind it has none, and its clients need not know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.certificates import key_of, make_certificate
from tests.deploy import nginx_process, skopeo
from tests.deploy.nginx_process import NginxProcess
from tests.runtime.keeper_process import KeeperProcess
from webapp.runtime.orders import Phase, Reads

pytestmark = pytest.mark.skipif(
    not nginx_process.BINARY or not skopeo.BINARY or not shutil.which("openssl"),
    reason="nginx, skopeo or openssl is missing",
)


def test_with_tls_an_upload_is_led_to_https_and_a_push_meanwhile_learns_why(
    tmp_path: Path, keeper: KeeperProcess
) -> None:
    keeper.start()
    Pusher(keeper.url).push("team/api", image([layer("kept")]), ["kept"])
    certificate = make_certificate(tmp_path, "127.0.0.1")
    lines = f" ssl_certificate {certificate}; ssl_certificate_key {key_of(certificate)};"
    with NginxProcess(tmp_path / "nginx", keeper, lines) as nginx:
        started = requests.post(f"{nginx.url}/v2/team/new/blobs/uploads/", timeout=5, verify=str(certificate))
        assert started.headers["Location"].startswith(f"https://127.0.0.1:{nginx.port}/v2/team/new/blobs/uploads/")
        kept, new = f"127.0.0.1:{nginx.port}/team/api:kept", f"127.0.0.1:{nginx.port}/team/new:1.0"
        assert skopeo.pull(kept, tmp_path / "image").returncode == 0
        done = skopeo.push(tmp_path / "image", new)
        assert done.returncode == 0, done.stderr
        keeper.order(reads=Reads.OWN)
        keeper.wait_for_phase(Phase.HOLDING)
        assert skopeo.pull(new, tmp_path / "meanwhile").returncode == 0
        assert "read-only for maintenance" in skopeo.push(tmp_path / "image", kept).stderr
