"""/space: what it says, to whom, and what it draws."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.pages.conftest import Visitor, parts_of
from webapp.maintenance.space import measure_space


@pytest.fixture
def app(shown_app: Flask) -> Flask:
    """The page is answered from the records alone."""
    add_up(shown_app)
    return shown_app


def add_up(app: Flask) -> None:
    parts = parts_of(app)
    measure_space(parts.reading, parts.writing, parts.now())


def test_the_page(bob: Visitor) -> None:
    answer = bob.get("/space")
    assert answer.status_code == 200
