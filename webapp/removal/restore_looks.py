"""What is looked at before something is restored: is all of it there, and is its tag free."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import among
from webapp.registry.names import is_tag
from webapp.removal.looks import REQUESTS_AT_A_TIME, look_at
from webapp.removal.remover import Remover
from webapp.removal.restorable import KeptManifest, below, is_restorable, kept_with_descendants, look_for, missing
from webapp.removal.trash_models import Restorable, TrashItem, TrashState

RESTORABLE_STATES = (TrashState.IN_TRASH, TrashState.DELETED)
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Look:
    """An item as it was found.

    Attributes:
        tag: the one that it would be put under; '' for a manifest without one.
        there: of the manifests that it is and names, those that the registry has.
        missing: what is not there and can be had from nowhere, as words; then nothing is put.
        now_on: the digest that the tag is on, if it is on any.
        newer: whether another of these, which had the same tag, was deleted after it.
    """

    item: TrashItem
    tag: str
    restorable: Restorable
    there: Set[str]
    missing: tuple[str, ...]
    now_on: str | None
    newer: bool = False

    @property
    def obstacle_words(self) -> str:
        """Why it cannot be put under its tag."""
        return f"{self.tag} is there again, on another manifest. Restore it under another name."

    @property
    def refusal(self) -> str:
        """Why it cannot be restored, as a sentence; '' where it can."""
        if self.item.state not in RESTORABLE_STATES:
            return "It is not in the trash any more."
        if self.tag and not is_tag(self.tag):
            return f"'{self.tag}' cannot be a tag."
        if self.restorable == Restorable.NO:
            return gone_words(self.missing or ("its manifest",))
        if self.newer:
            return f"Of several that were called {self.tag} the last is restored. Restore this under another name."
        return self.obstacle_words if self.now_on not in (None, self.item.digest) else ""


def gone_words(gone: Sequence[str]) -> str:
    """What is gone, as a sentence; '' where nothing is."""
    if not gone:
        return ""
    more = len(gone) - MOST_NAMED
    named = ", ".join(gone[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"This is gone from the registry: {named}. Nothing was put."


def rows_of(session: Session, ids: Collection[int] | None) -> list[TrashItem]:
    """Items by their ids, oldest first; None: those whose restoring is open."""
    which = TrashItem.state == TrashState.RESTORING if ids is None else among(TrashItem.id, ids)
    return list(session.scalars(select(TrashItem).where(which).order_by(TrashItem.id)))


def look_before(remover: Remover, ids: Collection[int], name: str = "") -> list[Look]:
    """Look at items and at what went along with them, for the dialog. Changes nothing.

    Raises:
        RegistryError: the registry cannot be asked.
    """
    with remover.reading() as session:
        wanted = rows_of(session, ids)
    looks: list[Look] = []
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        for repository in sorted({item.repository for item in wanted}):
            items = [item for item in wanted if item.repository == repository]
            looks += look_at_items(remover, executor, items, name)[0]
    return looks


def look_at_items(
    remover: Remover, executor: Executor, wanted: Sequence[TrashItem], name: str, *, thoroughly: bool = True
) -> tuple[list[Look], dict[str, KeptManifest]]:
    """Look at items of one repository and at what went along with them; also the kept bytes of all.

    Args:
        thoroughly: else what the registry looks at itself when it is put is left to it.

    Raises:
        RegistryError: the registry cannot be asked.
    """
    repository = wanted[0].repository
    with remover.reading() as session:
        kept = kept_with_descendants(session, {item.digest for item in wanted})
        items = [*wanted, *_companions(session, wanted, kept)]
    tags = {item.id: name if name and item is wanted[0] and len(wanted) == 1 else item.tag for item in items}
    put = set() if thoroughly else {item.digest for item in items if tags[item.id]}
    presence = look_for(remover, executor, repository, kept, {item.digest for item in items}, put)
    looked_at = {
        tags[item.id] for item in items if thoroughly or not presence.manifests >= set(below(kept, item.digest))
    }
    now_on = look_at(remover.client, executor, repository, sorted(filter(is_tag, looked_at)))
    last = {tags[item.id]: item for item in sorted(items, key=lambda item: item.id)}
    looks = [
        Look(
            item=item,
            tag=tags[item.id],
            restorable=is_restorable(kept, presence, item.digest),
            there=presence.manifests,
            missing=tuple(missing(kept, presence, item.digest)),
            now_on=now_on.get(tags[item.id]),
            newer=bool(tags[item.id]) and last[tags[item.id]].digest != item.digest,
        )
        for item in items
    ]
    return looks, kept


def _companions(session: Session, items: Sequence[TrashItem], kept: dict[str, KeptManifest]) -> list[TrashItem]:
    """What went along with some items, as signatures do, and what went along with that; their bytes are added to `kept`."""
    went_along = select(TrashItem).where(
        among(TrashItem.removal_id, {item.removal_id for item in items}),
        TrashItem.repository == items[0].repository,
        TrashItem.refers_to != "",
        TrashItem.state.in_(RESTORABLE_STATES),
    )
    left = [
        item
        for item in session.scalars(went_along.order_by(TrashItem.id))
        if item.id not in {each.id for each in items}
    ]
    found: list[TrashItem] = []
    reached = {digest for item in items for digest in below(kept, item.digest)}
    while more := [item for item in left if item.refers_to in reached]:
        kept |= kept_with_descendants(session, {item.digest for item in more})
        reached |= {digest for item in more for digest in below(kept, item.digest)}
        left = [item for item in left if item not in more]
        found += more
    return found
