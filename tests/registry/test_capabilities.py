"""What a registry lets us do is found by probes that leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.odd_registry import JSON, Asked, OddRegistry, Reply, odd_registry
from tests.registry_process import PASSWORD, USERNAME, RegistryProcess
from webapp.registry.capabilities import Mode, deletes_tags, probe, read_mode
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import DeletesDisabled, ReadOnly, RegistryUnreachable
from webapp.registry.transport import Transport

V3 = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
PLAIN = {"Content-Type": "text/plain; charset=utf-8", "Allow": "GET, HEAD"}


def errors(code: str) -> bytes:
    return b'{"errors":[{"code":"%s","message":"m"}]}' % code.encode()


@pytest.mark.parametrize(
    ("deletes", "read_only", "may_delete", "mode", "words"),
    [
        (True, False, True, Mode.READ_WRITE, ""),
        (False, False, False, Mode.READ_WRITE, "switched off"),
        (True, True, None, Mode.READ_ONLY, "read-only"),
        (False, True, None, Mode.READ_ONLY, "read-only"),
    ],
)
def test_the_real_registry_shows_what_it_allows(
    tmp_path: Path, deletes: bool, read_only: bool, may_delete: bool | None, mode: Mode, words: str
) -> None:
    with RegistryProcess(tmp_path, deletes=deletes, read_only=read_only) as registry:
        before = sorted(registry.store.rglob("*"))
        found = probe(open_registry(registry.url))
        assert (found.reachable, found.may_list, found.generation) == (True, True, "2")
        assert (found.may_delete, found.mode) == (may_delete, mode)
        assert words in " ".join(found.sentences)
        assert len(found.sentences) == (1 if words else 0)
        assert sorted(registry.store.rglob("*")) == before


def test_the_real_registry_deletes_by_digest_only_and_asking_leaves_nothing(registry: RegistryProcess) -> None:
    before = sorted(registry.store.rglob("*"))

    assert deletes_tags(open_registry(registry.url)) is False
    assert sorted(registry.store.rglob("*")) == before


def test_a_registry_of_3_deletes_tags_by_name() -> None:
    with odd_registry(lambda _asked: Reply(404, errors("MANIFEST_UNKNOWN"), JSON)) as proxy:
        assert deletes_tags(open_registry(proxy.url)) is True


@pytest.mark.parametrize(
    ("settings", "error"), [({"deletes": False}, DeletesDisabled), ({"read_only": True}, ReadOnly)]
)
def test_where_nothing_is_deleted_no_tag_is_asked_for(
    tmp_path: Path, settings: dict[str, bool], error: type[Exception]
) -> None:
    with RegistryProcess(tmp_path, **settings) as registry, pytest.raises(error):
        deletes_tags(open_registry(registry.url))


def test_deletes_that_are_disabled_are_believed_although_tags_would_go() -> None:
    """3.0 and 3.1.0 delete tags all the same (CVE-2026-41888)."""

    def reply(asked: Asked) -> Reply:
        is_digest = "sha256:" in asked.path
        return Reply(405, errors("UNSUPPORTED"), JSON) if is_digest else Reply(202, b"", {})

    with odd_registry(reply) as proxy:
        with pytest.raises(DeletesDisabled):
            deletes_tags(open_registry(proxy.url))
        assert [asked.path for asked in proxy.asked if "sha256:" not in asked.path] == []


def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, htpasswd=True) as registry:
        found = probe(open_registry(registry.url, USERNAME, "wrong"))
        assert not found.reachable
        assert "password" in found.sentences[0]
        assert probe(open_registry(registry.url, USERNAME, PASSWORD)).may_delete


def test_a_registry_that_is_away_is_told() -> None:
    client = RegistryClient(Transport("http://127.0.0.1:9", pauses_s=()))
    found = probe(client)
    assert (found.reachable, found.may_delete, found.mode) == (False, None, Mode.UNKNOWN)
    assert "cannot be reached" in found.sentences[0]
    with pytest.raises(RegistryUnreachable):
        read_mode(client)


def v3(asked: Asked) -> Reply:
    """Registry 3.x as far as it differs (distribution.md 1.4)."""
    if asked.method == "OPTIONS":
        return Reply(200, headers={"Allow": "DELETE, GET, HEAD, PUT"})
    if asked.method == "DELETE":
        return Reply(404, errors("MANIFEST_UNKNOWN"), V3)
    return Reply(200, b'{"repositories":[]}' if "_catalog" in asked.path else b"{}", V3)


def test_registry_3_is_told_by_its_content_type() -> None:
    with odd_registry(v3) as odd:
        found = probe(open_registry(odd.url))
    assert (found.generation, found.may_delete, found.mode, found.sentences) == ("3", True, Mode.READ_WRITE, ())


@pytest.mark.parametrize(
    ("put", "mode"),
    [
        (Reply(400, errors("MANIFEST_INVALID")), Mode.READ_WRITE),
        (Reply(405, b"Method not allowed\n", PLAIN), Mode.READ_ONLY),
        (Reply(403, errors("DENIED")), Mode.UNKNOWN),
        (Reply(400, b"", {"Content-Type": "text/html"}), Mode.UNKNOWN),
        (Reply(502, b"", {"Content-Type": "text/html"}), Mode.UNKNOWN),
    ],
)
@pytest.mark.parametrize("options", [Reply(204, headers={}), Reply(405, b"", {"Content-Type": "text/html"})])
def test_where_a_proxy_swallows_options_an_unparsable_put_tells(options: Reply, put: Reply, mode: Mode) -> None:
    def reply(asked: Asked) -> Reply:
        return {"OPTIONS": options, "PUT": put}.get(asked.method) or v3(asked)

    with odd_registry(reply) as odd:
        assert probe(open_registry(odd.url)).mode == mode
        assert [each.path for each in odd.asked if each.method == "PUT"] == ["/v2/holystone-probe/manifests/x"]


def test_put_is_never_tried_where_options_answer() -> None:
    with odd_registry(v3) as odd:
        probe(open_registry(odd.url))
        assert_only_harmless(odd)


def test_nothing_is_uploaded_by_a_probe_of_a_read_only_registry() -> None:
    def reply(asked: Asked) -> Reply:
        if asked.method in ("DELETE", "PUT"):
            return Reply(405, b"Method not allowed\n", PLAIN)
        return Reply(204, headers={}) if asked.method == "OPTIONS" else v3(asked)

    with odd_registry(reply) as odd:
        assert probe(open_registry(odd.url)).mode == Mode.READ_ONLY
        assert_only_harmless(odd)


def assert_only_harmless(odd: OddRegistry) -> None:
    assert set(odd.methods) <= {"GET", "OPTIONS", "DELETE"}
    assert all(each.path.endswith("sha256:" + "0" * 64) for each in odd.asked if each.method == "DELETE")
    assert not any("uploads" in path for path in odd.paths)


def test_a_catalogue_that_may_not_be_read_is_told_apart_from_the_rest() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply(403, errors("DENIED"), JSON) if "_catalog" in asked.path else v3(asked)

    with odd_registry(reply) as odd:
        found = probe(open_registry(odd.url))
    assert (found.may_list, found.may_delete) == (False, True)
    assert len(found.sentences) == 1
