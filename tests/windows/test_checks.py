"""A window whose time zone is not known on this machine is a check that is broken."""

from __future__ import annotations

from sqlalchemy import text

from tests.records import Clock, Records
from tests.windows.plans import a_window, by_alice
from webapp.checks import CheckState
from webapp.windows.checks import window_checks
from webapp.windows.models import Window
from webapp.windows.records import delete


def test_without_a_window_there_is_nothing_to_check(records: Records) -> None:
    with records.reading() as session:
        assert window_checks(session) == []


def test_each_window_without_a_zone_is_named_until_it_is_gone(records: Records, clock: Clock) -> None:
    first, _second = (a_window(records.writing, clock(), name=name) for name in ("Nights", "Days"))
    with records.reading() as session:
        assert [each.state for each in window_checks(session)] == [CheckState.GOOD]
    with records.writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Europe/Xyz' WHERE id = :id"), {"id": first})
    with records.reading() as session:
        (check,) = window_checks(session)
    assert check.state == CheckState.BAD
    assert check.sentence == (
        "Window “Nights”: the time zone Europe/Xyz is not known on this machine, so it does not begin."
    )
    assert "tzdata" in check.remedy
    with records.writing() as session:
        delete(session, session.get_one(Window, first), by_alice(clock()))
    with records.reading() as session:
        assert [each.state for each in window_checks(session)] == [CheckState.GOOD]
