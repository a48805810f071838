"""Remove: plan, agree, write the intent, carry it out.

One removal at a time in a repository, pages and commands alike: a lease with a fencing token sees to that, and
every row is changed under it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.manifests import ManifestBytes
from webapp.removal.carry_out import carry_out
from webapp.removal.facts import read_facts
from webapp.removal.into_trash import moved, note_items, note_what_stays, with_descendants
from webapp.removal.journal import Agreement, removal_by_key, write_intent
from webapp.removal.looks import REQUESTS_AT_A_TIME, bytes_of
from webapp.removal.material import Facts
from webapp.removal.plan import Plan, make_plan
from webapp.removal.recovery import look_up_older
from webapp.removal.remover import RemovalUnderWay, Remover, lease_name, refuse_while_held, until_of
from webapp.removal.space import Space, space_of
from webapp.removal.wanted import Wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """What the dialog shows: the plan, the space it frees, and when the facts were read."""

    plan: Plan
    space: Space
    read_at: datetime
    facts: Facts


class PlanChanged(Exception):
    """The facts are other than those that were agreed to. Nothing was deleted; `preview` is the new plan."""

    def __init__(self, preview: Preview) -> None:
        super().__init__("this changed since you looked")
        self.preview = preview


def preview(remover: Remover, wanted: Wanted) -> Preview:
    """Plan a removal. Changes nothing.

    Raises:
        RegistryError: the facts cannot be read.
    """
    facts = read_facts(remover, wanted)
    plan = make_plan(facts, until_of(remover, wanted))
    return Preview(plan, space_of(remover, [(facts, plan)]), remover.now(), facts)


def space_together(remover: Remover, previews: Sequence[Preview]) -> Space:
    """The space that several removals free together: what two repositories share is freed by the last of them."""
    return space_of(remover, [(each.facts, each.plan) for each in previews])


def remove(
    remover: Remover,
    wanted: Wanted,
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
        RegistryError: the facts cannot be read, or the registry is held read-only; nothing was deleted.
    """
    try:
        with held(remover.writing, lease_name(wanted.repository)) as lease:
            return _remove(remover, lease, wanted, agreement, started)
    except (LeaseHeld, LeaseLost):
        removal_id = _already_begun(remover, agreement)
        if removal_id is None:
            raise RemovalUnderWay from None
        started(removal_id)
        return removal_id


def _already_begun(remover: Remover, agreement: Agreement) -> int | None:
    with remover.reading() as session:
        removal = removal_by_key(session, agreement.request_key)
        return removal.id if removal else None


def _remove(
    remover: Remover, lease: Lease, wanted: Wanted, agreement: Agreement, started: Callable[[int], None]
) -> int:
    begun = _already_begun(remover, agreement)
    if begun is not None:
        started(begun)
        return begun
    refuse_while_held(remover)
    look_up_older(remover, lease, wanted.repository)
    fresh = preview(remover, wanted)
    if fresh.plan.fingerprint != agreement.fingerprint or fresh.plan.refusal:
        raise PlanChanged(fresh)
    journal = _journal(remover, fresh)
    with remover.writing() as session:
        still_ours(session, lease)
        bytes_freed = fresh.space.bytes_freed if fresh.plan.until is None else 0
        removal = write_intent(session, fresh.plan, agreement, bytes_freed, journal, lease, remover.now())
        note_items(session, removal, fresh.plan, fresh.facts)
        note_what_stays(session, fresh.plan, remover.now())
        removal_id = removal.id
    started(removal_id)
    try:
        carry_out(remover, lease, removal_id)
    except LeaseLost:
        log.warning("removal %d of %s lost its lease; how it ended will be looked up", removal_id, wanted.repository)
    return removal_id


def _journal(remover: Remover, fresh: Preview) -> list[ManifestBytes]:
    """The bytes of all that goes, of all that loses a tag, and of what these name: children first."""
    plan = fresh.plan
    digests = with_descendants(fresh.facts, [*sorted(set(plan.tags.values()) - {""}), *moved(plan)])
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        kept = bytes_of(remover.client, executor, remover.reading, plan.repository, digests)
    return [kept[digest] for digest in digests]
