"""One run of the rules: what they take is written down, and then taken, a repository after the other.

It begins by a window or by a person, never at a start (law 6), and one that was interrupted is not gone on with: the
next one looks anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.catalogue.mode import check_registry
from webapp.database import Reading
from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.capabilities import Mode
from webapp.registry.errors import (
    DeletesDisabled,
    Denied,
    NoToken,
    ReadOnly,
    RegistryError,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.removal.remover import refuse_while_held
from webapp.retention.intended import Intended, intended
from webapp.retention.limits import MOST_TAGS
from webapp.retention.listing import all_rules, in_order
from webapp.retention.models import PartState, RetentionPart, RetentionRun
from webapp.retention.preview import foresee
from webapp.retention.records import ChangedSince
from webapp.retention.run_records import (
    answer_waiting,
    begin_run,
    end_interrupted,
    end_part,
    end_run,
    put_off_before,
    refuse_run,
)
from webapp.retention.space import freed_by
from webapp.retention.take import Retainer, Taken, take

log = logging.getLogger(__name__)

LEASE = "retention"
WINDOW = "window"
ENDS_ALL = (RegistryUnreachable, NoToken, ReadOnly, DeletesDisabled, Denied, Unauthorised)
"""Errors after which the next repository would fail as well."""

NO_RULE_IS_ON = "No rule of retention is switched on."
DELETES_OFF = "The rules took nothing: deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED)."


class RulesUnderWay(Exception):
    """There is one run of the rules at a time."""

    sentence = "Another run of the rules is under way. Wait until it has ended."


@dataclass(frozen=True, slots=True)
class Agreed:
    """A repository that waited, and what a person let go of it: `fingerprint` is `Foreseen.fingerprint`."""

    repository: str
    fingerprint: str


def carry_out_rules(retainer: Retainer) -> str:
    """Let the rules take what they may, in a window; returns what that was, as a sentence."""
    with retainer.remover.reading() as session:
        if not any(each.is_on for each in all_rules(session)):
            return NO_RULE_IS_ON
    try:
        run_id = run_rules(retainer, WINDOW, WINDOW)
    except RulesUnderWay as other:
        return other.sentence
    with retainer.remover.reading() as session:
        return f"Retention: {session.get_one(RetentionRun, run_id).sentence}"


def run_rules(
    retainer: Retainer,
    actor: str,
    place: str,
    started: Callable[[int], None] = lambda _run_id: None,
    agreed: Agreed | None = None,
) -> int:
    """Carry out one run of the rules that are on, and return its id; how it ended is in its row.

    Args:
        started: called with the id as soon as the run is written down.
        agreed: the one repository that is gone on with, and no other.

    Raises:
        RulesUnderWay: there is another one.
        ChangedSince: what would go of the repository is not what was agreed to; nothing was deleted.
    """
    remover = retainer.remover
    try:
        with held(remover.writing, LEASE) as lease:
            why = _why_not(retainer)
            with remover.reading() as session:
                wanted = [] if why else list(_wanted(session, retainer, agreed))
                freed = freed_by(session, _manifests(wanted))
            if agreed and not wanted and not why:
                raise ChangedSince
            wanted = [replace(each, bytes_foreseen=freed.of_each.get(each.repository_id, 0)) for each in wanted]
            parts: list[tuple[int, Intended]] = []
            with remover.writing() as session:
                still_ours(session, lease)
                end_interrupted(session, remover.now())
                if why:
                    run_id = refuse_run(session, actor, place, remover.now(), why)
                else:
                    run_id, parts = _begin(session, retainer, actor, place, wanted, freed.together, agreed)
            started(run_id)
            if not why:
                _carry_out(Running(_looked_once(retainer), lease, run_id, place, agreed is not None), parts)
            return run_id
    except LeaseHeld:
        raise RulesUnderWay from None


def look_up_interrupted(reading: Reading, retainer: Retainer) -> None:
    """Write down of a run whose process is gone that it was interrupted. Takes nothing (law 6)."""
    with reading() as session:
        if not session.scalar(select(exists().where(RetentionRun.outcome.is_(None)))):
            return
    try:
        with held(retainer.remover.writing, LEASE), retainer.remover.writing() as session:
            end_interrupted(session, retainer.remover.now())
    except (LeaseHeld, LeaseLost):
        return  # it is under way


def _why_not(retainer: Retainer) -> str:
    """Why nothing can be taken at all; '' where it can, as far as is known before."""
    if not retainer.may_delete:
        return DELETES_OFF
    try:
        refuse_while_held(retainer.remover)
    except RegistryError as error:
        return f"The rules took nothing. {error.sentence}"
    found = check_registry(retainer.catalogue)
    if found.reachable and found.mode != Mode.READ_ONLY and found.may_delete is not False:
        return ""
    return f"The rules took nothing. {' '.join(found.sentences)}"


def _wanted(session: Session, retainer: Retainer, agreed: Agreed | None) -> Iterator[Intended]:
    """What the rules take now, of each repository of which they take something."""
    rules, now = in_order(all_rules(session)), retainer.remover.now()
    found = foresee(session, rules, retainer.means, now, repository=agreed.repository if agreed else "")
    for each in found:
        what = intended(each)
        if agreed and each.fingerprint != agreed.fingerprint:
            raise ChangedSince
        if what.tags or what.untagged:
            yield what


def _manifests(wanted: list[Intended]) -> Iterator[tuple[int, str]]:
    for each in wanted:
        for digest in {*(digest for digest, _pushed_at in each.tags.values()), *each.untagged}:
            yield each.repository_id, digest


def _begin(
    session: Session,
    retainer: Retainer,
    actor: str,
    place: str,
    wanted: list[Intended],
    freed: int,
    agreed: Agreed | None,
) -> tuple[int, list[tuple[int, Intended]]]:
    """Write the run down; returns its id, and of each repository that it goes on with the number of its row."""
    first = put_off_before(session)
    wanted = sorted(wanted, key=lambda each: (each.repository not in first, each.repository))
    states = list(_states(wanted, agreed))
    run = begin_run(session, actor, place, retainer.remover.now(), list(zip(wanted, states, strict=True)), freed)
    answer_waiting(session, run.id, agreed.repository if agreed else "", actor if agreed else "")
    goes_on = [
        (part.id, each) for part, each in zip(run.parts, wanted, strict=True) if part.state == PartState.INTENDED
    ]
    return run.id, goes_on


def _states(wanted: list[Intended], agreed: Agreed | None) -> Iterator[PartState]:
    """What is to become of each repository: it goes on, it waits for a person, or it is left to the next run."""
    left = MOST_TAGS
    for each in wanted:
        if agreed:
            yield PartState.INTENDED
        elif each.why_it_waits:
            yield PartState.WAITING
        elif len(each.tags) > left:
            yield PartState.PUT_OFF
        else:
            left -= len(each.tags)
            yield PartState.INTENDED


@dataclass(frozen=True, slots=True)
class Running:
    """A run in hand."""

    retainer: Retainer
    lease: Lease
    run_id: int
    place: str
    is_agreed: bool


def _looked_once(retainer: Retainer) -> Retainer:
    """The same, with one look at all manifests for the whole run: where the keeper tells them it is a dry run."""
    lookup = retainer.remover.revisions()
    return replace(retainer, remover=replace(retainer.remover, revisions=lambda: lookup))


def _carry_out(running: Running, parts: list[tuple[int, Intended]]) -> None:
    remover, stopped = running.retainer.remover, ""
    try:
        for part_id, each in parts:
            stopped = _take_part(running, part_id, each)
            if stopped:
                break
        with remover.writing() as session:
            still_ours(session, running.lease)
            run = end_run(session, running.run_id, remover.now(), stopped)
            log.info("A run of the rules has ended", extra={"retention_run": run.id, "tags": run.tags_taken})
    except LeaseLost:
        log.warning("The run %d of the rules lost its lease; whoever has it ends its rows", running.run_id)


def _take_part(running: Running, part_id: int, wanted: Intended) -> str:
    """Take from one repository; returns why the run ends here, '' where it goes on."""
    remover = running.retainer.remover
    with remover.writing() as session:
        still_ours(session, running.lease)
        session.get_one(RetentionPart, part_id).state = PartState.UNDER_WAY

    def started(removal_id: int) -> None:
        with remover.writing() as session:
            session.get_one(RetentionPart, part_id).removal_id = removal_id

    ends = ""
    try:
        key = f"retention-{running.run_id}-{part_id}"
        taken = take(running.retainer, wanted, key, running.place, running.is_agreed, started)
        ends = f"{taken.stopped_by} stopped it." if taken.stopped_by else ""
    except RegistryError as error:
        taken = Taken(PartState.FAILED, error.sentence)
        ends = error.sentence if isinstance(error, ENDS_ALL) else ""
    with remover.writing() as session:
        still_ours(session, running.lease)
        end_part(session, part_id, taken)
    return ends
