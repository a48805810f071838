"""Empty the trash: what is past its date, or was chosen, is deleted for good.

Of each repository all items are one removal, from one fresh plan: what has been tagged again meanwhile, or is held by
another item, stays. Nothing goes that is not in the trash: a signature that was pushed since is left.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.leases import LeaseHeld, held, still_ours
from webapp.registry.errors import RegistryError
from webapp.removal.execute import PlanChanged, Preview, preview, remove
from webapp.removal.into_trash import note_what_stays
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal
from webapp.removal.remover import RemovalUnderWay, Remover, lease_name, refuse_while_held
from webapp.removal.restore_looks import rows_of
from webapp.removal.trash_models import TrashItem, TrashState
from webapp.removal.wanted import Referrers, Wanted

MOST_AT_ONCE = 500
"""So many items go at a time; more are left to the next window, or to another press of the button."""

DATE_HAS_COME = "trash: its date has come"
"""Who the records say has deleted what is past its date."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """What became of items that were to go: deleted for good, let go of because something else needs them, or still there.

    `sentences` say why something is still in the trash.
    """

    deleted: int = 0
    kept: int = 0
    left: int = 0
    bytes_freed: int = 0
    sentences: tuple[str, ...] = ()


def due(session: Session, now: datetime, most: int = MOST_AT_ONCE) -> list[int]:
    """Items whose date has come, the earliest first."""
    past = select(TrashItem.id).where(TrashItem.state == TrashState.IN_TRASH, TrashItem.until <= now)
    return list(session.scalars(past.order_by(TrashItem.until, TrashItem.id).limit(most)))


def how_many_are_due(session: Session, now: datetime) -> int:
    """How many items are past their date."""
    past = select(func.count()).where(TrashItem.state == TrashState.IN_TRASH, TrashItem.until <= now)
    return session.scalar(past) or 0


def empty(remover: Remover, ids: Collection[int], actor: str, place: str) -> Emptied:
    """Delete items for good. What the registry does not let go is left in the trash; raises nothing of its errors."""
    sentences: list[str] = []
    bytes_freed = 0
    for repository, items in _by_repository(remover, ids):
        try:
            refuse_while_held(remover)
            bytes_freed += _empty_one(remover, repository, items, actor, place)
        except (RegistryError, RemovalUnderWay) as error:
            sentences.append(f"{repository}: {error.sentence}")
        except (PlanChanged, LeaseHeld):
            sentences.append(f"{repository}: It changed in this moment. Nothing was deleted there.")
    return _counted(remover, ids, bytes_freed, sentences)


def look_at_emptying(remover: Remover, ids: Collection[int]) -> list[Preview]:
    """What emptying these items would do, a plan for each repository. Changes nothing.

    Raises:
        RegistryError: the facts cannot be read.
    """
    return [preview(remover, _wanted(repository, items)) for repository, items in _by_repository(remover, ids)]


def _by_repository(remover: Remover, ids: Collection[int]) -> list[tuple[str, list[TrashItem]]]:
    with remover.reading() as session:
        items = [item for item in rows_of(session, ids) if item.state == TrashState.IN_TRASH]
    names = sorted({item.repository for item in items})
    return [(name, [item for item in items if item.repository == name]) for name in names]


def _wanted(repository: str, items: Sequence[TrashItem]) -> Wanted:
    return Wanted(
        repository,
        digests=tuple(sorted({item.digest for item in items})),
        referrers=Referrers.KEEP,
        for_good=True,
        leaving=tuple(item.id for item in items),
    )


def _empty_one(remover: Remover, repository: str, items: Sequence[TrashItem], actor: str, place: str) -> int:
    """The items of one repository; returns the bytes that come back."""
    wanted = _wanted(repository, items)
    looked = preview(remover, wanted)
    if looked.plan.is_empty or looked.plan.refusal:
        with held(remover.writing, lease_name(repository)) as lease, remover.writing() as session:
            still_ours(session, lease)
            note_what_stays(session, looked.plan, remover.now())
        return 0
    agreement = Agreement(looked.plan.fingerprint, uuid.uuid4().hex, actor, place)
    removal_id = remove(remover, wanted, agreement)
    with remover.reading() as session:
        return session.get_one(Removal, removal_id).bytes_freed or 0


def _counted(remover: Remover, ids: Collection[int], bytes_freed: int, sentences: Sequence[str]) -> Emptied:
    with remover.reading() as session:
        states = [item.state for item in rows_of(session, ids)]
    return Emptied(
        deleted=states.count(TrashState.DELETED),
        kept=states.count(TrashState.STAYS) + states.count(TrashState.LOST),
        left=states.count(TrashState.IN_TRASH),
        bytes_freed=bytes_freed,
        sentences=tuple(sentences),
    )


def empty_what_is_due(remover: Remover, place: str) -> str:
    """Delete for good what is past its date, and say so in a sentence; for the time before a window's collection."""
    with remover.reading() as session:
        ids = due(session, remover.now())
        more = how_many_are_due(session, remover.now()) - len(ids)
    if not ids:
        return "Nothing in the trash is past its date."
    done = empty(remover, ids, DATE_HAS_COME, place)
    words = [
        ("Deleted for good, past its date in the trash", done.deleted),
        ("Let go of, since something else needs it or it is gone", done.kept),
        ("Left for the next time", done.left),
        ("Waiting for the next window", max(0, more)),
    ]
    return " ".join([*(f"{what}: {_items(number)}." for what, number in words if number), *done.sentences])


def _items(number: int) -> str:
    return f"{number} item" if number == 1 else f"{number} items"
