"""Restores that were about to be done: whether they were is asked of the registry (law 2), where their process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.activities.models import Outcome
from webapp.activities.record import complete_all
from webapp.leases import Lease, still_ours
from webapp.registry.errors import RegistryError
from webapp.removal.looks import head_digest
from webapp.removal.remover import Remover
from webapp.removal.restore_looks import rows_of
from webapp.removal.trash_models import TrashItem, TrashState


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one item. `tag` is the one that it is under now, '' for a manifest without one."""

    item_id: int
    repository: str
    tag: str
    digest: str
    outcome: Outcome
    reason: str = ""


def repositories_restoring(session: Session) -> set[str]:
    """The repositories in which something is being restored, or was when its process died."""
    return set(session.scalars(select(TrashItem.repository).where(TrashItem.state == TrashState.RESTORING)))


def look_up_restores(remover: Remover, lease: Lease, repository: str) -> None:
    """Ask the registry how the restores in one repository ended whose process is gone."""
    with remover.reading() as session:
        items = [item for item in rows_of(session, None) if item.repository == repository]
    if items:
        settle_restores(remover, lease, [_found(remover, item) for item in items])


def settle_restores(remover: Remover, lease: Lease, done: Sequence[Restored]) -> None:
    """Write down what became of each. What is unknown stays open, for `look_up_restores` to ask."""
    with remover.writing() as session:
        still_ours(session, lease)
        items = {item.id: item for item in rows_of(session, [each.item_id for each in done])}
        for each in done:
            if each.outcome != Outcome.UNKNOWN:
                _end(items[each.item_id], each.outcome == Outcome.DONE, remover)
        told = [(items[each.item_id].activity_id, each) for each in done]
        complete_all(session, [(row, each.outcome, each.reason) for row, each in told if row is not None])


def _end(item: TrashItem, is_restored: bool, remover: Remover) -> None:
    """Note that an item is back, or that it is where it was before."""
    if is_restored:
        item.state, item.ended_at = TrashState.RESTORED, remover.now()
        return
    item.state = TrashState.IN_TRASH if item.until is not None else TrashState.DELETED
    item.restored_as = ""


def _found(remover: Remover, item: TrashItem) -> Restored:
    found = Restored(item.id, item.repository, item.restored_as, item.digest, Outcome.DONE)
    try:
        on = head_digest(remover.client, item.repository, item.restored_as or item.digest)
    except RegistryError as error:
        return replace(found, outcome=Outcome.UNKNOWN, reason=error.sentence)
    if on == item.digest:
        return found
    return replace(found, outcome=Outcome.FAILED, reason="It was interrupted. It is in the trash still.")
