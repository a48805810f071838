"""The rows of a removal: the intent with all that a restore needs before the act, the outcome after it (law 2)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, exists, select, update
from sqlalchemy.orm import Session, undefer

from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.activities.record import complete, complete_all, make_activity
from webapp.database import among, once_written
from webapp.leases import Lease
from webapp.registry.manifests import ManifestBytes
from webapp.removal.into_trash import moved
from webapp.removal.models import (
    GOOD,
    OPEN_STATES,
    UNFINISHED,
    JournalManifest,
    Removal,
    RemovalState,
    RemovalStep,
    RemovedTag,
    StepKind,
    StepState,
)
from webapp.removal.plan import Plan

log = logging.getLogger(__name__)

UNDER_WAY = "Under way."

_OUTCOMES = {
    StepState.DELETED: Outcome.DONE,
    StepState.ALREADY_GONE: Outcome.ALREADY_GONE,
    StepState.KEPT: Outcome.KEPT,
    StepState.FAILED: Outcome.FAILED,
    StepState.UNKNOWN: Outcome.UNKNOWN,
    StepState.INTENDED: Outcome.UNKNOWN,
    StepState.REWRITTEN: Outcome.DONE,
    StepState.IN_TRASH: Outcome.DONE,
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who agreed to what. `request_key` is the dialog's own, so that pressing twice is one removal."""

    fingerprint: str
    request_key: str
    actor: str
    place: str


def write_intent(
    session: Session,
    plan: Plan,
    agreement: Agreement,
    bytes_freed: int,
    journal: Collection[ManifestBytes],
    lease: Lease,
    now: datetime,
) -> Removal:
    """Write down, before anything is deleted, what will be, by whom, and the bytes of it all.

    Args:
        journal: the manifests that go, and those that lose a tag; children first.
    """
    removal = Removal(
        request_key=agreement.request_key,
        started_at=now,
        actor=agreement.actor,
        place=agreement.place,
        repository=plan.repository,
        tag=_named(plan),
        fingerprint=plan.fingerprint,
        state=RemovalState.OPEN,
        fencing_token=lease.token,
        bytes_freed=bytes_freed,
        notice="",
        wanted=plan.wanted.as_json(),
        until=plan.until,
    )
    session.add(removal)
    session.flush()
    _note_tags(session, removal, plan, now)
    _note_steps(session, removal, plan, now)
    session.add_all(
        JournalManifest(
            removal_id=removal.id, position=position, digest=each.digest, media_type=each.media_type, raw=each.raw
        )
        for position, each in enumerate(journal)
    )
    told = {"removal_id": removal.id, "repository": removal.repository, "tags": len(plan.tags), "actor": removal.actor}
    once_written(session, lambda: log.info("A removal has begun", extra=told))
    return removal


def _named(plan: Plan) -> str | None:
    """What was named, for people; None for the whole image."""
    if plan.wanted.whole_image:
        return None
    return ", ".join((*plan.wanted.tags, *plan.wanted.digests))


def _note_tags(session: Session, removal: Removal, plan: Plan, now: datetime) -> None:
    """The tags that go with a removal, and the asked ones that are gone; the activity of each says which."""
    asked_gone = [name for name in plan.gone if name in plan.wanted.tags]
    wanted = [(tag, digest, StepState.INTENDED) for tag, digest in sorted(plan.tags.items())]
    wanted += [(tag, "", StepState.ALREADY_GONE) for tag in asked_gone]
    activities = [
        _activity(removal, ActivityKind.TAG_DELETED, state, now, tag=tag, digest=digest or None)
        for tag, digest, state in wanted
    ]
    session.add_all(activities)
    session.flush()
    session.add_all(
        RemovedTag(removal_id=removal.id, name=tag, digest=digest, activity_id=activity.id, state=state)
        for (tag, digest, state), activity in zip(wanted, activities, strict=True)
    )


def _note_steps(session: Session, removal: Removal, plan: Plan, now: datetime) -> None:
    steps = [
        RemovalStep(
            kind=StepKind.REWRITE,
            digest=each.new,
            tag=each.tag,
            replaces=each.old,
            media_type=each.media_type,
            raw=each.raw,
        )
        for each in ([] if plan.until else plan.rewrites)
    ]
    kind = StepKind.DELETE if plan.until is None else StepKind.TRASH
    steps += [RemovalStep(digest=digest, kind=kind) for digest in moved(plan)]
    for position, step in enumerate(steps):
        step.removal_id, step.position = removal.id, position
        if step.kind != StepKind.REWRITE and step.digest in plan.wanted.digests:
            step.activity_id = _record_manifest(session, removal, step.digest, StepState.INTENDED, now)
    session.add_all(steps)
    for digest in plan.gone:
        if digest in plan.wanted.digests:
            _record_manifest(session, removal, digest, StepState.ALREADY_GONE, now)


def _record_manifest(session: Session, removal: Removal, digest: str, state: StepState, now: datetime) -> int:
    """The activity of a manifest that was named by its digest."""
    activity = _activity(removal, ActivityKind.MANIFEST_DELETED, state, now, tag=None, digest=digest)
    session.add(activity)
    session.flush()
    return activity.id


def _activity(
    removal: Removal, kind: ActivityKind, state: StepState, now: datetime, tag: str | None, digest: str | None
) -> Activity:
    return make_activity(
        at=now,
        actor=removal.actor,
        kind=kind,
        outcome=_OUTCOMES[state],
        reason=UNDER_WAY if state == StepState.INTENDED else "",
        repository=removal.repository,
        tag=tag,
        digest=digest,
        removal_id=removal.id,
        place=removal.place,
    )


def begin_steps(session: Session, removal_id: int, digests: Collection[str], now: datetime) -> None:
    """Note that some steps are about to be taken."""
    steps = update(RemovalStep).where(RemovalStep.removal_id == removal_id, among(RemovalStep.digest, digests))
    session.execute(steps.values(started_at=now))


def begin_tags(session: Session, removal_id: int, tags: Collection[str], stand_in: str, now: datetime) -> None:
    """Note that some tags are about to be taken away, by the stand-in of a token or ('') by their names."""
    rows = update(RemovedTag).where(RemovedTag.removal_id == removal_id, among(RemovedTag.name, tags))
    session.execute(rows.values(started_at=now, stand_in=stand_in))


def end_steps(session: Session, removal_id: int, found: Mapping[str, tuple[StepState, str]], now: datetime) -> None:
    """Note what was found after some steps, those that ended alike together."""
    alike: dict[tuple[StepState, str], list[str]] = {}
    for digest, ended in found.items():
        alike.setdefault(ended, []).append(digest)
    for (state, reason), digests in alike.items():
        steps = update(RemovalStep).where(RemovalStep.removal_id == removal_id, among(RemovalStep.digest, digests))
        session.execute(steps.values(state=state, reason=reason, finished_at=now))


def end_tags(session: Session, removal_id: int, found: Mapping[str, tuple[StepState, str]]) -> None:
    """Note what became of some tags, in their activities too."""
    if not found:
        return
    rows = session.scalars(
        select(RemovedTag).where(RemovedTag.removal_id == removal_id, among(RemovedTag.name, found))
    ).all()
    with session.no_autoflush:  # all in one go at the end, not one after the other
        for tag in rows:
            tag.state, tag.reason = found[tag.name]
        complete_all(session, [(tag.activity_id, _OUTCOMES[tag.state], tag.reason) for tag in rows])


def end_removal(session: Session, removal: Removal, notice: str, now: datetime) -> None:
    """Note how a removal ended, from what became of its steps and tags."""
    for step in removal.steps:
        if step.activity_id is not None:
            complete(session, step.activity_id, _OUTCOMES[step.state], step.reason)
    states = {step.state for step in removal.steps} | {tag.state for tag in removal.tags}
    removal.notice, removal.finished_at, removal.state, removal.pause = notice, now, _state_of(states), ""
    told = {"removal_id": removal.id, "repository": removal.repository, "state": removal.state}
    level = logging.INFO if removal.state == RemovalState.DONE else logging.WARNING
    words = "How a removal ended is not known yet" if removal.state in OPEN_STATES else "A removal has ended"
    once_written(session, lambda: log.log(level, words, extra=told))


def _state_of(states: Collection[StepState]) -> RemovalState:
    if any(each in UNFINISHED for each in states):
        return RemovalState.UNKNOWN
    if not set(states) - set(GOOD):
        return RemovalState.DONE
    return RemovalState.PARTLY if {StepState.DELETED, StepState.IN_TRASH} & set(states) else RemovalState.FAILED


def ask_to_stop(session: Session, removal_id: int, actor: str) -> bool:
    """Ask a removal to end after the step in hand. False where it has ended."""
    asked = update(Removal).where(Removal.id == removal_id, Removal.state == RemovalState.OPEN)
    done = session.execute(asked.values(stopped_by=actor))
    return cast("CursorResult[Any]", done).rowcount == 1


def removal_by_key(session: Session, request_key: str) -> Removal | None:
    """The removal that a dialog's button has started already."""
    return session.scalar(select(Removal).where(Removal.request_key == request_key))


def open_removal(session: Session, repository: str) -> int | None:
    """The removal that is being carried out in a repository."""
    return session.scalar(
        select(Removal.id).where(Removal.state == RemovalState.OPEN, Removal.repository == repository).limit(1)
    )


def any_unfinished(session: Session) -> bool:
    """Whether a removal is under way, or it is not known how one ended: no run says 'go' meanwhile."""
    return bool(session.scalar(select(exists().where(Removal.state.in_(OPEN_STATES)))))


def unfinished(session: Session) -> list[tuple[int, str]]:
    """Removals to be looked up, oldest first: their ids and repositories."""
    wanted = select(Removal.id, Removal.repository).where(Removal.state.in_(OPEN_STATES)).order_by(Removal.id)
    return list(session.execute(wanted).all())


def open_steps(session: Session, removal_id: int) -> Sequence[RemovalStep]:
    """The steps to be taken whose outcome is open, in their order, with the bytes of lists that are written anew."""
    open_ones = RemovalStep.state.in_(UNFINISHED) & (RemovalStep.kind != StepKind.TRASH)
    return session.scalars(
        select(RemovalStep)
        .options(undefer(RemovalStep.raw))
        .where(RemovalStep.removal_id == removal_id, open_ones)
        .order_by(RemovalStep.position)
    ).all()
