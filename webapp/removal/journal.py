"""The rows of a removal: the intent with all that a restore needs before the act, the outcome after it (law 2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, undefer

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import complete, record
from webapp.database import among
from webapp.leases import Lease
from webapp.registry.manifests import ManifestBytes
from webapp.removal.looks import fact_of
from webapp.removal.models import (
    OPEN_STATES,
    UNFINISHED,
    JournalManifest,
    Removal,
    RemovalState,
    RemovalStep,
    RemovedTag,
    StepState,
)
from webapp.removal.plan import DANGLING, ManifestFact, Plan

UNDER_WAY = "Under way."

_OUTCOMES = {
    StepState.DELETED: Outcome.DONE,
    StepState.ALREADY_GONE: Outcome.ALREADY_GONE,
    StepState.KEPT: Outcome.KEPT,
    StepState.FAILED: Outcome.FAILED,
    StepState.UNKNOWN: Outcome.UNKNOWN,
    StepState.INTENDED: Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who agreed to what. `request_key` is the dialog's own, so that pressing twice is one removal."""

    fingerprint: str
    request_key: str
    actor: str
    place: str


def write_intent(
    session: Session, plan: Plan, agreement: Agreement, bytes_freed: int, lease: Lease, now: datetime
) -> Removal:
    """Write down, before anything is deleted, what will be, by whom, and the bytes of it all."""
    removal = Removal(
        request_key=agreement.request_key,
        started_at=now,
        actor=agreement.actor,
        place=agreement.place,
        repository=plan.repository,
        tag=None if plan.whole_image else ", ".join(plan.asked),
        fingerprint=plan.fingerprint,
        state=RemovalState.OPEN,
        fencing_token=lease.token,
        bytes_freed=bytes_freed,
        notice="",
    )
    session.add(removal)
    session.flush()
    for position, step in enumerate(plan.steps):
        session.add(RemovalStep(removal_id=removal.id, position=position, digest=step.digest))
    for position, fact in enumerate(plan.journal):
        session.add(
            JournalManifest(
                removal_id=removal.id, position=position, digest=fact.digest, media_type=fact.media_type, raw=fact.raw
            )
        )
    for tag, digest in sorted(plan.tags.items()):
        _note_tag(session, removal, tag, digest, StepState.INTENDED, "", now)
    for tag in plan.gone:
        _note_tag(session, removal, tag, "", StepState.ALREADY_GONE, "", now)
    for tag in plan.dangling:
        _note_tag(session, removal, tag, "", StepState.FAILED, DANGLING, now)
    return removal


def _note_tag(
    session: Session, removal: Removal, tag: str, digest: str, state: StepState, reason: str, now: datetime
) -> None:
    """A tag that goes with a removal, or an asked one that nothing can be deleted for; its activity says which."""
    activity = record(
        session,
        at=now,
        actor=removal.actor,
        kind=ActivityKind.TAG_DELETED,
        outcome=_OUTCOMES[state],
        reason=UNDER_WAY if state == StepState.INTENDED else reason,
        repository=removal.repository,
        tag=tag,
        digest=digest or None,
        removal_id=removal.id,
        place=removal.place,
    )
    row = RemovedTag(
        removal_id=removal.id, name=tag, digest=digest, activity_id=activity.id, state=state, reason=reason
    )
    session.add(row)


def begin_step(session: Session, removal_id: int, digest: str, now: datetime) -> None:
    """Note that a step is about to be taken."""
    step = update(RemovalStep).where(RemovalStep.removal_id == removal_id, RemovalStep.digest == digest)
    session.execute(step.values(started_at=now))


def end_step(session: Session, removal_id: int, digest: str, state: StepState, reason: str, now: datetime) -> None:
    """Note what was found after a step."""
    step = update(RemovalStep).where(RemovalStep.removal_id == removal_id, RemovalStep.digest == digest)
    session.execute(step.values(state=state, reason=reason, finished_at=now))


def end_tag(session: Session, tag: RemovedTag, state: StepState, reason: str) -> None:
    """Note what became of a tag, in its activity too."""
    tag.state, tag.reason = state, reason
    complete(session, tag.activity_id, _OUTCOMES[state], reason)


def end_removal(removal: Removal, notice: str, now: datetime) -> None:
    """Note how a removal ended, from what became of its steps and tags."""
    states = {step.state for step in removal.steps} | {tag.state for tag in removal.tags}
    removal.notice, removal.finished_at, removal.state = notice, now, _state_of(states)


def _state_of(states: Collection[StepState]) -> RemovalState:
    if any(each in UNFINISHED for each in states):
        return RemovalState.UNKNOWN
    good = {StepState.DELETED, StepState.ALREADY_GONE}
    if not set(states) - good:
        return RemovalState.DONE
    return RemovalState.PARTLY if StepState.DELETED in states else RemovalState.FAILED


def removal_by_key(session: Session, request_key: str) -> Removal | None:
    """The removal that a dialog's button has started already."""
    return session.scalar(select(Removal).where(Removal.request_key == request_key))


def any_unfinished(session: Session) -> bool:
    """Whether a removal is under way, or it is not known how one ended: no run says 'go' meanwhile."""
    return bool(session.scalar(select(exists().where(Removal.state.in_(OPEN_STATES)))))


def unfinished(session: Session) -> list[tuple[int, str]]:
    """Removals to be looked up, oldest first: their ids and repositories."""
    wanted = select(Removal.id, Removal.repository).where(Removal.state.in_(OPEN_STATES)).order_by(Removal.id)
    return list(session.execute(wanted).all())


def journalled(session: Session, removal_id: int, digests: Collection[str]) -> list[ManifestFact]:
    """The kept bytes of some manifests, children first."""
    rows: Sequence[JournalManifest] = session.scalars(
        select(JournalManifest)
        .options(undefer(JournalManifest.raw))
        .where(JournalManifest.removal_id == removal_id, among(JournalManifest.digest, digests))
        .order_by(JournalManifest.position)
    ).all()
    return [fact_of(ManifestBytes(row.media_type, row.raw, row.digest)) for row in rows]
