"""/retention: rules, their preview, and runs by hand, in front of a real registry with the demo fleet."""

from __future__ import annotations

import re
from html import unescape

from flask import Flask

from tests.pages.conftest import Visitor, fields_of, parts_of, text_of, wait_for
from webapp.leases import is_held
from webapp.retention.listing import all_rules, past_runs
from webapp.retention.models import RetentionOutcome
from webapp.retention.run import LEASE


def made(visitor: Visitor, **typed: str) -> str:
    """Make a rule; returns the address of its preview."""
    answer = visitor.post("/retention/rules/new", **{"name": "CI", "repositories": "*", "newest": "2", **typed})
    assert answer.status_code == 303, text_of(answer)
    return answer.location


def switch_on(visitor: Visitor, preview: str) -> None:
    """Press the preview's button."""
    page = visitor.get(preview).get_data(as_text=True)
    action = re.search(r'action="(/retention/rules/\d+/on)"', page)
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert action, seen
    answer = visitor.post(action[1], seen=unescape(seen[1] if seen else ""))
    assert answer.status_code == 303


def test_a_rule_is_made_previewed_switched_on_and_run(app: Flask, alice: Visitor) -> None:
    preview = made(alice, repositories="team/api")
    shown = text_of(alice.get(preview))
    assert "It is switched off: this is what it would delete if it were on." in shown

    switch_on(alice, preview)
    dialog = alice.get("/retention/run")
    answer = alice.press("/retention/run", fields_of(dialog))

    assert answer.status_code == 303, text_of(answer)
    wait_for(lambda: not _is_live(app))
    ended = text_of(alice.get(answer.location))
    assert "Deleted" in ended and "team/api" in ended
    with parts_of(app).reading() as session:
        assert [each.is_on for each in all_rules(session)] == [True]
        run = past_runs(session)[0][0]
    assert run.outcome == RetentionOutcome.DONE


def _is_live(app: Flask) -> bool:
    with parts_of(app).reading() as session:
        return is_held(session, LEASE)
