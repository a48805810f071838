"""Everything that a registry may hold is listed, has its page and its size, and can be deleted."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.build import EMPTY, OCI_CONFIG, OCI_LAYER, Blob, Built, image, index, layer
from demo.push import Pusher
from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from tests.registry.odd_registry import JSON, Asked, Reply, odd_registry
from tests.registry.old_image import REGISTRY_SETTINGS, old_image
from tests.registry.signing_key import SigningKey
from tests.registry_process import RegistryProcess
from webapp.accounts.permissions import Visibility
from webapp.catalogue import listing
from webapp.catalogue.sync import sync
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound
from webapp.registry.manifests import MANIFEST_CAP_BYTES, OCI_MANIFEST, digest_of

EVERYTHING = Visibility(sees_everything=True)
LONGEST_TAG = "v" + "1" * 127
STRANGE = "application/vnd.example.thing.v7+json"
LAYER_BYTES = 200


def packed(**document: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **document}).encode()


def descriptor(blob: Blob, digest: str = "") -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": digest or blob.digest, "size": len(blob.raw)}


def without_layers() -> Built:
    empty = Blob(EMPTY, b"{}")
    return Built(OCI_MANIFEST, packed(artifactType="text/plain", config=descriptor(empty), layers=[]), (empty,))


def as_large_as_can_be() -> Built:
    built = image([layer("large")])
    document = json.loads(built.raw)
    room = MANIFEST_CAP_BYTES - len(json.dumps({**document, "annotations": {"fill": ""}}))
    raw = json.dumps({**document, "annotations": {"fill": "x" * room}}).encode()
    assert len(raw) == MANIFEST_CAP_BYTES
    return replace(built, raw=raw)


def platforms(docker: bool) -> list[Built]:
    return [image([layer(f"{each}{docker}")], platform=each, docker=docker) for each in ("linux/amd64", "linux/arm/v7")]


def look(make_app: MakeApp, url: str) -> Visitor:
    app = make_app(url)
    assert sync(parts_of(app).catalogue).is_complete
    return Visitor(app).sign_in("alice")


def assert_shown_and_deleted(
    alice: Visitor, client: RegistryClient, repository: str, tag: str, kind: str, size_bytes: int | None, note: str = ""
) -> None:
    page = f"/repositories/{repository}/-/tags/{tag}"
    shown = alice.get(page)
    assert shown.status_code == 200, text_of(shown)
    assert kind in text_of(shown)
    if size_bytes is not None:
        assert size_of(alice, repository, tag) == size_bytes
    assert note in text_of(alice.get(f"{page}/delete"))
    answer = alice.delete(f"{page}/delete")
    assert answer.status_code == 303, text_of(answer)
    with pytest.raises(NotFound):
        client.head_manifest(repository, tag)


def size_of(alice: Visitor, repository: str, tag: str) -> int | None:
    """The size that the list of tags shows, in bytes."""
    with parts_of(alice.client.application).reading() as session:
        row = listing.find_repository(session, EVERYTHING, repository)
        assert row is not None
        return {each.name: each.size_bytes for each in listing.tags(session, row).rows}[tag]


@pytest.mark.parametrize(
    ("built", "kind"),
    [
        (image([layer("a")]), "image"),
        (image([layer("b")], docker=True), "image"),
        (without_layers(), "artifact"),
    ],
)
def test_an_image_and_an_artifact(
    make_app: MakeApp, registry: RegistryProcess, client: RegistryClient, pusher: Pusher, built: Built, kind: str
) -> None:
    pusher.push("team/api", built, ["1.4"])
    pusher.push("team/api", image([layer("stays")]), ["stays"])
    size_bytes = len(built.raw) + sum(len(each.raw) for each in built.blobs)
    assert_shown_and_deleted(look(make_app, registry.url), client, "team/api", "1.4", kind, size_bytes)
    assert client.tags("team/api") == ["stays"]


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_and_a_list(
    make_app: MakeApp, registry: RegistryProcess, client: RegistryClient, pusher: Pusher, docker: bool
) -> None:
    built = pusher.push_index("team/api", platforms(docker), ["1.4"], docker=docker)
    size_bytes = len(built.raw) + sum(
        len(child.raw) + sum(len(each.raw) for each in child.blobs) for child in platforms(docker)
    )
    alice = look(make_app, registry.url)
    assert "linux/arm/v7" in text_of(alice.get("/repositories/team/api/-/tags/1.4"))
    assert_shown_and_deleted(alice, client, "team/api", "1.4", "image index", size_bytes)


def test_the_largest_manifest_the_longest_tag_and_nested_repositories(
    make_app: MakeApp, registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    large = as_large_as_can_be()
    pusher.push("a/b", large, [LONGEST_TAG])
    for name in ("a", "a/b/c"):
        pusher.push(name, image([layer(name)]), ["1.0"])
    alice = look(make_app, registry.url)
    listed = text_of(alice.get("/repositories"))
    assert all(f" {name} " in listed for name in ("a", "a/b", "a/b/c"))
    size_bytes = MANIFEST_CAP_BYTES + sum(len(each.raw) for each in large.blobs)
    assert_shown_and_deleted(alice, client, "a/b", LONGEST_TAG, "image", size_bytes)
    for name in ("a", "a/b/c"):
        assert client.tags(name) == ["1.0"]


def test_layers_by_sha512(make_app: MakeApp, registry: RegistryProcess, client: RegistryClient, pusher: Pusher) -> None:
    plain, config = layer("long digest"), Blob(OCI_CONFIG, b'{"architecture":"amd64","os":"linux"}')
    digest = "sha512:" + hashlib.sha512(plain.raw).hexdigest()
    started = requests.post(f"{registry.url}/v2/team/api/blobs/uploads/", timeout=10)
    requests.put(f"{started.headers['Location']}&digest={digest}", data=plain.raw, timeout=10).raise_for_status()
    raw = packed(config=descriptor(config), layers=[descriptor(replace(plain, media_type=OCI_LAYER), digest)])
    pusher.push("team/api", Built(OCI_MANIFEST, raw, (config,)), ["1.4"])
    size_bytes = len(raw) + len(config.raw) + len(plain.raw)
    assert_shown_and_deleted(look(make_app, registry.url), client, "team/api", "1.4", "image", size_bytes)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing")
def test_schema_1_is_shown_and_deleted_and_said_not_to_come_back(make_app: MakeApp, tmp_path: Path) -> None:
    with RegistryProcess(tmp_path / "old", further=REGISTRY_SETTINGS) as registry:
        old = old_image(SigningKey(tmp_path), "old/app", "1.0", [layer("old")])
        Pusher(registry.url).push("old/app", old, ["1.0"])
        app = make_app(registry.url)
        assert sync(parts_of(app).catalogue).is_complete
        alice = Visitor(app).sign_in("alice")
        assert_shown_and_deleted(
            alice, parts_of(app).registry, "old/app", "1.0", "image of schema 1", None, "Cannot be restored: schema 1."
        )


class Stranger:
    """A registry that takes any media type, as registry 2.8 does not: one manifest under one tag."""

    def __init__(self, media_type: str, raw: bytes) -> None:
        self.media_type, self.raw, self.is_there = media_type, raw, True

    def reply(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        digest = digest_of(self.raw)
        if path == "/v2/":
            return Reply(200, b"{}", {**JSON, "Docker-Distribution-Api-Version": "registry/2.0"})
        if path == "/v2/_catalog":
            return Reply(200, b'{"repositories":["odd/thing"]}')
        if path.endswith("/tags/list"):
            return Reply(200, json.dumps({"tags": ["7"] if self.is_there else None}).encode())
        if asked.method == "OPTIONS":
            return Reply(200, b"", {**JSON, "Allow": "DELETE, GET, HEAD, PUT"})
        if self.is_there and path in (f"/v2/odd/thing/manifests/{each}" for each in ("7", digest)):
            if asked.method == "DELETE":
                self.is_there = False
                return Reply(202)
            return Reply(200, self.raw, {"Content-Type": self.media_type, "Docker-Content-Digest": digest})
        return Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


@pytest.mark.parametrize(
    ("raw", "named_bytes"),
    [
        (b'{"layers":[{"mediaType":"x/y","digest":"sha256:' + b"a" * 64 + b'","size":1000}]}', 1000),
        (b'{"layers":"none"}', 0),
        (b"\x00\x01 not JSON at all", 0),
    ],
)
def test_a_type_that_nobody_told_us_of(make_app: MakeApp, raw: bytes, named_bytes: int) -> None:
    with odd_registry(Stranger(STRANGE, raw).reply) as odd:
        app = make_app(odd.url)
        assert sync(parts_of(app).catalogue).is_complete
        alice = Visitor(app).sign_in("alice")
        assert STRANGE in text_of(alice.get("/repositories/odd/thing/-/tags/7"))
        assert_shown_and_deleted(
            alice, parts_of(app).registry, "odd/thing", "7", "of an unknown kind", len(raw) + named_bytes
        )


def test_an_empty_index_and_an_image_without_a_layer(
    make_app: MakeApp, registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    pusher.push("team/api", index([]), ["none"])
    pusher.push("team/api", image([]), ["bare"])
    alice = look(make_app, registry.url)
    assert_shown_and_deleted(alice, client, "team/api", "none", "image index", len(index([]).raw))
    assert_shown_and_deleted(alice, client, "team/api", "bare", "image", None)
