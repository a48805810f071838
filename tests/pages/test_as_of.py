"""A repository that could not be read says so on its own page, with of when that is which it shows."""

from __future__ import annotations

import re

from flask import Flask

from tests.pages.conftest import Visitor, parts_of, text_of
from webapp.catalogue.sync import sync
from webapp.registry.errors import RegistryError, RegistryFailed
from webapp.registry.transport import Answer, Transport


def spoil(app: Flask, part: str, error: RegistryError | None) -> None:
    """Let whatever is asked at an address with `part` end in an error; None heals it."""
    transport = parts_of(app).registry._transport
    original = Transport.request.__get__(transport)

    def request(method: str, path: str, **more: object) -> Answer:
        if error is not None and part in path:
            raise error
        return original(method, path, **more)  # type: ignore[no-any-return]

    transport.request = request  # type: ignore[method-assign]


def test_a_repository_whose_list_fails_says_of_when_it_is(app: Flask, alice: Visitor) -> None:
    spoil(app, "/team/web/tags/list", RegistryFailed("the disk <b>is on fire"))
    sync(parts_of(app).catalogue)
    text = text_of(alice.get("/repositories/team/web"))
    assert re.search(r"This is what it held on \d+ \w+ \d{4}, \d\d:\d\d; it could not be read since\.", text)
    assert "The registry reports an error of its own: the disk <b>is on fire." in text
    assert "2.1" in text
    assert "could not be read" not in text_of(alice.get("/repositories/team/api"))
    assert "team/web could not be read completely. The registry reports" in text_of(alice.get("/status"))
    spoil(app, "", None)
    sync(parts_of(app).catalogue)
    assert "could not be read" not in text_of(alice.get("/repositories/team/web"))


def test_tags_that_do_not_answer_are_counted(app: Flask, alice: Visitor) -> None:
    spoil(app, "/team/web/manifests/2.1", RegistryFailed())
    sync(parts_of(app).catalogue)
    text = text_of(alice.get("/repositories/team/web"))
    assert re.search(r"Since [^;]* 1 tag could not be read; it is shown as it was before\.", text)
