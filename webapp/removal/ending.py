"""The end of a removal: mend, look at every tag that was to go, and write down what became of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.catalogue.rows import forget
from webapp.database import Reading, Writing
from webapp.leases import Lease, still_ours
from webapp.registry.errors import RegistryError
from webapp.removal.ground import Ground
from webapp.removal.journal import end_removal, end_tag, journalled
from webapp.removal.looks import list_tags, look_at
from webapp.removal.mend import mend
from webapp.removal.models import GONE, UNFINISHED, Removal, RemovalStep, RemovedTag, StepState
from webapp.removal.plan import DANGLING, ManifestFact

AGAIN = "It was there again right afterwards: pushed in the same moment, or deleted by half and put back."


def finish(
    reading: Reading, writing: Writing, now: Callable[[], datetime], lease: Lease, ground: Ground, removal_id: int
) -> None:
    """Write down how a removal ended, as the registry says by now. Its tags stay unknown where it cannot be asked.

    Raises:
        LeaseLost: the removal is somebody else's by now; nothing was written.
    """

    def journal(digests: Collection[str]) -> list[ManifestFact]:
        with reading() as session:
            return journalled(session, removal_id, digests)

    try:
        notice = mend(ground, journal)
        now_on = _look_at_what_was_to_go(ground)
    except RegistryError as error:
        notice, now_on = f"It is not known what became of the tags: {error.sentence}", None
    with writing() as session:
        still_ours(session, lease)
        removal = session.get_one(Removal, removal_id)
        steps = {step.digest: step for step in removal.steps}
        with session.no_autoflush:  # all rows in one go at the end, not one after the other
            for tag in removal.tags:
                if tag.state in UNFINISHED:
                    end_tag(session, tag, *_what_became_of(tag, steps[tag.digest], now_on))
        _note_put_back(removal, ground)
        end_removal(removal, notice, now())
        _forget(session, ground, removal, now())


def _look_at_what_was_to_go(ground: Ground) -> dict[str, str | None]:
    """The tags that are there all the same, with their digests; None for one that is listed without a manifest.

    A tag that is not listed and whose manifest was found gone needs no look of its own. All others get one: not
    listed alone is not gone (law 4).
    """
    listed = list_tags(ground.client, ground.repository)
    doubtful = [tag for tag, digest in ground.going.items() if tag in listed or digest not in ground.deleted]
    looked = look_at(ground.client, ground.executor, ground.repository, sorted(doubtful))
    return {tag: digest for tag, digest in looked.items() if digest or tag in listed}


def _note_put_back(removal: Removal, ground: Ground) -> None:
    for step in removal.steps:
        if step.state in GONE and step.digest not in ground.deleted:
            step.state, step.reason = StepState.KEPT, "It was put back, since a tag needs it."


def _what_became_of(
    tag: RemovedTag, step: RemovalStep, now_on: Mapping[str, str | None] | None
) -> tuple[StepState, str]:
    if now_on is None:
        return StepState.UNKNOWN, "The registry could not be asked whether it is gone."
    if tag.name not in now_on:
        ours = step.state in (StepState.DELETED, StepState.UNKNOWN)
        return (StepState.DELETED if ours else StepState.ALREADY_GONE), ""
    digest = now_on[tag.name]
    if digest is None:
        return StepState.FAILED, DANGLING
    if digest != tag.digest:
        return StepState.KEPT, "Changed since you looked: it was pushed anew."
    if step.state in GONE:
        return StepState.KEPT, AGAIN
    return step.state, step.reason


def _forget(session: Session, ground: Ground, removal: Removal, now: datetime) -> None:
    gone = [tag.name for tag in removal.tags if tag.state in GONE]
    forget(session, ground.repository, gone, sorted(ground.deleted), now)
