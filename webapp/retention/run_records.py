"""The rows of a run of the rules: what it means to do before it does it, and what became of it (law 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.retention.intended import Intended
from webapp.retention.models import (
    OPEN_PARTS,
    PartState,
    RetentionOutcome,
    RetentionPart,
    RetentionRun,
)
from webapp.retention.take import Taken
from webapp.retention.words import counted

MOST_DIFFERENCES = 200
"""Of a repository, so many are written down by their names."""

WAS_INTERRUPTED = (
    "It was interrupted: the process that carried it out ended in the middle. What was under way was looked up;"
    " nothing goes on by itself."
)
NOT_COME_TO = "It was not come to."
PUT_OFF = "A run takes so many tags and no more; the next one begins with this."


def begin_run(
    session: Session, actor: str, place: str, now: datetime, parts: Sequence[tuple[Intended, PartState]], freed: int
) -> RetentionRun:
    """Write down a run and what it means to take. Whoever was asked before is asked anew, by this run."""
    run = RetentionRun(
        started_at=now,
        actor=actor,
        place=place,
        outcome=None,
        tags_foreseen=sum(len(each.tags) for each, _state in parts),
        untagged_foreseen=sum(len(each.untagged) for each, _state in parts),
        bytes_foreseen=freed,
    )
    session.add(run)
    session.flush()
    session.add_all(_part(run.id, each, state) for each, state in parts)
    session.flush()
    return run


def _part(run_id: int, each: Intended, state: PartState) -> RetentionPart:
    sentence = {PartState.WAITING: each.why_it_waits, PartState.PUT_OFF: PUT_OFF}.get(state, "")
    return RetentionPart(
        run_id=run_id,
        rule_id=each.rule.id,
        rule_name=each.rule.name,
        repository=each.repository,
        state=state,
        tags=each.tag_count,
        tags_foreseen=len(each.tags),
        untagged_foreseen=len(each.untagged),
        bytes_foreseen=each.bytes_foreseen,
        sentence=sentence,
    )


def refuse_run(session: Session, actor: str, place: str, now: datetime, why: str) -> int:
    """Write down that a run did nothing, and why; returns its id."""
    run = RetentionRun(
        started_at=now, finished_at=now, actor=actor, place=place, outcome=RetentionOutcome.REFUSED, sentence=why
    )
    session.add(run)
    session.flush()
    return run.id


def answer_waiting(session: Session, before_run: int, repository: str = "", by: str = "") -> None:
    """What runs before this one asked is not asked any more; of one repository, or of all."""
    waiting = update(RetentionPart).where(RetentionPart.state == PartState.WAITING, RetentionPart.run_id < before_run)
    if repository:
        waiting = waiting.where(RetentionPart.repository == repository)
    session.execute(waiting.values(state=PartState.ANSWERED, answered_by=by))


def put_off_before(session: Session) -> set[str]:
    """The repositories that the last run with repositories put off."""
    last = select(RetentionPart.run_id).order_by(RetentionPart.run_id.desc()).limit(1).scalar_subquery()
    put_off = select(RetentionPart.repository).where(
        RetentionPart.run_id == last, RetentionPart.state == PartState.PUT_OFF
    )
    return set(session.scalars(put_off))


def end_part(session: Session, part_id: int, taken: Taken) -> None:
    """Write down what became of a repository."""
    part = session.get_one(RetentionPart, part_id)
    part.state, part.sentence = taken.state, taken.sentence
    part.tags_taken, part.untagged_taken = taken.tags, taken.untagged
    lines = [f"{name}\t{reason}" for name, reason in taken.kept.items()]
    more = len(lines) - MOST_DIFFERENCES
    part.differences = "\n".join([*lines[:MOST_DIFFERENCES], *([f"\tand {more} more"] if more > 0 else [])])
    part.removal_id = taken.removal_id or part.removal_id


def end_run(session: Session, run_id: int, now: datetime, stopped: str = "") -> RetentionRun:
    """Write down how a run ended, from what became of its repositories.

    Args:
        stopped: why those that were not come to were left; '' where all were.
    """
    run = session.get_one(RetentionRun, run_id)
    for part in run.parts:
        if part.state in OPEN_PARTS:
            part.state, part.sentence = PartState.FAILED, f"{NOT_COME_TO} {stopped}".strip()
    run.tags_taken = sum(part.tags_taken for part in run.parts)
    run.untagged_taken = sum(part.untagged_taken for part in run.parts)
    run.outcome, run.finished_at = _outcome(run.parts), now
    run.sentence = sentence_of(run)
    return run


def _outcome(parts: Sequence[RetentionPart]) -> RetentionOutcome:
    bad = [part for part in parts if part.state in (PartState.FAILED, PartState.PARTLY)]
    if not bad:
        return RetentionOutcome.DONE
    is_nothing_done = all(part.state in (PartState.FAILED, PartState.WAITING, PartState.PUT_OFF) for part in parts)
    return RetentionOutcome.FAILED if is_nothing_done else RetentionOutcome.PARTLY


def sentence_of(run: RetentionRun) -> str:
    """What a run did, in a sentence or some."""
    states = [part.state for part in run.parts]
    touched = sum(1 for part in run.parts if part.tags_taken or part.untagged_taken)
    taken = [(run.tags_taken, "tag"), (run.untagged_taken, "untagged manifest")]
    items = " and ".join(counted(number, noun) for number, noun in taken if number)
    said = f"Deleted {items} of {counted(touched, 'repository')}." if touched else "Nothing was deleted."
    waiting, put_off = states.count(PartState.WAITING), states.count(PartState.PUT_OFF)
    failed = states.count(PartState.FAILED) + states.count(PartState.PARTLY)
    if waiting:
        said += f" {counted(waiting, 'repository')} {'waits' if waiting == 1 else 'wait'} for a decision."
    if put_off:
        said += f" {counted(put_off, 'repository')} {'was' if put_off == 1 else 'were'} left to the next run."
    if failed:
        said += f" Of {counted(failed, 'repository')} not all could be deleted."
    return said


def end_interrupted(session: Session, now: datetime) -> None:
    """End the rows of runs whose process is gone. To be called by whoever holds the lease of runs."""
    for run in session.scalars(select(RetentionRun).where(RetentionRun.outcome.is_(None))):
        for part in run.parts:
            if part.state in OPEN_PARTS:
                part.sentence = "It was under way." if part.state == PartState.UNDER_WAY else NOT_COME_TO
                part.state = PartState.INTERRUPTED
        run.tags_taken = sum(part.tags_taken for part in run.parts)
        run.untagged_taken = sum(part.untagged_taken for part in run.parts)
        run.outcome, run.finished_at, run.sentence = RetentionOutcome.INTERRUPTED, now, WAS_INTERRUPTED
