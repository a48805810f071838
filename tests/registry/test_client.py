"""The client against the real registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.build import image, index, layer
from demo.push import Pusher
from tests.registry.odd_registry import Reply, odd_registry
from tests.registry_process import PASSWORD, USERNAME, RegistryProcess
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import (
    DeletesDisabled,
    Nonsense,
    NotFound,
    ReadOnly,
    Refused,
    RegistryError,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.registry.manifests import ManifestKind, parse_config, parse_manifest
from webapp.registry.names import BadName

ABSENT = "sha256:" + "0" * 64


def test_an_empty_registry_answers_and_lists_nothing(client: RegistryClient) -> None:
    assert client.ping().api_version == "registry/2.0"
    assert list(client.catalogue()) == []


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_the_catalogue_is_whole_whatever_the_page_size(client: RegistryClient, pusher: Pusher, page_size: int) -> None:
    names = ["a/b/manifests", "alpine-base", "team/api", "team/delete", "team/tags"]
    for name in names:
        pusher.push(name, image([layer("x")]), ["latest"])
    assert sorted(client.catalogue(page_size)) == names


def test_a_registry_with_smaller_pages_is_asked_for_its_own(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, max_entries=100) as registry:
        Pusher(registry.url).push("team/api", image([layer("x")]), ["latest"])
        assert list(open_registry(registry.url).catalogue()) == ["team/api"]


@pytest.mark.parametrize("name", ["team/delete", "team/tags", "a/b/manifests", "tags/list", "blobs/uploads"])
def test_a_name_that_looks_like_a_path_of_the_protocol_is_only_a_name(
    client: RegistryClient, pusher: Pusher, name: str
) -> None:
    built = pusher.push(name, image([layer("x", 500)]), ["list", "latest"])
    assert sorted(client.tags(name)) == ["latest", "list"]
    assert client.head_manifest(name, "list").digest == built.digest
    assert client.get_manifest(name, built.digest).raw == built.raw
    assert client.head_blob(name, built.blobs[1].digest) == len(built.blobs[1].raw)
    client.delete_manifest(name, built.digest)
    assert client.tags(name) == []


def test_a_manifest_is_the_same_by_tag_and_by_digest(client: RegistryClient, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("x")], labels={"a": "b"}), ["1.4"])
    head = client.head_manifest("team/api", "1.4")
    assert (head.digest, head.media_type, head.size_bytes) == (built.digest, built.media_type, len(built.raw))
    answer = client.get_manifest("team/api", "1.4")
    assert (answer.digest, answer.media_type, answer.raw) == (built.digest, built.media_type, built.raw)
    manifest = parse_manifest(answer.media_type, answer.raw)
    assert manifest.config is not None
    config = client.get_blob("team/api", manifest.config.digest, 100_000)
    assert parse_config(config).labels == (("a", "b"),)


@pytest.mark.parametrize("docker", [False, True])
def test_all_four_media_types_are_understood(client: RegistryClient, pusher: Pusher, docker: bool) -> None:
    children = [image([layer(each)], platform=each, docker=docker) for each in ("linux/amd64", "linux/arm64")]
    pusher.push_index("team/web", children, ["2.1"], docker=docker)
    top = client.get_manifest("team/web", "2.1")
    parsed = parse_manifest(top.media_type, top.raw)
    assert parsed.kind == ManifestKind.INDEX
    kinds = [client.get_manifest("team/web", each.digest) for each in parsed.children]
    assert {parse_manifest(each.media_type, each.raw).kind for each in kinds} == {ManifestKind.IMAGE}


def test_a_deleted_manifest_comes_back_from_its_bytes(client: RegistryClient, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.4", "latest"])
    kept = client.get_manifest("team/api", "1.4")
    client.delete_manifest("team/api", built.digest)
    with pytest.raises(NotFound):
        client.head_manifest("team/api", "latest")
    assert client.put_manifest("team/api", "1.4", kept.media_type, kept.raw) == built.digest
    assert client.put_manifest("team/api", built.digest, kept.media_type, kept.raw) == built.digest
    assert client.tags("team/api") == ["1.4"]


def test_a_manifest_whose_child_is_missing_is_refused_with_the_registrys_code(client: RegistryClient) -> None:
    orphan = index([image([layer("never pushed")])])
    with pytest.raises(Refused) as refusal:
        client.put_manifest("team/api", "latest", orphan.media_type, orphan.raw)
    assert refusal.value.code == "MANIFEST_BLOB_UNKNOWN"


def test_deleting_twice_finds_nothing_the_second_time(client: RegistryClient, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.4"])
    client.delete_manifest("team/api", built.digest)
    with pytest.raises(NotFound):
        client.delete_manifest("team/api", built.digest)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.tags("team/nobody"),
        lambda client: client.head_manifest("team/api", "nothing"),
        lambda client: client.get_manifest("team/api", "nothing"),
        lambda client: client.get_manifest("team/api", ABSENT),
        lambda client: client.head_blob("team/api", ABSENT),
        lambda client: client.get_blob("team/api", ABSENT, 100),
        lambda client: client.delete_manifest("team/api", ABSENT),
    ],
)
def test_what_is_not_there_is_not_found(
    client: RegistryClient, pusher: Pusher, ask: Callable[[RegistryClient], object]
) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.4"])
    with pytest.raises(NotFound):
        ask(client)


def test_a_blob_larger_than_allowed_is_not_taken(client: RegistryClient, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("x", 3_000)]), ["1.4"])
    blob = built.blobs[1]
    assert client.get_blob("team/api", blob.digest, len(blob.raw)) == blob.raw
    with pytest.raises(Nonsense):
        client.get_blob("team/api", blob.digest, len(blob.raw) - 1)


def test_nothing_is_asked_for_a_name_that_is_none() -> None:
    client = open_registry("http://127.0.0.1:9")  # nobody listens: asking would be 'unreachable'
    for ask in (
        lambda: client.tags("../_catalog"),
        lambda: client.head_manifest("team/api", "../../x"),
        lambda: client.get_manifest("Team", "latest"),
        lambda: client.head_blob("team/api", "latest"),
        lambda: client.get_blob("team/api", "sha256:..", 1),
        lambda: client.delete_manifest("team/api", "latest"),
        lambda: client.put_manifest("team/api", "a b", "x/y", b""),
        lambda: client.allowed_methods("team/api?", "x"),
    ):
        with pytest.raises(BadName):
            ask()


def test_a_read_only_registry_is_not_one_that_forbids_deletes(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, deletes=False) as registry:
        client = open_registry(registry.url)
        built = Pusher(registry.url).push("team/api", image([layer("x")]), ["1.4"])
        with pytest.raises(DeletesDisabled):
            client.delete_manifest("team/api", built.digest)
        registry.restart(read_only=True, deletes=True)
        with pytest.raises(ReadOnly):
            client.delete_manifest("team/api", built.digest)
        with pytest.raises(ReadOnly):
            client.put_manifest("team/api", "1.5", built.media_type, built.raw)
        assert client.allowed_methods("team/api", "1.4") == {"GET", "HEAD"}
        registry.restart(read_only=False)
        assert client.allowed_methods("team/api", "1.4") == {"GET", "HEAD", "PUT", "DELETE"}
        client.delete_manifest("team/api", built.digest)


def test_a_registry_with_a_password_lets_in_who_has_it(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, htpasswd=True) as registry:
        Pusher(registry.url, USERNAME, PASSWORD).push("team/api", image([layer("x")]), ["1.4"])
        assert open_registry(registry.url, USERNAME, PASSWORD).tags("team/api") == ["1.4"]
        for stranger in (open_registry(registry.url), open_registry(registry.url, USERNAME, "wrong")):
            with pytest.raises(Unauthorised):
                stranger.ping()
            with pytest.raises(Unauthorised):
                stranger.head_manifest("team/api", "1.4")


def test_a_registry_that_is_stopped_is_unreachable_and_answers_again_after_its_start(
    registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.4"])
    assert client.tags("team/api") == ["1.4"]
    registry.stop()
    for ask in (lambda: client.tags("team/api"), lambda: client.delete_manifest("team/api", built.digest)):
        with pytest.raises(RegistryUnreachable) as error:
            ask()
        assert not error.value.outcome_is_unknown
    registry.start()
    assert client.tags("team/api") == ["1.4"]


def test_a_store_that_moved_away_looks_empty_and_its_tags_not_found(
    registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    """machine.md: what law 4 is about; the client cannot tell it from a registry that lost everything."""
    pusher.push("team/api", image([layer("x")]), ["1.4"])
    registry.store.rename(registry.folder / "elsewhere")
    registry.store.mkdir()
    assert list(client.catalogue()) == []
    with pytest.raises(NotFound):
        client.tags("team/api")


def test_a_directory_in_the_store_whose_name_is_none_is_left_out(
    registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.4"])
    (registry.store / "docker/registry/v2/repositories/Team/_layers").mkdir(parents=True)
    assert list(client.catalogue()) == ["team/api"]


def test_many_threads_share_one_client(client: RegistryClient, pusher: Pusher) -> None:
    expected = {
        f"build-{number}": pusher.push("tools/builder", image([layer(str(number))]), [f"build-{number}"]).digest
        for number in range(20)
    }
    asked = list(expected) * 10
    with ThreadPoolExecutor(16) as executor:
        answers = list(executor.map(lambda tag: client.head_manifest("tools/builder", tag).digest, asked))
        bodies = list(executor.map(lambda tag: client.get_manifest("tools/builder", tag).digest, asked))
    assert answers == bodies == [expected[tag] for tag in asked]


def test_threads_that_ask_while_the_registry_restarts_get_an_answer_or_a_named_error(
    registry: RegistryProcess, client: RegistryClient, pusher: Pusher
) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.4"])

    def look() -> str:
        try:
            return client.head_manifest("team/api", "1.4").digest
        except RegistryError as error:
            return type(error).__name__

    with ThreadPoolExecutor(16) as executor:
        looks = [executor.submit(look) for _ in range(300)]
        registry.restart()
        assert {each.result() for each in looks} <= {built.digest, "RegistryUnreachable", "RegistryTimeout"}
    assert look() == built.digest


def test_the_real_registry_does_not_delete_by_a_tags_name(client: RegistryClient, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("one")]), ["1.4"])

    with pytest.raises(Refused) as refusal:
        client.delete_tag("team/api", "1.4")

    assert refusal.value.code == "DIGEST_INVALID"
    assert client.tags("team/api") == ["1.4"]


def test_the_real_registry_has_no_list_of_referrers(client: RegistryClient, pusher: Pusher) -> None:
    built = pusher.push("team/api", image([layer("one")]), ["1.4"])
    pusher.attest("team/api", built)

    assert client.referrers("team/api", built.digest) is None


def test_a_list_of_referrers_is_read_where_there_is_one() -> None:
    listed = json.dumps({"manifests": [{"digest": ABSENT}, {"digest": "nonsense"}, "nothing"]}).encode()
    with odd_registry(lambda _asked: Reply(200, listed)) as odd:
        assert open_registry(odd.url).referrers("team/api", ABSENT) == (ABSENT,)
        assert odd.paths == [f"/v2/team/api/referrers/{ABSENT}"]
