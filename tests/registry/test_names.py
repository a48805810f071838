"""The grammar of names. Sources: OCI distribution specification (name, tag), OCI image specification (digest)."""

from __future__ import annotations

import pytest

from webapp.registry.names import (
    BadName,
    Reference,
    check_digest,
    check_reference,
    check_repository_name,
    check_tag,
    is_digest,
    is_repository_name,
    is_tag,
    namespace_of,
    split_reference,
)

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "team/api",
        "team/delete",
        "team/tags",
        "a/b/manifests",
        "a/b/c/d/e",
        "a__b/c--d/e.f",
        "a---b",
        "0",
        "a" * 255,
    ],
)
def test_a_name_of_the_grammar_is_a_repositorys(name: str) -> None:
    assert is_repository_name(name)
    assert check_repository_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Team/api",
        "team//api",
        "/team",
        "team/",
        "..",
        "team/../api",
        "team/.",
        "a___b",
        "a..b",
        "a_-b",
        "-a",
        "a-",
        "team/-/tags",
        "team%2fapi",
        "team api",
        "team\n",
        "team/api\n",
        "téam",
        "team?x=1",
        "team#x",
        "a" * 256,
        "٣",
    ],
)
def test_a_name_outside_the_grammar_is_refused(name: str) -> None:
    assert not is_repository_name(name)
    with pytest.raises(BadName):
        check_repository_name(name)


@pytest.mark.parametrize("tag", ["latest", "1.4.2", "_x", "__proto__", "A", "a" * 128, "sha256-" + "0" * 64 + ".sig"])
def test_a_tag_of_the_grammar_is_one(tag: str) -> None:
    assert is_tag(tag)
    assert check_tag(tag) == check_reference(tag) == tag


@pytest.mark.parametrize("tag", ["", ".x", "-x", "a" * 129, "a/b", "a:b", "a b", "<b>", "a\n", "..", "é"])
def test_a_tag_outside_the_grammar_is_refused(tag: str) -> None:
    assert not is_tag(tag)
    with pytest.raises(BadName):
        check_tag(tag)
    with pytest.raises(BadName):
        check_reference(tag)


@pytest.mark.parametrize("digest", [DIGEST, "sha384:" + "0" * 96, "sha512:" + "f" * 128])
def test_a_digest_is_one(digest: str) -> None:
    assert is_digest(digest)
    assert check_digest(digest) == check_reference(digest) == digest


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, DIGEST + "\n", "a" * 64]
)
def test_what_is_not_quite_a_digest_is_refused(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(BadName):
        check_digest(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team/api", Reference("team/api")),
        ("team/api:1.4", Reference("team/api", tag="1.4")),
        (f"team/api@{DIGEST}", Reference("team/api", digest=DIGEST)),
    ],
)
def test_a_reference_is_split(text: str, expected: Reference) -> None:
    assert split_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":", "@", "team/api:", "team/api@latest", f"team/api:1.4@{DIGEST}", "host:5000/team/api", "team/api:a:b"],
)
def test_a_reference_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadName, match=r"is (not|neither) .*\.$"):
        split_reference(text)


@pytest.mark.parametrize(("name", "namespace"), [("team/api", "team"), ("alpine", ""), ("a/b/c", "a")])
def test_a_namespace_is_what_stands_before_the_first_slash(name: str, namespace: str) -> None:
    assert namespace_of(name) == namespace
