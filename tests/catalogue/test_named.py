"""Repositories by name, for a registry that does not list what it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from demo.build import image, layer
from demo.push import Pusher
from tests.catalogue.conftest import Shelf
from webapp.catalogue.named import read_names
from webapp.catalogue.sync import sync
from webapp.registry.transport import Answer

JSON = {"Content-Type": "application/json"}
BUILT = image([layer("x")])
NO_RIGHT = {**JSON, "WWW-Authenticate": 'Bearer realm="https://a/t",error="insufficient_scope"'}
DENIALS = {
    "403": Answer(403, JSON, b'{"errors":[{"code":"DENIED"}]}', ""),
    "401 for want of a right": Answer(401, NO_RIGHT, b"", ""),
    "401": Answer(401, JSON, b"", ""),
    "404 with a code": Answer(404, JSON, b'{"errors":[{"code":"UNSUPPORTED"}]}', ""),
    "404 of another kind": Answer(404, {"Content-Type": "text/plain"}, b"404 page not found", ""),
    "405": Answer(405, JSON, b'{"errors":[{"code":"UNSUPPORTED"}]}', ""),
    "a page": Answer(200, {"Content-Type": "text/html"}, b"<html>", ""),
}


def denied(shelf: Shelf, answer: Answer) -> None:
    shelf.transport.interfere = lambda asked: answer if asked[1].startswith("/v2/_catalog") else None


@pytest.mark.parametrize("how", DENIALS)
def test_where_the_catalogue_is_denied_the_repositories_that_are_named_are_all(
    shelf: Shelf, pusher: Pusher, how: str
) -> None:
    for name in ("team/api", "team/web", "other"):
        pusher.push(name, BUILT, ["1.0"])
    denied(shelf, DENIALS[how])
    report = sync(replace(shelf.catalogue, named=("team/api", "team/web", "not/there")))
    assert (report.is_complete, report.problem, report.doubt) == (True, "", "")
    assert shelf.repositories() == ["team/api", "team/web"]
    assert shelf.state().may_list is False


def test_without_names_a_denied_catalogue_is_the_reason(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", BUILT, ["1.0"])
    denied(shelf, DENIALS["403"])
    report = sync(shelf.catalogue)
    assert report.problem.startswith("The registry does not allow this")
    assert shelf.repositories() == []


@pytest.mark.parametrize("how", ["403", "a page"])
def test_what_was_known_is_kept_up_to_date_and_nothing_is_lost_when_the_catalogue_fails(
    shelf: Shelf, pusher: Pusher, how: str
) -> None:
    pusher.push("team/api", BUILT, ["1.0"])
    pusher.push("team/web", BUILT, ["1.0"])
    sync(shelf.catalogue)
    newer = pusher.push("team/api", image([layer("newer")]), ["1.0"])
    shelf.catalogue.client.delete_manifest("team/web", BUILT.digest)
    denied(shelf, DENIALS[how])
    assert not sync(shelf.catalogue).is_complete
    assert shelf.tags("team/api")["1.0"].digest == newer.digest
    assert shelf.repositories() == ["team/api", "team/web"]  # that one is gone is judged by a whole list only
    assert shelf.state().doubt == ""


@pytest.mark.parametrize("status", [500, 503])
def test_a_catalogue_that_fails_for_the_moment_does_not_make_the_named_ones_all(
    shelf: Shelf, pusher: Pusher, status: int
) -> None:
    pusher.push("team/api", BUILT, ["1.0"])
    pusher.push("team/web", BUILT, ["1.0"])
    denied(shelf, Answer(status, JSON, b"", ""))
    report = sync(replace(shelf.catalogue, named=("team/api",)))
    assert not report.is_complete
    assert shelf.repositories() == ["team/api"]


def test_names_are_looked_at_beside_what_is_listed(shelf: Shelf, pusher: Pusher) -> None:
    """Lists leave repositories out (distribution.md, fact 10)."""
    pusher.push("team/api", BUILT, ["1.0"])
    pusher.push("team/api-extra", BUILT, ["1.0"])
    denied(shelf, Answer(200, JSON, b'{"repositories":["team/api-extra"]}', "http://registry"))
    sync(replace(shelf.catalogue, named=("team/api",)))
    assert shelf.repositories() == ["team/api", "team/api-extra"]


def test_a_file_of_names_is_read_at_each_sync(shelf: Shelf, pusher: Pusher, tmp_path: Path) -> None:
    for name in ("team/api", "team/web"):
        pusher.push(name, BUILT, ["1.0"])
    denied(shelf, DENIALS["403"])
    file = tmp_path / "names"
    file.write_text("# ours\nteam/api  # the first\n\n")
    catalogue = replace(shelf.catalogue, named=file)
    assert sync(catalogue).is_complete
    assert shelf.repositories() == ["team/api"]
    file.write_text("team/api\r\nteam/web\r\nNot A Name\n")
    report = sync(catalogue)
    assert report.problem == f"Line 3 of {file} (HOLYSTONE_REPOSITORIES) is not the name of a repository."
    assert shelf.repositories() == ["team/api", "team/web"]
    file.unlink()
    assert "cannot be read" in sync(catalogue).problem
    assert shelf.repositories() == ["team/api", "team/web"]


def test_a_file_of_names_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for file, why in ((tmp_path, "Is a directory"), (tmp_path / "binary", "it is not text")):
        names, problem = read_names(file)
        assert names == frozenset()
        assert problem == f"The file of HOLYSTONE_REPOSITORIES, {file}, cannot be read: {why}."


def test_names_that_are_none_raise_no_doubt_by_themselves(shelf: Shelf) -> None:
    denied(shelf, DENIALS["403"])
    report = sync(replace(shelf.catalogue, named=("a", "b")))
    assert (report.problem, report.doubt) == ("", "")
