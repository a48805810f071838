"""Carry out a removal whose intent is written: batch after batch, until it is done or has to end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from webapp.leases import Lease, still_ours
from webapp.registry.capabilities import Mode, deletes_tags, read_mode
from webapp.registry.errors import (
    DeletesDisabled,
    Denied,
    NoToken,
    ReadOnly,
    RegistryError,
    RegistryFailed,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.removal.batches import Batch, Delete, Untag, WriteList, delete_batches, tags_that_go_alone, untag_batches
from webapp.removal.ending import finish
from webapp.removal.ground import Ground, StepResult, ground_of
from webapp.removal.journal import begin_steps, begin_tags, end_steps, end_tags, open_steps
from webapp.removal.journal_bytes import journal_of
from webapp.removal.looks import REQUESTS_AT_A_TIME
from webapp.removal.material import Rewrite
from webapp.removal.models import GOOD, Removal, RemovalStep, StepKind, StepState
from webapp.removal.remover import Remover
from webapp.removal.rewriting import rewrite
from webapp.removal.stand_in import stand_in_of
from webapp.removal.steps import delete_manifests
from webapp.removal.untag import untag_by_name, untag_by_stand_in

ENDS_ALL = (ReadOnly, DeletesDisabled, Denied, Unauthorised)
"""Errors after which the next step would fail as well."""

FAILURES_IN_A_ROW = 3
MOST_TRIES = 3


@dataclass(slots=True)
class Work:
    """A removal in hand."""

    remover: Remover
    lease: Lease
    removal_id: int
    ground: Ground
    done: dict[str, StepResult] = field(default_factory=dict)
    unreachable_in_a_row: int = 0
    end: str = ""


def carry_out(remover: Remover, lease: Lease, removal_id: int) -> None:
    """Do what was agreed on.

    Raises:
        LeaseLost: the removal is somebody else's by now; nothing more was done.
    """
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        with remover.reading() as session:
            ground = ground_of(session, remover, executor, removal_id)
            steps = open_steps(session, removal_id)
        lists = [rewrite_of(step) for step in steps if step.kind == StepKind.REWRITE]
        digests = [step.digest for step in steps if step.kind == StepKind.DELETE]
        work = Work(remover, lease, removal_id, ground)
        for batch in _batches(work, lists, digests):
            work.end = work.end or _asked_to_stop(work)
            if work.end:
                work.done |= _not_tried(work, batch.names)
            else:
                _do(work, batch)
        _note(work)
        finish(remover, lease, ground, removal_id)


def rewrite_of(step: RemovalStep) -> Rewrite:
    """What a rewriting step puts under its tag."""
    return Rewrite(step.tag, step.replaces, step.digest, step.media_type, step.raw or b"")


def _batches(work: Work, lists: list[Rewrite], digests: list[str]) -> Iterator[Batch]:
    alone = tags_that_go_alone(work.ground, digests)
    if alone:
        by_name = _find_the_way(work)
        yield from untag_batches(alone, by_name)
    yield from map(WriteList, lists)
    yield from delete_batches(work.ground, digests)


def _find_the_way(work: Work) -> bool:
    """Whether the registry deletes tags by name. Where it deletes nothing, no stand-in is ever put."""
    try:
        return deletes_tags(work.remover.client)
    except RegistryError as error:
        work.end = error.sentence
        return False


def _do(work: Work, batch: Batch) -> None:
    """One batch. It is done again where the registry was read-only for a while, or left tags half deleted."""
    if isinstance(batch, Delete) and not batch.begins:
        _check_lease(work)
    else:
        _note(work, begins=batch)
    for _try in range(MOST_TRIES):
        found = {name: _ours(work.done.get(name), result) for name, result in _act(work, batch).items()}
        work.done |= found
        if _is_read_only(found) and _has_begun(work):
            if not _wait_until_writable(work):
                break
        elif not _are_half_deleted(batch, found):
            break
    _settle(work, batch, found)


def _act(work: Work, batch: Batch) -> dict[str, StepResult]:
    left = [name for name in batch.names if name not in work.done or _may_be_tried_again(work.done[name])]
    if isinstance(batch, Delete):
        return delete_manifests(work.ground, left)
    if isinstance(batch, WriteList):
        return {batch.rewrite.new: rewrite(work.ground, batch.rewrite)}
    if "" in batch.tags_of:
        return untag_by_name(work.ground, left)
    return _untag_by_stand_ins(work, batch, set(left))


def _untag_by_stand_ins(work: Work, batch: Untag, left: Set[str]) -> dict[str, StepResult]:
    """Each stand-in in a thread of its own."""
    journal = journal_of(work.remover.reading, work.removal_id)

    def untag(token: str) -> dict[str, StepResult]:
        tags = [tag for tag in batch.tags_of[token] if tag in left]
        return untag_by_stand_in(work.ground, tags, stand_in_of(token), journal)

    with ThreadPoolExecutor(len(batch.tags_of)) as executor:
        found = list(executor.map(untag, batch.tags_of))
    return {tag: result for results in found for tag, result in results.items()}


def _ours(before: StepResult | None, result: StepResult) -> StepResult:
    """What is gone at another try, after one whose outcome was not known, was deleted by that one."""
    if before and before.state == StepState.UNKNOWN and result.state == StepState.ALREADY_GONE:
        return StepResult(StepState.DELETED)
    return result


def _may_be_tried_again(result: StepResult) -> bool:
    return result.state == StepState.UNKNOWN or isinstance(result.error, ReadOnly)


def _is_read_only(found: Mapping[str, StepResult]) -> bool:
    return any(isinstance(result.error, ReadOnly) for result in found.values())


def _are_half_deleted(batch: Batch, found: Mapping[str, StepResult]) -> bool:
    """Whether tags are worth another try at once. (2.8 answers 500 while it writes the same link for another tag.)"""
    return isinstance(batch, Untag) and any(
        result.state == StepState.UNKNOWN and (result.error is None or isinstance(result.error, RegistryFailed))
        for result in found.values()
    )


def _has_begun(work: Work) -> bool:
    """Whether something was deleted already, or a tag is on a stand-in."""
    results = [*work.ground.settled.values(), *work.done.values()]
    return bool(work.ground.deleted) or any(each.state in (*GOOD, StepState.UNKNOWN) for each in results)


def _settle(work: Work, batch: Batch, found: Mapping[str, StepResult]) -> None:
    """Learn from a batch, and decide whether there is any use in the next one."""
    if isinstance(batch, Untag):
        work.ground.settled.update({tag: work.done[tag] for tag in batch.names})
    errors = {id(result.error): result.error for result in found.values()}  # a look that failed is one, for all
    for error in errors.values():
        work.unreachable_in_a_row = (
            work.unreachable_in_a_row + 1 if isinstance(error, RegistryUnreachable | NoToken) else 0
        )
        if error and (isinstance(error, ENDS_ALL) or work.unreachable_in_a_row >= FAILURES_IN_A_ROW):
            work.end = work.end or error.sentence


def _asked_to_stop(work: Work) -> str:
    with work.remover.reading() as session:
        by = session.scalar(select(Removal.stopped_by).where(Removal.id == work.removal_id))
    return f"{by} stopped the removal." if by else ""


def _not_tried(work: Work, names: Collection[str]) -> dict[str, StepResult]:
    return dict.fromkeys(names, StepResult(StepState.FAILED, f"Not tried. {work.end}"))


def _check_lease(work: Work) -> None:
    with work.remover.reading() as session:
        still_ours(session, work.lease)


def _note(work: Work, begins: Batch | None = None) -> None:
    """Write down what was found after the last batch, and which one is about to be done: one short transaction."""
    now = work.remover.now()
    with work.remover.writing() as session:
        still_ours(session, work.lease)
        ended = {name: (each.state, each.reason) for name, each in work.done.items()}
        tags = {name: each for name, each in ended.items() if name in work.ground.going}
        end_tags(session, work.removal_id, tags)
        end_steps(session, work.removal_id, {name: each for name, each in ended.items() if name not in tags}, now)
        if isinstance(begins, Untag):
            for token, names in begins.tags_of.items():
                begin_tags(session, work.removal_id, names, token, now)
        elif begins:
            names = begins.begins if isinstance(begins, Delete) else begins.names
            begin_steps(session, work.removal_id, names, now)
    work.done = {}


def _wait_until_writable(work: Work) -> bool:
    """The registry became read-only in the middle: wait for it, as long as nobody wants the removal to end."""
    remover = work.remover
    until = remover.now() + timedelta(seconds=remover.longest_pause_s)
    sentence = (
        "The registry is read-only. The removal goes on when it takes writes again,"
        f" until {until:%d %b %Y, %H:%M} UTC at the latest."
    )
    _note_pause(work, sentence)
    while remover.now() < until and not _asked_to_stop(work):
        remover.wait(remover.pause_s)
        _note_pause(work, sentence)  # and see that the lease is still ours
        try:
            if read_mode(remover.client) == Mode.READ_WRITE:
                _note_pause(work, "")
                return True
        except RegistryError:
            continue  # it is being restarted
    return False


def _note_pause(work: Work, sentence: str) -> None:
    with work.remover.writing() as session:
        still_ours(session, work.lease)
        session.get_one(Removal, work.removal_id).pause = sentence
