"""Whoever opens a repository has its shown tags looked at again, and is told of when the page is."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from demo.build import image, layer
from demo.push import Pusher
from tests.pages.conftest import Visitor, parts_of, text_of
from tests.removal.watching import wait_until
from webapp.catalogue.models import Tag


def grow_old(app: Flask) -> None:
    with parts_of(app).writing() as session:
        session.execute(update(Tag).values(checked_at=parts_of(app).now() - timedelta(hours=3)))


def test_a_tag_that_moved_is_found_by_opening_its_repository(app: Flask, alice: Visitor, fleet_pusher: Pusher) -> None:
    moved = fleet_pusher.push("team/web", image([layer("moved")]), ["2.1"])
    grow_old(app)
    first = text_of(alice.get("/repositories/team/web"))
    assert "as of 3 hours ago" in first
    wait_until(lambda: moved.digest in alice.get("/repositories/team/web").text, "the tag's new digest")
    assert "as of 3 hours ago" not in text_of(alice.get("/repositories/team/web"))
