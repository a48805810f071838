"""Recording: the audit log takes what strangers call things, and is not fooled by it."""

from __future__ import annotations

from sqlalchemy import select

from tests.records import Clock, Records
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.activities.record import complete, record


def recorded(records: Records, clock: Clock, **texts: str) -> Activity:
    fields = {"actor": "alice", "reason": "", "repository": "team/api", **texts}
    with records.writing() as session:
        record(session, at=clock(), kind=ActivityKind.TAG_DELETED, outcome=Outcome.DONE, **fields)
    with records.reading() as session:
        activity = session.scalars(select(Activity)).one()
        session.expunge_all()
        return activity


def test_a_line_break_in_a_name_does_not_forge_a_second_line(records: Records, clock: Clock) -> None:
    activity = recorded(records, clock, reason="gone\r\n2026-03-12 bob deleted team/api\x1b[2K")
    assert activity.reason.isprintable()
    assert "\x1b" not in activity.reason


def test_a_direction_mark_does_not_turn_a_name_round(records: Records, clock: Clock) -> None:
    assert "\u202e" not in recorded(records, clock, actor="eve\u202eecila").actor


def test_half_a_surrogate_pair_is_kept_as_a_replacement(records: Records, clock: Clock) -> None:
    assert recorded(records, clock, tag="a\udc80b").tag == "a\ufffdb"


def test_a_huge_reason_is_cut_and_says_so(records: Records, clock: Clock) -> None:
    reason = recorded(records, clock, reason="x" * 1_000_000).reason
    assert len(reason) == 1000
    assert reason.endswith("…")


def test_the_longest_legal_names_are_kept_whole(records: Records, clock: Clock) -> None:
    names = {"repository": "a/" * 127 + "a", "tag": "t" * 128, "digest": "sha512:" + "0" * 128}
    activity = recorded(records, clock, **names)
    assert {name: getattr(activity, name) for name in names} == names


def test_an_intent_is_completed_by_how_it_ended(records: Records, clock: Clock) -> None:
    with records.writing() as session:
        common = {"at": clock(), "actor": "alice", "kind": ActivityKind.TAG_DELETED, "outcome": Outcome.UNKNOWN}
        first, second = record(session, tag="1.0", **common), record(session, tag="1.1", **common)
    with records.writing() as session:
        complete(session, first.id, Outcome.FAILED, "The registry is\nread-only.")
    with records.reading() as session:
        ended = session.execute(select(Activity.tag, Activity.outcome, Activity.reason).order_by(Activity.id)).all()
    assert ended == [("1.0", Outcome.FAILED, "The registry is read-only."), ("1.1", Outcome.UNKNOWN, "")]
    assert second.id > first.id


def test_the_moment_comes_back_in_utc(records: Records, clock: Clock) -> None:
    assert recorded(records, clock).at == clock()
