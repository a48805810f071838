"""Rules of retention and their runs, as they are drawn."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from demo.fleet import API, BUILDER, ETL, WEB
from tests.look.records import FAILED_INSIDE, LONGEST_NAME, NOW
from webapp.retention.models import PartState, RetentionOutcome, RetentionPart, RetentionRule, RetentionRun
from webapp.retention.records import ABOVE_CHANGED, Change, Plan, make, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.run import DELETES_OFF
from webapp.retention.run_records import NOT_COME_TO, PUT_OFF, WAS_INTERRUPTED
from webapp.retention.take import PUSHED_AGAIN

CHANGE = Change("alice", "10.0.0.7", NOW)
WAITS = "It would lose 118 of 241 tags; a run takes at most 48 of so many without asking (HOLYSTONE_RETENTION_MAX_SHARE is 20 %)."


def retention(session: Session) -> None:
    """Rules on and off, one that takes too much, and runs that ended in every way."""
    plans = (
        Plan("Releases", ("team/shop", "release/*"), Terms(keep_tags=("v*", "7.*", "8.*", "latest"))),
        Plan("Builds", ("tools/*", ETL), Terms(keep_newest=20, keep_days=14, keep_tags=("toolchain",), untagged_days=14)),
        Plan("All others", ("*",), Terms(keep_newest=3, untagged_days=30)),
        Plan("A name as long as one may be, of a rule for scratch images x", ("scratch/*",), Terms(keep_days=1, may_take_last_tag=True)),
    )  # fmt: skip
    rules = [session.get_one(RetentionRule, make(session, plan, CHANGE)) for plan in plans]
    for rule in rules[:2]:
        switch_on(session, rule, standing(session, rule), CHANGE)
    rules[2].why_off = ABOVE_CHANGED
    _runs(session)


def _runs(session: Session) -> None:
    done = _run(
        session,
        9,
        "window",
        RetentionOutcome.DONE,
        "Deleted 12 tags and 3 untagged manifests of 2 repositories.",
        12,
        12,
    )
    _part(session, done, API, PartState.DONE, 9, 9)
    _part(session, done, WEB, PartState.DONE, 3, 3, untagged=3)
    _run(session, 8, "bob", RetentionOutcome.REFUSED, DELETES_OFF, 0, 0)
    cut = _run(session, 7, "window", RetentionOutcome.INTERRUPTED, WAS_INTERRUPTED, 30, 9)
    _part(session, cut, API, PartState.DONE, 9, 9)
    _part(session, cut, BUILDER, PartState.INTERRUPTED, 21, 0, sentence=NOT_COME_TO)
    partly = _run(
        session, 1, "alice", RetentionOutcome.PARTLY,
        "Deleted 8 tags of 1 repository. 1 repository waits for a decision. 1 repository was left to the next run."
        " Of 1 repository not all could be deleted.",
        631, 8,
    )  # fmt: skip
    _part(
        session,
        partly,
        API,
        PartState.DONE,
        10,
        8,
        kept={"1.3.0": PUSHED_AGAIN, "build-4711": "It stays: a sibling of 1.4: the same digest."},
    )
    _part(session, partly, BUILDER, PartState.WAITING, 118, 0, sentence=WAITS)
    _part(session, partly, WEB, PartState.FAILED, 3, 0, sentence=FAILED_INSIDE)
    _part(session, partly, LONGEST_NAME, PartState.PUT_OFF, 500, 0, sentence=PUT_OFF)


def _run(
    session: Session, days_ago: int, actor: str, outcome: RetentionOutcome, sentence: str, foreseen: int, taken: int
) -> RetentionRun:
    run = RetentionRun(
        started_at=NOW - timedelta(days=days_ago), finished_at=NOW - timedelta(days=days_ago) + timedelta(seconds=40),
        actor=actor, place="10.0.0.7", outcome=outcome, sentence=sentence, tags_foreseen=foreseen, tags_taken=taken,
        bytes_foreseen=foreseen * 3_411_112,
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run


def _part(
    session: Session,
    run: RetentionRun,
    repository: str,
    state: PartState,
    foreseen: int,
    taken: int,
    sentence: str = "",
    untagged: int = 0,
    kept: dict[str, str] | None = None,
) -> None:
    session.add(
        RetentionPart(
            run_id=run.id, rule_id=2, rule_name="Builds", repository=repository, state=state, tags=241,
            tags_foreseen=foreseen, tags_taken=taken, untagged_foreseen=untagged, untagged_taken=untagged,
            bytes_foreseen=foreseen * 3_411_112, sentence=sentence,
            differences="\n".join(f"{name}\t{reason}" for name, reason in (kept or {}).items()),
        )
    )  # fmt: skip
    session.flush()
