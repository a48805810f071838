"""A thin proxy in front of the real 2.8 registry that deletes tags by name, as 3.x does; all else is passed through.

It takes a tag away with a stand-in of its own. Like 3.0 and 3.1.0 it does so although deletes are disabled
(CVE-2026-41888), where it is told to be like them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import requests

from tests.registry.odd_registry import serving
from tests.registry_process import RegistryProcess

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
BY_TAG = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<tag>[^:/]+)")
PASSED_ON = ("Content-Type", "Docker-Content-Digest", "Link", "Location", "Allow", "Docker-Distribution-Api-Version")


@dataclass
class Registry3:
    """The running proxy: its address, the tags that were deleted by name, and what else was asked of manifests."""

    url: str = ""
    tags_deleted: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def registry3(registry: RegistryProcess, *, heeds_disabled: bool = True) -> Iterator[Registry3]:
    """Serve on loopback in front of a registry until the block is left."""
    proxy = Registry3()
    session = threading.local()

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> requests.Response:
        if not hasattr(session, "own"):
            session.own = requests.Session()
        answer: requests.Response = session.own.request(
            method, registry.url + path, headers=headers, data=body, timeout=20
        )
        return answer

    def delete_tag(path: str, tag: str) -> tuple[int, bytes]:
        if heeds_disabled and not registry.deletes:
            return 405, _error("UNSUPPORTED")
        listed = ask("GET", path.rpartition("/manifests/")[0] + "/tags/list", {}, b"")
        if listed.status_code == 404 or tag not in (listed.json()["tags"] or []):
            return 404, _error("MANIFEST_UNKNOWN")
        proxy.tags_deleted.append(tag)
        raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"of": path}})
        put = ask("PUT", path, {"Content-Type": OCI_INDEX}, raw.encode())
        if put.status_code != 201:
            return put.status_code, put.content
        by_digest = path.rpartition("/")[0] + "/" + put.headers["Docker-Content-Digest"]
        return ask("DELETE", by_digest, {}, b"").status_code, b""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            by_tag = BY_TAG.fullmatch(self.path)
            if self.command == "DELETE" and by_tag:
                status, said = delete_tag(self.path, by_tag["tag"])
                self.reply(status, {"Content-Type": "application/json"}, said)
                return
            if self.command in ("PUT", "DELETE"):
                proxy.changes.append((self.command, self.path.rpartition("/")[2]))
            headers = {name: self.headers[name] for name in ("Accept", "Content-Type") if name in self.headers}
            passed = ask(self.command, self.path, headers, body)
            kept = {name: passed.headers[name] for name in PASSED_ON if name in passed.headers}
            length = {"Content-Length": passed.headers.get("Content-Length", str(len(passed.content)))}
            self.reply(passed.status_code, kept | length, passed.content)

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as proxy.url:
        yield proxy


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower(), "detail": None}]}).encode()
