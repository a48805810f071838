"""A registry that is broken or hostile in one repository: a named error there, the rest is read, nothing is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import requests

from demo.build import image, layer
from demo.push import Pusher
from tests.catalogue.conftest import Shelf
from tests.registry.odd_registry import JSON, Asked, Reply, odd_registry
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.sync import sync
from webapp.catalogue.unread import Unread, unread_of
from webapp.registry.client import LIST_CAP_BYTES, RegistryClient
from webapp.registry.manifests import MANIFEST_CAP_BYTES
from webapp.registry.transport import Transport

GOOD, BAD = image([layer("good")]), image([layer("bad")])
Spoil = Callable[[Asked], Reply | None]


@dataclass
class Broken:
    """The real registry behind a proxy that spoils what `spoil` says."""

    shelf: Shelf
    catalogue: Catalogue
    spoil: Spoil = lambda _asked: None

    def unread(self, name: str) -> Unread | None:
        with self.shelf.records.reading() as session:
            return unread_of(session, name)


@pytest.fixture
def broken(shelf: Shelf, pusher: Pusher) -> Iterator[Broken]:
    """`team/good` and `team/bad`, each with the tags 1.0 and 1.1, read once before anything is spoilt."""
    for name, built in (("team/good", GOOD), ("team/bad", BAD)):
        pusher.push(name, built, ["1.0", "1.1"])
    broken = Broken(shelf, shelf.catalogue)

    def reply(asked: Asked) -> Reply:
        spoilt = broken.spoil(asked)
        if spoilt is not None:
            return spoilt
        headers = {"Accept": asked.headers.get("Accept", "*/*"), "Accept-Encoding": "identity"}
        real = requests.request(asked.method, shelf.registry.url + asked.path, headers=headers, timeout=10)
        kept = ("Content-Type", "Docker-Content-Digest", "Allow", "Docker-Distribution-Api-Version", "Content-Length")
        return Reply(
            real.status_code, real.content, {name: real.headers[name] for name in kept if name in real.headers}
        )

    with odd_registry(reply) as odd:
        client = RegistryClient(Transport(odd.url, connect_timeout_s=2, read_timeout_s=1.5, pauses_s=()))
        broken.catalogue = replace(shelf.catalogue, client=client)
        assert sync(broken.catalogue).is_complete
        yield broken


def at(part: str, reply: Reply) -> Spoil:
    return lambda asked: reply if part in asked.path else None


PAGE = Reply(200, b"<html>Who are you?</html>", {"Content-Type": "text/html"})
BROKEN = {
    "HTML in place of JSON": (PAGE, "makes no sense"),
    "a reset in the middle": (Reply(200, b'{"tags":["1.', breaks_off=True), "the connection broke"),
    "no word at all": (Reply(status=0), "the connection broke"),
    "silence": (Reply(200, b"{", stalls=True), "did not answer in time"),
    "an endless body": (Reply(200, b"[" * (LIST_CAP_BYTES + 1)), f"more than {LIST_CAP_BYTES} bytes"),
    "a redirect": (Reply(307, b"", {"Location": "http://127.0.0.1:9/"}), "makes no sense"),
    "500": (Reply(500, b'{"errors":[{"code":"UNKNOWN","message":"the disk is on fire"}]}'), "the disk is on fire"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_list_of_tags_that_is_broken_is_noted_where_it_belongs(broken: Broken, pusher: Pusher, what: str) -> None:
    reply, words = BROKEN[what]
    newer = pusher.push("team/good", image([layer("newer")]), ["1.1"])
    broken.spoil = at("/team/bad/tags/list", reply)
    report = sync(broken.catalogue)
    assert report.unread == ["team/bad"]
    assert words in broken.shelf.state().sync_problem
    assert broken.shelf.state().sync_problem.startswith("team/bad could not be read completely.")
    unread = broken.unread("team/bad")
    assert unread is not None
    assert words in unread.sentence
    assert unread.tags is None
    assert broken.unread("team/good") is None
    assert {name: row.digest for name, row in broken.shelf.tags("team/bad").items()} == {
        "1.0": BAD.digest,
        "1.1": BAD.digest,
    }
    assert broken.shelf.tags("team/good")["1.1"].digest == newer.digest
    broken.spoil = lambda _asked: None
    assert sync(broken.catalogue).is_complete
    assert broken.unread("team/bad") is None


def test_a_tag_that_does_not_answer_is_noted_with_how_many_there_are(broken: Broken) -> None:
    broken.spoil = at("/team/bad/manifests/1.1", Reply(500))
    assert sync(broken.catalogue).unread == ["team/bad"]
    unread = broken.unread("team/bad")
    assert unread is not None
    assert unread.tags == 1
    assert set(broken.shelf.tags("team/bad")) == {"1.0", "1.1"}


OTHER = image([layer("other")])
BROKEN_MANIFESTS = {
    "other bytes": (Reply(200, OTHER.raw, {"Content-Type": OTHER.media_type}), "another digest"),
    "an endless body": (
        Reply(200, b" " * (MANIFEST_CAP_BYTES + 1), {"Content-Type": OTHER.media_type}),
        f"more than {MANIFEST_CAP_BYTES} bytes",
    ),
    "a reset in the middle": (Reply(200, OTHER.raw[:9], breaks_off=True), "the connection broke"),
    "HTML in place of JSON": (PAGE, "sign-in"),
    "silence": (Reply(200, b"{", stalls=True), "did not answer in time"),
}


@pytest.mark.parametrize("what", BROKEN_MANIFESTS)
def test_a_manifest_that_is_broken_is_a_tag_with_a_reason(broken: Broken, pusher: Pusher, what: str) -> None:
    reply, words = BROKEN_MANIFESTS[what]
    new = pusher.push("team/bad", image([layer("new")]), ["2.0"])
    other = pusher.push("team/good", image([layer("new, too")]), ["2.0"])
    broken.spoil = lambda asked: reply if asked.method == "GET" and new.digest in asked.path else None
    sync(broken.catalogue)
    row = broken.shelf.tags("team/bad")["2.0"]
    assert (row.digest, row.size_bytes) == (new.digest, None)
    assert words in row.size_reason
    assert broken.shelf.tags("team/good")["2.0"].digest == other.digest
    assert broken.shelf.tags("team/good")["2.0"].size_bytes
    broken.spoil = lambda _asked: None
    sync(broken.catalogue)
    assert broken.shelf.tags("team/bad")["2.0"].size_bytes


def test_a_repository_whose_manifests_are_slow_is_not_waited_for_once_for_each(broken: Broken, pusher: Pusher) -> None:
    for number in range(40):
        pusher.push("team/bad", image([layer(f"slow {number}")]), [f"3.{number}"])
    asked: list[str] = []
    lock = threading.Lock()

    def slow(each: Asked) -> Reply | None:
        if each.method != "GET" or "/team/bad/manifests/" not in each.path:
            return None
        with lock:
            asked.append(each.path)
        return Reply(200, b"{", stalls=True)

    broken.spoil = slow
    sync(broken.catalogue)
    assert len(asked) <= 32
    assert len(broken.shelf.tags("team/bad")) == 42


def test_a_list_that_names_tags_which_answer_404_is_shown_with_them(broken: Broken) -> None:
    broken.spoil = at(
        "/team/good/tags/list", Reply(200, json.dumps({"tags": ["1.0", "1.1", "listed-only"]}).encode(), JSON)
    )
    assert sync(broken.catalogue).is_complete
    assert "has no manifest for it" in broken.shelf.tags("team/good")["listed-only"].size_reason
