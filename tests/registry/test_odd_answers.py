"""Answers that the real registry does not give: other versions, lies, broken lists. Each must end well or be named."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from demo.build import image, layer
from tests.registry.odd_registry import JSON, Asked, Reply, odd_registry
from webapp.registry.client import RegistryClient
from webapp.registry.errors import Nonsense, Refused
from webapp.registry.manifests import MANIFEST_CAP_BYTES, OCI_MANIFEST, digest_of
from webapp.registry.transport import Transport

BUILT = image([layer("x")])
OTHER = image([layer("y")])


def client_of(url: str) -> RegistryClient:
    return RegistryClient(Transport(url, connect_timeout_s=2, read_timeout_s=5, pauses_s=()))


def names(key: str, values: object, link: str = "") -> Reply:
    return Reply(200, json.dumps({key: values}).encode(), {**JSON, "Link": link} if link else JSON)


def paged(asked: Asked) -> Reply:
    """Three pages, as registry 3.x lists tags and both list the catalogue (distribution.md 5.1, 5.2)."""
    path = asked.path.partition("?")[0]
    key = "tags" if path.endswith("tags/list") else "repositories"
    if "last=b%2B" in asked.path:
        return names(key, [])  # a full last page may still carry a Link whose target is empty
    if "last=a" in asked.path:
        return names(key, ["b"], f'<{path}?last=b%2B&n=1>; rel="next"')
    return names(key, ["a"], f'<{path}?last=a&n=1>; rel="next"')


def test_tags_and_catalogue_are_read_page_by_page() -> None:
    with odd_registry(paged) as odd:
        client = client_of(odd.url)
        assert client.tags("team/api") == ["a", "b"]
        assert list(client.catalogue(page_size=1)) == ["a", "b"]
        assert odd.paths[:3] == [
            "/v2/team/api/tags/list",
            "/v2/team/api/tags/list?last=a&n=1",
            "/v2/team/api/tags/list?last=b%2B&n=1",
        ]


def test_paging_keeps_to_the_path_under_which_a_proxy_shows_the_registry() -> None:
    """The registry writes its own path into the Link; behind a proxy with a prefix that one leads nowhere."""

    def reply(asked: Asked) -> Reply:
        if not asked.path.startswith("/images/"):
            return Reply(404)
        return (
            names("tags", ["b"])
            if "last=a" in asked.path
            else names("tags", ["a"], '</v2/x/tags/list?last=a>; rel="next"')
        )

    with odd_registry(reply) as odd:
        assert client_of(odd.url + "/images/").tags("team/api") == ["a", "b"]


@pytest.mark.parametrize("values", [None, []])
def test_a_list_may_be_null_or_empty(values: object) -> None:
    with odd_registry(lambda asked: names("tags", values)) as odd:
        assert client_of(odd.url).tags("team/api") == []
    with odd_registry(lambda asked: names("repositories", values)) as odd:
        assert list(client_of(odd.url).catalogue()) == []


def _without_links(key: str, everything: list[str], usual: int) -> Callable[[Asked], Reply]:
    """A registry that pages by `n` and `last`, behind something that drops the Link header."""

    def reply(asked: Asked) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        rest = [name for name in everything if name > query.get("last", "")]
        return names(key, rest[: int(query.get("n", usual))])

    return reply


MANY = [f"x{number:04}" for number in range(250)]


@pytest.mark.parametrize(("count", "questions"), [(230, 3), (200, 3), (100, 2), (99, 1), (0, 1)])
def test_pages_without_a_link_are_asked_for_by_the_last_name(count: int, questions: int) -> None:
    with odd_registry(_without_links("tags", MANY[:count], 100)) as odd:
        assert client_of(odd.url).tags("team/api") == MANY[:count]
        assert len(odd.asked) == questions
    with odd_registry(_without_links("repositories", MANY[:count], 100)) as odd:
        assert list(client_of(odd.url).catalogue(page_size=100)) == MANY[:count]
        assert len(odd.asked) == questions
        assert all("n=100" in each.path for each in odd.asked)


def test_a_registry_that_knows_no_last_is_asked_for_a_full_page_once_more_and_believed() -> None:
    """2.8 lists all tags at once, whatever it is asked."""
    with odd_registry(lambda _asked: names("tags", MANY[:100])) as odd:
        assert client_of(odd.url).tags("team/api") == MANY[:100]
        assert odd.paths == ["/v2/team/api/tags/list", "/v2/team/api/tags/list?last=x0099"]


@pytest.mark.parametrize(
    "reply",
    [
        names("tags", ["a"], '</v2/x/tags/list?last=a>; rel="next"'),  # the same page for ever
        names("tags", "abc"),
        names("tags", {"a": 1}),
        names("tags", [1]),
        Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}),
        Reply(200, b"[]"),
        Reply(200, b"[" * 100_000),
        Reply(200, b"\xff"),
        Reply(302, b"", {"Location": "/sign-in"}),
    ],
)
def test_a_list_that_is_none_is_nonsense(reply: Reply) -> None:
    with odd_registry(lambda asked: reply) as odd:
        with pytest.raises(Nonsense):
            client_of(odd.url).tags("team/api")
        assert len(odd.asked) <= 2


@pytest.mark.parametrize("elsewhere", ["http://169.254.0.1/v2/x/tags/list?last=a", "//other.example/?last=a"])
def test_a_next_page_on_another_host_is_not_asked_for(elsewhere: str) -> None:
    with odd_registry(lambda asked: names("tags", ["a"], f'<{elsewhere}>; rel="next"')) as odd:
        with pytest.raises(Nonsense, match="another host"):
            client_of(odd.url).tags("team/api")
        assert len(odd.asked) == 1


def test_names_outside_the_grammar_are_left_out_of_lists() -> None:
    with odd_registry(lambda asked: names("tags", ["ok", "<b>", "../x", "ok", ""])) as odd:
        assert client_of(odd.url).tags("team/api") == ["ok"]


def manifest(raw: bytes = BUILT.raw, digest: str = BUILT.digest) -> Reply:
    stated = {"Docker-Content-Digest": digest} if digest else {}
    return Reply(200, raw, {"Content-Type": OCI_MANIFEST, **stated})


def test_where_head_tells_no_digest_the_manifest_is_read() -> None:
    with odd_registry(lambda asked: manifest(digest="")) as odd:
        head = client_of(odd.url).head_manifest("team/api", "1.4")
        assert odd.methods == ["HEAD", "GET"]
    assert (head.digest, head.size_bytes) == (BUILT.digest, len(BUILT.raw))


@pytest.mark.parametrize(
    ("reference", "reply"),
    [
        (BUILT.digest, manifest(OTHER.raw)),  # other bytes than the digest asked for
        (BUILT.digest, manifest(OTHER.raw, OTHER.digest)),  # another manifest altogether
        ("1.4", manifest(OTHER.raw)),  # other bytes than the header says
        ("1.4", manifest(digest="md5:00")),
        ("1.4", manifest(digest="sha256:../../x")),
        ("1.4", manifest(b" " * (MANIFEST_CAP_BYTES + 1), digest="")),
        ("1.4", Reply(307, b"", {"Location": "/elsewhere"})),
    ],
)
def test_a_manifest_that_is_not_what_was_asked_for_is_nonsense(reference: str, reply: Reply) -> None:
    with odd_registry(lambda asked: reply) as odd:
        with pytest.raises(Nonsense):
            client_of(odd.url).get_manifest("team/api", reference)
        assert len(odd.asked) == 1


@pytest.mark.parametrize("digest", [OTHER.digest, "nothing"])
def test_a_head_with_another_digest_than_asked_for_is_nonsense(digest: str) -> None:
    with odd_registry(lambda asked: manifest(digest=digest)) as odd, pytest.raises(Nonsense):
        client_of(odd.url).head_manifest("team/api", BUILT.digest)


def test_a_compressing_proxy_does_not_blow_up_a_body() -> None:
    headers = {"Content-Type": OCI_MANIFEST, "Content-Encoding": "gzip"}
    with odd_registry(lambda asked: Reply(200, BUILT.raw, headers)) as odd:
        assert client_of(odd.url).get_manifest("team/api", "1.4").raw == BUILT.raw
        assert odd.asked[0].headers["Accept-Encoding"] == "identity"


def test_all_four_media_types_are_accepted_in_every_question() -> None:
    with odd_registry(lambda asked: manifest()) as odd:
        client_of(odd.url).head_manifest("team/api", "1.4")
        client_of(odd.url).get_manifest("team/api", "1.4")
    for asked in odd.asked:
        assert sorted(each.strip() for each in asked.headers["Accept"].split(",")) == [
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
        ]


def test_a_blob_with_other_bytes_is_nonsense() -> None:
    with odd_registry(lambda asked: Reply(200, b"other")) as odd, pytest.raises(Nonsense):
        client_of(odd.url).get_blob("team/api", digest_of(b"bytes"), 100)


def test_a_blob_in_object_storage_is_fetched_without_the_sign_in() -> None:
    content = b"configuration"
    with (
        odd_registry(lambda asked: Reply(200, content)) as storage,
        odd_registry(lambda asked: Reply(307, b"", {"Location": f"{storage.url}/bucket/x?signed=1"})) as odd,
    ):
        client = RegistryClient(Transport(odd.url, ("holystone", "soft stone")))
        assert client.get_blob("team/api", digest_of(content), 100) == content
        assert client.head_blob("team/api", digest_of(content)) == len(content)
        assert all("Authorization" in each.headers for each in odd.asked)
        assert storage.paths == ["/bucket/x?signed=1"] * 2
        assert not any("Authorization" in each.headers for each in storage.asked)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "/again"])
def test_a_redirect_that_leads_nowhere_is_nonsense(location: str) -> None:
    with odd_registry(lambda asked: Reply(307, b"", {"Location": location})) as odd:
        with pytest.raises(Nonsense):
            client_of(odd.url).get_blob("team/api", BUILT.digest, 100)
        assert len(odd.asked) <= 3


def test_a_put_that_is_answered_with_another_digest_is_nonsense() -> None:
    with odd_registry(lambda asked: Reply(201, b"", {"Docker-Content-Digest": OTHER.digest})) as odd:
        with pytest.raises(Nonsense) as error:
            client_of(odd.url).put_manifest("team/api", "1.4", BUILT.media_type, BUILT.raw)
        assert error.value.outcome_is_unknown


def test_a_large_error_page_is_cut_short() -> None:
    page = b'{"errors":[{"code":"X"}],"p":"' + b"x" * 200_000
    with odd_registry(lambda asked: Reply(400, page)) as odd, pytest.raises(Refused):
        client_of(odd.url).tags("team/api")


def test_a_blob_without_a_length_is_nonsense() -> None:
    headers = {"Content-Length": "many"}
    with odd_registry(lambda asked: Reply(200, b"", headers)) as odd, pytest.raises(Nonsense):
        client_of(odd.url).head_blob("team/api", BUILT.digest)


def test_a_sign_in_page_in_front_of_the_registry_is_no_manifest() -> None:
    page = Reply(200, b"<html>Who are you?</html>", {"Content-Type": "text/html; charset=utf-8"})
    with odd_registry(lambda _asked: page) as odd, pytest.raises(Nonsense, match="sign-in"):
        client_of(odd.url).head_manifest("team/api", "1.0")
