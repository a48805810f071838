"""Carry a removal out: agree, write the intent, delete step by step, look again, write down what was found.

One removal at a time in a repository, pages and commands alike: a lease with a fencing token sees to that, and
every row is changed under it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.database import Reading, Writing
from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.client import RegistryClient
from webapp.removal.ending import finish
from webapp.removal.facts import read_facts
from webapp.removal.ground import ground_of
from webapp.removal.journal import Agreement, begin_step, end_step, removal_by_key, unfinished, write_intent
from webapp.removal.looks import REQUESTS_AT_A_TIME
from webapp.removal.models import GONE, OPEN_STATES, UNFINISHED, Removal, RemovalStep, StepState
from webapp.removal.plan import Plan, make_plan
from webapp.removal.space import Space, space_of
from webapp.removal.steps import StepResult, delete_manifest, look_again

log = logging.getLogger(__name__)

INTERRUPTED = "The removal was interrupted before this was deleted; it is still there."


@dataclass(frozen=True, slots=True)
class Remover:
    """What removals work with."""

    client: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the dialog shows: the plan, the space it frees, and when the facts were read."""

    plan: Plan
    space: Space
    read_at: datetime


class PlanChanged(Exception):
    """The facts are other than those that were agreed to. Nothing was deleted; `preview` is the new plan."""

    def __init__(self, preview: Preview) -> None:
        super().__init__("this changed since you looked")
        self.preview = preview


class RemovalUnderWay(Exception):
    """Another removal holds the repository."""

    sentence = "Another removal is under way in this repository. Wait until it has ended."


def preview(remover: Remover, repository: str, tags: tuple[str, ...]) -> Preview:
    """Plan the removal of some tags, or of the whole image where `tags` is empty. Changes nothing.

    Raises:
        RegistryError: the facts cannot be read.
    """
    plan = make_plan(read_facts(remover.client, remover.reading, repository, tags))
    with remover.reading() as session:
        space = space_of(session, repository, [step.digest for step in plan.steps])
    return Preview(plan, space, remover.now())


def remove(
    remover: Remover,
    repository: str,
    tags: tuple[str, ...],
    agreement: Agreement,
    started: Callable[[int], None] = lambda _removal_id: None,
) -> int:
    """Remove what was agreed to, and return the removal's id. Pressing the same button twice is one removal.

    Where the lease is lost midway, nothing more is done: the removal stays open, for `recover` to look up.

    Args:
        started: called with the id as soon as the intent is written.

    Raises:
        PlanChanged: the facts changed since the plan was shown; nothing was deleted.
        RemovalUnderWay: another removal holds the repository.
        RegistryError: the facts cannot be read; nothing was deleted.
    """
    try:
        with held(remover.writing, lease_name(repository)) as lease:
            return _remove(remover, lease, repository, tags, agreement, started)
    except (LeaseHeld, LeaseLost):
        removal_id = _already_begun(remover, agreement)
        if removal_id is None:
            raise RemovalUnderWay from None
        started(removal_id)
        return removal_id


def recover(remover: Remover) -> None:
    """Look up removals whose process is gone: what became of them is asked of the registry, nothing is deleted."""
    with remover.reading() as session:
        open_ones = unfinished(session)
    for removal_id, repository in open_ones:
        try:
            with held(remover.writing, lease_name(repository)) as lease:
                _look_up(remover, lease, removal_id)
        except (LeaseHeld, LeaseLost):
            continue  # somebody is at it


def lease_name(repository: str) -> str:
    """The lease that removals of a repository hold."""
    return f"removal:{repository}"


def _already_begun(remover: Remover, agreement: Agreement) -> int | None:
    with remover.reading() as session:
        removal = removal_by_key(session, agreement.request_key)
        return removal.id if removal else None


def _remove(
    remover: Remover,
    lease: Lease,
    repository: str,
    tags: tuple[str, ...],
    agreement: Agreement,
    started: Callable[[int], None],
) -> int:
    begun = _already_begun(remover, agreement)
    if begun is not None:
        started(begun)
        return begun
    _look_up_older(remover, lease, repository)
    fresh = preview(remover, repository, tags)
    if fresh.plan.fingerprint != agreement.fingerprint or fresh.plan.refusal:
        raise PlanChanged(fresh)
    with remover.writing() as session:
        still_ours(session, lease)
        space = fresh.space.bytes_freed
        removal_id = write_intent(session, fresh.plan, agreement, space, lease, remover.now()).id
    started(removal_id)
    try:
        _carry_out(remover, lease, removal_id)
    except LeaseLost:
        log.warning("removal %d of %s lost its lease; how it ended will be looked up", removal_id, repository)
    return removal_id


def _carry_out(remover: Remover, lease: Lease, removal_id: int) -> None:
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        with remover.reading() as session:
            ground = ground_of(session, remover.client, remover.reading, executor, removal_id)
            digests = [step.digest for step in _open_steps(session, removal_id)]
        done: dict[str, StepResult] = {}
        for digest in digests:
            _note(remover, lease, removal_id, done, begin=digest)
            result = delete_manifest(ground, digest)
            done = {digest: result}
            if result.ends_all:
                not_tried = StepResult(StepState.FAILED, f"Not tried. {result.reason}")
                done |= dict.fromkeys(digests[digests.index(digest) + 1 :], not_tried)
                break
        _note(remover, lease, removal_id, done)
        finish(remover.reading, remover.writing, remover.now, lease, ground, removal_id)


def _look_up_older(remover: Remover, lease: Lease, repository: str) -> None:
    """End the records of removals of this repository whose process is gone, before anything else is deleted in it."""
    with remover.reading() as session:
        open_ones = unfinished(session)
    for removal_id, of in open_ones:
        if of == repository:
            _look_up(remover, lease, removal_id)


def _look_up(remover: Remover, lease: Lease, removal_id: int) -> None:
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        with remover.reading() as session:
            if session.get_one(Removal, removal_id).state not in OPEN_STATES:
                return  # it ended before the lease was ours
            ground = ground_of(session, remover.client, remover.reading, executor, removal_id)
            steps = [(step.digest, step.started_at is not None) for step in _open_steps(session, removal_id)]
        ground.tried.update(digest for digest, _was_begun in steps)
        done: dict[str, StepResult] = {}
        for digest, was_begun in steps:
            result = look_again(ground, digest, INTERRUPTED)
            if result.state == StepState.DELETED and not was_begun:
                result = StepResult(StepState.ALREADY_GONE)
            if result.state in GONE:
                ground.deleted.add(digest)
            done[digest] = result
        _note(remover, lease, removal_id, done)
        finish(remover.reading, remover.writing, remover.now, lease, ground, removal_id)


def _open_steps(session: Session, removal_id: int) -> list[RemovalStep]:
    """The steps whose outcome is open."""
    return [step for step in session.get_one(Removal, removal_id).steps if step.state in UNFINISHED]


def _note(
    remover: Remover, lease: Lease, removal_id: int, done: Mapping[str, StepResult], begin: str | None = None
) -> None:
    """Write down what was found after some steps, and which one is about to be taken: one short transaction."""
    with remover.writing() as session:
        still_ours(session, lease)
        for digest, result in done.items():
            end_step(session, removal_id, digest, result.state, result.reason, remover.now())
        if begin:
            begin_step(session, removal_id, begin, remover.now())
