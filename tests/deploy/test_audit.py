"""`make audit` passes what a service knows no vulnerability of, and nothing that was not looked at."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[2]
FOUND = {
    "id": "GHSA-0000-0000-0000",
    "summary": "It does what it should not.",
    "details": "It does what it should not.",
    "aliases": ["CVE-2026-0001"],
    "affected": [
        {
            "package": {"name": "flask", "ecosystem": "PyPI"},
            "versions": ["3.1.3"],
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@contextmanager
def service(vulnerable: str = "") -> Iterator[str]:
    """The address of a service that knows one vulnerability, of the package `vulnerable`, or none."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_found = asked["package"]["name"] == vulnerable
            answer = json.dumps({"vulns": [FOUND]} if is_found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(address: str) -> subprocess.CompletedProcess[str]:
    options = f"--vulnerability-service osv --osv-url {address} --timeout 5"
    return subprocess.run(
        ["deploy/local/audit"], cwd=ROOT, env={**os.environ, "AUDIT_OPTIONS": options},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_where_nothing_is_known_it_passes() -> None:
    with service() as address:
        done = audit(address)
    assert done.returncode == 0, done.stderr
    assert "requirements.txt: no known vulnerability." in done.stdout
    assert "requirements-dev.txt: no known vulnerability." in done.stdout


def test_what_is_known_is_named_and_fails() -> None:
    with service("flask") as address:
        done = audit(address)
    assert done.returncode == 1
    assert "GHSA-0000-0000-0000" in done.stdout or "CVE-2026-0001" in done.stdout
    assert "requirements.txt: these vulnerabilities are known." in done.stderr


def test_where_nobody_answers_it_fails_and_says_so() -> None:
    done = audit("http://127.0.0.1:9/v1/query")
    assert done.returncode == 1
    assert "no known vulnerability" not in done.stdout
    assert done.stderr.count("That is no pass.") == 2
