"""Names of repositories in addresses, and where an address may lead."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from demo.build import image, layer
from demo.push import Pusher
from tests.pages.conftest import MakeApp, Visitor, fields_of, parts_of, text_of
from webapp.catalogue.sync import sync
from webapp.pages.addresses import safe_next

AWKWARD = ["team/delete", "team/tags", "a/b/manifests", "delete", "a-b/c__d.e"]


@pytest.mark.parametrize("name", AWKWARD)
def test_a_repository_of_any_legal_name_has_its_pages(shown_app: Flask, name: str) -> None:
    match = shown_app.url_map.bind("localhost").match
    assert match(f"/repositories/{name}") == ("tags.index", {"repository": name})
    assert match(f"/repositories/{name}/-/tags/delete") == ("tags.show", {"repository": name, "tag": "delete"})
    assert match(f"/repositories/{name}/-/delete") == ("removals.delete_repository", {"repository": name})
    assert match(f"/repositories/{name}/-/tags/1.0/delete") == (
        "removals.delete_tag",
        {"repository": name, "tag": "1.0"},
    )


@pytest.mark.parametrize(
    "path",
    [
        "/repositories/Team/api",
        "/repositories/-/delete",
        "/repositories/a/-",
        "/repositories/a/-/",
        "/repositories/a..b",
        "/repositories/a/../b",
        "/repositories/a/-/b/-/delete",
        "/repositories/a/-/tags/-x",
        "/repositories/a/-/tags/" + "x" * 129,
        "/repositories/" + "a" * 256,
        "/repositories/a%0ab",
        "/removals/0",
        "/removals/9223372036854775808",
    ],
)
def test_what_cannot_be_a_name_is_no_address(shown_app: Flask, path: str) -> None:
    with pytest.raises(NotFound):
        shown_app.url_map.bind("localhost").match(path)


@pytest.mark.parametrize("name", ["team/delete", "team/tags", "a/b/manifests"])
def test_a_repository_of_an_awkward_name_is_opened_and_deleted_from(
    app: Flask, fleet_pusher: Pusher, alice: Visitor, name: str
) -> None:
    fleet_pusher.push(name, image([layer(name, 100)]), ["delete", "tags"])
    sync(parts_of(app).catalogue)
    assert f'href="/repositories/{name}"' in alice.get("/repositories").get_data(as_text=True)
    assert f"docker pull registry.example/{name}:delete" in text_of(alice.get(f"/repositories/{name}/-/tags/delete"))
    answer = alice.delete(f"/repositories/{name}/-/tags/delete/delete")
    assert answer.status_code == 303, text_of(answer)
    assert text_of(alice.get(answer.location)).count(f"Deleted {name}:delete.") == 1
    many = f"/repositories/{name}/-/delete"
    dialog = alice.post(many, tag="tags")
    assert f"Delete {name}:tags ?" in text_of(dialog)
    answer = alice.press(many, fields_of(dialog))
    assert text_of(alice.get(answer.location)).count(f"Deleted {name}:tags.") == 1


HOME = "/repositories"


@pytest.mark.parametrize("root", ["", "/holystone", "/tools/holystone"])
@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("{root}/repositories/team/api?q=1&sort=name", "/repositories/team/api?q=1&sort=name"),
        ("{root}/repositories/team/api?q=a/../b", "/repositories/team/api?q=a/../b"),
        ("{root}/", HOME),
        ("/", HOME),
        ("", HOME),
        (None, HOME),
        ("//evil.example", HOME),
        ("/\\evil.example", HOME),
        ("{root}/\\evil.example", HOME),
        ("\\\\evil.example", HOME),
        ("https://evil.example{root}/", HOME),
        ("javascript:alert(1)", HOME),
        ("/\t/evil.example", HOME),
        ("{root}/a\r\nSet-Cookie: x=1", HOME),
        ("evil.example", HOME),
        ("{root}/../other", HOME),
        ("{root}/a/%2E%2e/../other", HOME),
    ],
)
def test_the_next_page_is_a_path_of_this_site(shown_app: Flask, root: str, address: str | None, leads_to: str) -> None:
    with shown_app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
        assert safe_next(address and address.replace("{root}", root)) == root + leads_to


@pytest.mark.parametrize("address", ["/other", "/holystone", "/holystones/x", "/repositories"])
def test_an_address_beside_our_sub_path_is_not_ours(shown_app: Flask, address: str) -> None:
    with shown_app.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/holystone"}):
        assert safe_next(address) == "/holystone/repositories"


@pytest.mark.parametrize(
    ("hops", "prefix", "root"),
    [
        ("1", "/holystone", "/holystone"),
        ("1", "/holystone/", "/holystone"),
        ("1", "/tools/holy-stone_1.0~x", "/tools/holy-stone_1.0~x"),
        ("1", "//evil.example", ""),
        ("1", "/a/../b", ""),
        ("1", "/a//b", ""),
        ("1", "holystone", ""),
        ("1", "/a b", ""),
        ("1", "/a\\b", ""),
        ("1", '/"><script>', ""),
        ("0", "/holystone", ""),
    ],
)
def test_a_proxys_sub_path_is_taken_where_it_is_one_and_the_proxy_is_trusted(
    make_app: MakeApp, hops: str, prefix: str, root: str
) -> None:
    visitor = Visitor(make_app(TRUSTED_PROXIES=hops))
    answer = visitor.get("/repositories", X_Forwarded_Prefix=prefix)
    assert answer.location == f"{root}/sign-in"
    assert visitor.get("/activities?q=x", X_Forwarded_Prefix=prefix).location.startswith(
        f"{root}/sign-in?next={root}/act"
    )
