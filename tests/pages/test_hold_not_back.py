"""A hold whose registry does not come back: the page says so, and never that it has."""

from __future__ import annotations

import os
import signal

import pytest
from flask import Flask
from sqlalchemy import select

from tests.pages.conftest import Visitor, parts_of, text_of, wait_for
from tests.pages.test_maintenance import keeper, kept_app
from tests.runtime.keeper_process import KeeperProcess, accepts_writes
from webapp.maintenance.models import Hold
from webapp.maintenance.reconcile import Unreadable, reconcile
from webapp.maintenance.waiting import RESTART

__all__ = ["keeper", "kept_app"]

NOT_BACK = "The keeper does not answer: it has been holding for "


def test_a_hold_that_a_keeper_does_not_end_is_told_with_what_to_do_until_the_registry_is_back(
    kept_app: Flask, keeper: KeeperProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.maintenance.waiting.SILENT_S", 0.2)
    monkeypatch.setattr("webapp.maintenance.holds.READ_WRITE_WITHIN_S", 0.2)
    alice, dave = Visitor(kept_app).sign_in("alice"), Visitor(kept_app).sign_in("dave")
    alice.post("/maintenance/hold", minutes="30", purpose="backup")
    os.kill(keeper.pid, signal.SIGSTOP)
    alice.post("/maintenance/holds/1/end")
    wait_for(lambda: _has_ended(kept_app))
    page = text_of(alice.get("/maintenance"))
    assert "The hold has ended." not in page
    assert page.count(NOT_BACK) == 2, "what the button led to, and the banner"
    told = text_of(dave.get("/repositories"))
    assert ", and alice ended it. The keeper does not answer" in told
    assert RESTART in told
    assert "Read-write" not in told

    os.kill(keeper.pid, signal.SIGCONT)
    wait_for(lambda: accepts_writes(keeper.url))
    reconcile(parts_of(kept_app).maintainer, Unreadable())
    assert NOT_BACK not in text_of(dave.get("/repositories"))
    assert "Read-write" in text_of(dave.get("/repositories"))


def _has_ended(app: Flask) -> bool:
    with parts_of(app).reading() as session:
        return session.scalars(select(Hold)).one().outcome is not None
