"""What is done for the trash after every sync: who has left it, what of it can still be restored, is it too large.

None of it deletes anything: a date that is brought forward is only one that has come.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Repository, Tag
from webapp.registry.errors import RegistryError
from webapp.removal.looks import REQUESTS_AT_A_TIME
from webapp.removal.recorded import recorded_space
from webapp.removal.remover import Remover
from webapp.removal.restorable import is_restorable, kept_with_descendants, look_for, missing
from webapp.removal.restore_looks import RESTORABLE_STATES
from webapp.removal.trash_models import Restorable, TrashItem, TrashState
from webapp.removal.trash_space import in_trash
from webapp.removal.wanted import Referrers, Wanted

log = logging.getLogger(__name__)

CHECKED_AT_A_TIME = 300
"""So many items are looked at again after a sync, those first that were not for the longest time."""

MOST_NAMED = 20
TOO_MUCH = "Its date was brought forward: the trash holds more back than HOLYSTONE_TRASH_MAX_BYTES allows."


def look_after_trash(remover: Remover, max_bytes: int) -> None:
    """Let go of what is tagged again, look what can be restored, and keep to the limit."""
    with remover.writing() as session:
        let_go_of_tagged_again(session, remover.now())
    check_items(remover)
    if max_bytes:
        with remover.writing() as session:
            bring_dates_forward(session, max_bytes, remover.now())


def let_go_of_tagged_again(session: Session, now: datetime) -> None:
    """A manifest that got a tag since it was deleted is in nobody's trash. A sibling that stayed all along is none."""
    again = or_(Tag.name == TrashItem.tag, Tag.pushed_at > TrashItem.deleted_at)
    rows = session.execute(
        select(TrashItem, Tag.name)
        .join(Repository, Repository.name == TrashItem.repository)
        .join(Tag, (Tag.repository_id == Repository.id) & (Tag.digest == TrashItem.digest))
        .where(TrashItem.state.in_(RESTORABLE_STATES), again)
        .order_by(TrashItem.id, Tag.name)
    )
    for item, tag in rows.all():
        if item.state in RESTORABLE_STATES:
            item.state, item.note, item.ended_at = TrashState.STAYS, f"It is tagged {tag} again.", now


def check_new_items(remover: Remover) -> None:
    """Look at what was deleted since the last sync, so that the page soon knows."""
    _check_some(remover, select(TrashItem).where(TrashItem.checked_at.is_(None)))


def check_items(remover: Remover) -> None:
    """Look whether items can be restored, and what emptying each alone would free. An error leaves them as they were."""
    _check_some(remover, select(TrashItem))


def _check_some(remover: Remover, some: Select[TrashItem]) -> None:
    oldest = some.where(TrashItem.state.in_(RESTORABLE_STATES)).order_by(TrashItem.checked_at, TrashItem.id)
    with remover.reading() as session:
        items = session.scalars(oldest.limit(CHECKED_AT_A_TIME)).all()
    for repository in sorted({item.repository for item in items}):
        try:
            _check(remover, repository, [item for item in items if item.repository == repository])
        except RegistryError as error:
            log.info("The trash could not be looked at", extra={"repository": repository, "reason": error.sentence})


def _check(remover: Remover, name: str, items: Sequence[TrashItem]) -> None:
    with remover.reading() as session:
        kept = kept_with_descendants(session, {item.digest for item in items})
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        presence = look_for(remover, executor, name, kept, {item.digest for item in items})
    sizes = _sizes(remover, name, items)
    with remover.writing() as session:
        for each in items:
            item = session.get_one(TrashItem, each.id)
            if item.state not in RESTORABLE_STATES:
                continue
            item.restorable = is_restorable(kept, presence, item.digest)
            item.missing = json.dumps(missing(kept, presence, item.digest)[:MOST_NAMED])
            item.checked_at, item.size_bytes = remover.now(), sizes.get(item.id, item.size_bytes)
            if item.state == TrashState.DELETED and item.restorable == Restorable.NO:
                item.state, item.ended_at = TrashState.LOST, remover.now()


def _sizes(remover: Remover, name: str, items: Collection[TrashItem]) -> dict[int, int]:
    """What deleting each item for good, and it alone, would free, from the records."""
    found: dict[int, int] = {}
    with remover.reading() as session:
        repository = session.scalar(select(Repository).where(Repository.name == name))
        if repository is None:
            return found
        for item in items:
            wanted = Wanted(name, digests=(item.digest,), referrers=Referrers.KEEP, for_good=True, leaving=(item.id,))
            space = recorded_space(session, repository, wanted, remover.now(), remover.protected)
            if space is not None and item.state == TrashState.IN_TRASH:
                found[item.id] = space.bytes_freed
    return found


def bring_dates_forward(session: Session, max_bytes: int, now: datetime) -> None:
    """Where the trash holds more than so many bytes, let the dates of the oldest items come, as few as are enough."""
    total = in_trash(session).size_bytes
    if total <= max_bytes:
        return
    live = (TrashItem.state == TrashState.IN_TRASH, TrashItem.until > now)
    items = session.scalars(select(TrashItem).where(*live).order_by(TrashItem.id)).all()
    low, high = 0, len(items)
    while low < high:  # letting go of more items never frees less
        middle = (low + high) // 2
        enough = middle == 0 or total - in_trash(session, items[middle - 1].id).size_bytes <= max_bytes
        low, high = (low, middle) if enough else (middle + 1, high)
    for item in items[:low]:
        item.until, item.note = now, TOO_MUCH
