"""Look up removals and namings whose process is gone: what became of them is asked of the registry.

Nothing is deleted that was not under way: a stand-in that stands under a tag is deleted with it, or, where the
registry refuses that, the tag gets back what it was on. The rest is offered again.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.capabilities import deletes_tags
from webapp.registry.errors import DeletesDisabled, Denied, RegistryError, Unauthorised
from webapp.removal.carry_out import rewrite_of
from webapp.removal.ending import DANGLING, INTERRUPTED, finish
from webapp.removal.ground import Ground, StepResult, ground_of
from webapp.removal.half_written import on_what_or_half_written
from webapp.removal.journal import end_steps, end_tags, open_steps, unfinished
from webapp.removal.journal_bytes import journal_of
from webapp.removal.looks import REQUESTS_AT_A_TIME, list_tags
from webapp.removal.models import GONE, OPEN_STATES, UNFINISHED, Removal, RemovalStep, StepKind, StepState
from webapp.removal.names_in_doubt import look_up_names, repositories_in_doubt
from webapp.removal.remover import Remover, lease_name
from webapp.removal.restores_in_doubt import look_up_restores, repositories_restoring
from webapp.removal.rewriting import look_at_list
from webapp.removal.stand_in import stand_in_of
from webapp.removal.steps import look_again
from webapp.removal.untag import CHANGED, Journal, put_back, untag_by_stand_in


def recover(remover: Remover) -> None:
    """Look up all removals, namings and restores that are open and whose lease has ended."""
    with remover.reading() as session:
        repositories = {repository for _id, repository in unfinished(session)} | repositories_in_doubt(session)
        repositories |= repositories_restoring(session)
    for repository in sorted(repositories):
        try:
            with held(remover.writing, lease_name(repository)) as lease:
                look_up_older(remover, lease, repository)
        except (LeaseHeld, LeaseLost):
            continue  # somebody is at it


def look_up_older(remover: Remover, lease: Lease, repository: str) -> None:
    """End the records of this repository whose process is gone, before anything else is done in it."""
    look_up_names(remover, lease, repository)
    look_up_restores(remover, lease, repository)
    with remover.reading() as session:
        open_ones = unfinished(session)
    for removal_id, of in open_ones:
        if of == repository:
            look_up(remover, lease, removal_id)


def look_up(remover: Remover, lease: Lease, removal_id: int) -> None:
    """Find out how one removal ended."""
    journal = journal_of(remover.reading, removal_id)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        with remover.reading() as session:
            removal = session.get_one(Removal, removal_id)
            if removal.state not in OPEN_STATES:
                return  # it ended before the lease was ours
            ground = ground_of(session, remover, executor, removal_id)
            begun = _begun_tags(removal)
            steps = open_steps(session, removal_id)
        ground.tried.update(step.digest for step in steps)
        tags: dict[str, StepResult] = {}
        refusal = _refusal_of_deletes(ground) if begun else None
        for token, names in begun.items():
            tags |= _look_up_tags(ground, names, token, journal, refusal)
        ground.settled.update(tags)
        found = {step.digest: _look_up_step(ground, step) for step in steps}
        ground.deleted.update(digest for digest, result in found.items() if result.state in GONE)
        with remover.writing() as session:
            still_ours(session, lease)
            end_tags(session, removal_id, {tag: (each.state, each.reason) for tag, each in tags.items()})
            ended = {digest: (each.state, each.reason) for digest, each in found.items()}
            end_steps(session, removal_id, ended, remover.now())
        finish(remover, lease, ground, removal_id)


def _begun_tags(removal: Removal) -> dict[str, list[str]]:
    """Tags that were about to be taken away by themselves, by the token of their stand-in."""
    begun: dict[str, list[str]] = {}
    for tag in removal.tags:
        if tag.started_at and tag.state in UNFINISHED:
            begun.setdefault(tag.stand_in, []).append(tag.name)
    return begun


def _look_up_step(ground: Ground, step: RemovalStep) -> StepResult:
    if step.kind == StepKind.REWRITE:
        return look_at_list(ground, rewrite_of(step), INTERRUPTED)
    result = look_again(ground, step.digest, INTERRUPTED)
    if result.state == StepState.DELETED and step.started_at is None:
        return StepResult(StepState.ALREADY_GONE)
    return result


def _refusal_of_deletes(ground: Ground) -> RegistryError | None:
    """Why no stand-in may be put; None where deletes are enabled, or nobody can say."""
    try:
        deletes_tags(ground.client)
    except (DeletesDisabled, Denied, Unauthorised) as error:
        return error
    except RegistryError:
        return None
    return None


def _look_up_tags(
    ground: Ground, tags: Collection[str], token: str, journal: Journal, refusal: RegistryError | None
) -> dict[str, StepResult]:
    """What became of tags that were being taken away by themselves; half deleted ones are deleted, or put back."""
    try:
        listed = list_tags(ground.client, ground.repository)
        found_on = ground.executor.map(lambda tag: on_what_or_half_written(ground, tag), tags)
        now_on = dict(zip(tags, found_on, strict=True))
    except RegistryError as error:
        return dict.fromkeys(tags, StepResult(StepState.UNKNOWN, error.sentence, error))
    stand_in = stand_in_of(token) if token else None
    half = [tag for tag, on in now_on.items() if stand_in and _is_half_deleted(on, tag in listed, stand_in.digest)]
    found = {tag: _as_it_is(ground, tag, on, tag in listed) for tag, on in now_on.items() if tag not in half}
    if stand_in and refusal:
        found |= put_back(ground, half, stand_in, journal, refusal)
    elif stand_in:
        found |= untag_by_stand_in(ground, half, stand_in, journal, again=True)
    return found


def _is_half_deleted(on: str | None, is_listed: bool, stand_in: str) -> bool:
    return on == stand_in or (on is None and is_listed)


def _as_it_is(ground: Ground, tag: str, on: str | None, is_listed: bool) -> StepResult:
    if on is None:
        return StepResult(StepState.FAILED, DANGLING) if is_listed else StepResult(StepState.DELETED)
    return StepResult(StepState.FAILED, INTERRUPTED) if on == ground.going[tag] else StepResult(StepState.KEPT, CHANGED)
