"""Carry a removal out: agree, write the intent, delete step by step, look again, write down what was found.

One removal at a time in a repository, pages and commands alike: a lease with a fencing token sees to that, and
every row is changed under it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.catalogue.rows import forget
from webapp.database import Reading, Writing
from webapp.leases import Lease, LeaseHeld, held, still_ours
from webapp.registry.client import RegistryClient
from webapp.registry.errors import RegistryError
from webapp.removal.facts import read_facts
from webapp.removal.journal import (
    Agreement,
    begin_step,
    end_removal,
    end_step,
    end_tag,
    journalled,
    removal_by_key,
    unfinished,
    write_intent,
)
from webapp.removal.looks import REQUESTS_AT_A_TIME, list_tags, look_at
from webapp.removal.mend import mend
from webapp.removal.models import UNFINISHED, Removal, RemovedTag, StepState
from webapp.removal.plan import DANGLING, ManifestFact, Plan, make_plan
from webapp.removal.space import Space, space_of
from webapp.removal.steps import Ground, StepResult, delete_manifest, look_again

INTERRUPTED = "Holystone was interrupted before this was deleted; it is still there."
GONE = (StepState.DELETED, StepState.ALREADY_GONE)


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
        RegistryError, IndexTooDeep: the facts cannot be read.
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
    """Remove what was agreed to, and return the removal's id.

    Args:
        started: called with the id as soon as the intent is written.

    Raises:
        PlanChanged: the facts changed since the plan was shown; nothing was deleted.
        RemovalUnderWay: another removal holds the repository.
        RegistryError, IndexTooDeep: the facts cannot be read; nothing was deleted.
    """
    with remover.reading() as session:
        done = removal_by_key(session, agreement.request_key)
    if done:
        started(done.id)
        return done.id
    try:
        with held(remover.writing, lease_name(repository)) as lease:
            fresh = preview(remover, repository, tags)
            if fresh.plan.fingerprint != agreement.fingerprint or fresh.plan.refusal:
                raise PlanChanged(fresh)
            with remover.writing() as session:
                still_ours(session, lease)
                space = fresh.space.bytes_freed
                removal_id = write_intent(session, fresh.plan, agreement, space, lease, remover.now()).id
            started(removal_id)
            dangling = [each.name for each in fresh.plan.kept if each.reason == DANGLING]
            _carry_out(remover, lease, repository, removal_id, dangling)
            return removal_id
    except LeaseHeld:
        raise RemovalUnderWay from None


def recover(remover: Remover) -> None:
    """Look up removals whose process is gone: what became of them is asked of the registry, nothing is deleted."""
    with remover.reading() as session:
        open_ones = unfinished(session)
    for removal_id, repository in open_ones:
        try:
            with held(remover.writing, lease_name(repository)) as lease:
                _look_up(remover, lease, repository, removal_id)
        except (LeaseHeld, RegistryError):
            continue  # it is under way after all, or the registry is away: asked again the next time


def lease_name(repository: str) -> str:
    """The lease that removals of a repository hold."""
    return f"removal:{repository}"


def _carry_out(remover: Remover, lease: Lease, repository: str, removal_id: int, dangling: Collection[str]) -> None:
    digests, going = _intended(remover, removal_id)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        ground = Ground(remover.client, remover.reading, executor, repository, going)
        ended = ""
        for digest in digests:
            with remover.writing() as session:
                still_ours(session, lease)
                begin_step(session, removal_id, digest, remover.now())
            result = StepResult(StepState.FAILED, ended) if ended else delete_manifest(ground, digest)
            _note(remover, lease, removal_id, digest, result)
            if result.ends_all and not ended:
                ended = f"Not tried. {result.reason}"
        _finish(remover, lease, ground, removal_id, dangling)


def _look_up(remover: Remover, lease: Lease, repository: str, removal_id: int) -> None:
    digests, going = _intended(remover, removal_id)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        ground = Ground(remover.client, remover.reading, executor, repository, going)
        with remover.reading() as session:
            removal = session.get_one(Removal, removal_id)
            ground.deleted.update(step.digest for step in removal.steps if step.state in GONE)
        for digest in digests:
            result = look_again(ground, digest, INTERRUPTED)
            _note(remover, lease, removal_id, digest, result)
            if result.state == StepState.DELETED:
                ground.deleted.add(digest)
        _finish(remover, lease, ground, removal_id, ())


def _intended(remover: Remover, removal_id: int) -> tuple[list[str], dict[str, str]]:
    """The digests whose outcome is open, and the tags that were agreed on."""
    with remover.reading() as session:
        removal = session.get_one(Removal, removal_id)
        digests = [step.digest for step in removal.steps if step.state in UNFINISHED]
        return digests, {tag.name: tag.digest for tag in removal.tags if tag.digest}


def _note(remover: Remover, lease: Lease, removal_id: int, digest: str, result: StepResult) -> None:
    with remover.writing() as session:
        still_ours(session, lease)
        end_step(session, removal_id, digest, result.state, result.reason, remover.now())


def _finish(remover: Remover, lease: Lease, ground: Ground, removal_id: int, dangling: Collection[str]) -> None:
    """Mend, look at every tag that was to go, and write down what became of all."""

    def journal(digests: Collection[str]) -> list[ManifestFact]:
        with remover.reading() as session:
            return journalled(session, removal_id, digests)

    try:
        notice = mend(ground, journal, dangling)
        listed = list_tags(ground.client, ground.repository)
        looked = look_at(ground.client, ground.executor, ground.repository, sorted(ground.going))
        now_on = {tag: digest for tag, digest in looked.items() if digest or tag in listed}
    except RegistryError as error:
        notice, now_on = f"It is not known what became of the tags: {error.sentence}", None
    with remover.writing() as session:
        still_ours(session, lease)
        removal = session.get_one(Removal, removal_id)
        steps = {step.digest: StepResult(step.state, step.reason) for step in removal.steps}
        for tag in removal.tags:
            if tag.state in UNFINISHED:
                end_tag(session, tag, *_what_became_of(tag, steps[tag.digest], now_on))
        end_removal(removal, notice, remover.now())
        _forget(session, ground, removal, remover.now())


def _what_became_of(
    tag: RemovedTag, step: StepResult, now_on: Mapping[str, str | None] | None
) -> tuple[StepState, str]:
    if now_on is None:
        return StepState.UNKNOWN, "The registry could not be asked whether it is gone."
    if tag.name not in now_on:
        return (StepState.DELETED if step.state == StepState.DELETED else StepState.ALREADY_GONE), ""
    digest = now_on[tag.name]
    if digest is None:
        return StepState.FAILED, DANGLING
    if digest != tag.digest:
        return StepState.KEPT, "Changed since you looked: it was pushed anew."
    if step.state in GONE:
        return StepState.KEPT, "It was pushed again in the same moment."
    return step.state, step.reason


def _forget(session: Session, ground: Ground, removal: Removal, now: datetime) -> None:
    gone = [tag.name for tag in removal.tags if tag.state in GONE]
    forget(session, ground.repository, gone, sorted(ground.deleted), now)
