"""The end of a removal: mend, look at every tag that was to go, and write down what became of all."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from webapp.catalogue.rows import forget
from webapp.leases import Lease, still_ours
from webapp.registry.errors import RegistryError
from webapp.removal.ground import Ground
from webapp.removal.healing import heal
from webapp.removal.into_trash import settle_items
from webapp.removal.journal import end_removal, end_tags
from webapp.removal.journal_bytes import journal_of, journal_to_trash
from webapp.removal.looks import fact_of, list_tags, look_at
from webapp.removal.mend import mend
from webapp.removal.models import GONE, UNFINISHED, Removal, RemovalStep, RemovedTag, StepKind, StepState
from webapp.removal.remover import Remover
from webapp.removal.wanted import wanted_from_json

AGAIN = "It was there again right afterwards: pushed in the same moment, or deleted by half and put back."
INTERRUPTED = "The removal was interrupted before this was deleted; it is still there."
DANGLING = "The registry lists it but has no manifest for it."


def finish(remover: Remover, lease: Lease, ground: Ground, removal_id: int) -> None:
    """Write down how a removal ended, as the registry says by now. Its tags stay unknown where it cannot be asked.

    Raises:
        LeaseLost: the removal is somebody else's by now; nothing was written.
    """

    journal = journal_of(remover.reading, removal_id)
    try:
        heal(remover, lease, ground, removal_id, journal)
        notice = mend(ground, journal)
        now_on = _look_at_what_was_to_go(ground)
    except RegistryError as error:
        notice, now_on = f"It is not known what became of the tags: {error.sentence}", None
    with remover.reading() as session:
        named_by = {each.digest: fact_of(each).children for each in journal_to_trash(session, removal_id)}
    with remover.writing() as session:
        still_ours(session, lease)
        removal = session.get_one(Removal, removal_id)
        steps = {step.digest: step for step in removal.steps if step.kind == StepKind.DELETE}
        open_tags = [tag for tag in removal.tags if tag.state in UNFINISHED and not tag.started_at]
        found = {tag.name: _what_became_of(tag, steps.get(tag.digest), now_on) for tag in open_tags}
        end_tags(session, removal_id, found)
        _note_put_back(removal, ground)
        leaving = wanted_from_json(removal.repository, removal.wanted).leaving
        settle_items(session, removal, named_by, leaving, remover.now())
        end_removal(session, removal, " ".join(filter(None, (_stopped(removal), notice))), remover.now())
        _forget(session, ground, removal, remover)


def _stopped(removal: Removal) -> str:
    return f"{removal.stopped_by} stopped it." if removal.stopped_by else ""


def _look_at_what_was_to_go(ground: Ground) -> dict[str, str | None]:
    """The tags that are there all the same, with their digests; None for one that is listed without a manifest.

    A tag that is not listed and whose manifest was found gone needs no look of its own. All others get one: not
    listed alone is not gone (law 4). Those that went by themselves were looked at already.
    """
    listed = list_tags(ground.client, ground.repository)
    left = {tag: digest for tag, digest in ground.going.items() if tag not in ground.settled}
    doubtful = [tag for tag, digest in left.items() if tag in listed or digest not in ground.deleted]
    looked = look_at(ground.client, ground.executor, ground.repository, sorted(doubtful))
    return {tag: digest for tag, digest in looked.items() if digest or tag in listed}


def _note_put_back(removal: Removal, ground: Ground) -> None:
    for step in removal.steps:
        if step.state in GONE and step.digest not in ground.deleted:
            step.state, step.reason = StepState.KEPT, "It was put back, since a tag needs it."


def _what_became_of(
    tag: RemovedTag, step: RemovalStep | None, now_on: Mapping[str, str | None] | None
) -> tuple[StepState, str]:
    if now_on is None:
        return StepState.UNKNOWN, "The registry could not be asked whether it is gone."
    if tag.name not in now_on:
        ours = step is not None and step.state in (StepState.DELETED, StepState.UNKNOWN)
        return (StepState.DELETED if ours else StepState.ALREADY_GONE), ""
    digest = now_on[tag.name]
    if digest not in (tag.digest, None):
        return StepState.KEPT, "Changed since you looked: it was pushed anew."
    if digest is None or step is None:  # without a step it was to go alone, and its turn never came
        return StepState.FAILED, DANGLING if digest is None else INTERRUPTED
    if step.state in GONE:
        return StepState.KEPT, AGAIN
    return step.state, step.reason


def _forget(session: Session, ground: Ground, removal: Removal, remover: Remover) -> None:
    gone = [tag.name for tag in removal.tags if tag.state in GONE]
    forget(session, ground.repository, gone, sorted(ground.deleted), remover.now())
