"""How far a removal is, in words, and what is offered when it has left something."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from flask import url_for

from webapp.pages.asked import LEAVE, Asked, Scope
from webapp.pages.filters import counted, duration, moment, short_digest, thousands
from webapp.pages.removal_words import COMES_BACK, TAKEN, after_words, carried, tags_wanted, wanted_of
from webapp.removal.models import GONE, UNFINISHED, Removal, RemovalState, RemovalStep, RemovedTag, StepKind, StepState
from webapp.removal.stand_in import UNTAG_FIRST_FROM

MOST_TRIED_AGAIN = 2_000
"""Tags that one form names. Who left more than that chooses them anew on the list."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page of a removal shows of it."""

    id: int
    repository: str
    title: str
    is_open: bool
    is_stopping: bool
    done: int
    total: int
    words: str
    pause: str
    notice: str
    actor: str
    started_at: datetime
    bytes_freed: int | None


@dataclass(frozen=True, slots=True)
class Retry:
    """The dialog for what is left: a link, or a form where there are `fields`."""

    address: str
    fields: list[tuple[str, str]] = field(default_factory=list)


def progress_of(removal: Removal, now: datetime, freed_at: datetime | None = None) -> Progress:
    """How far a removal is.

    Args:
        freed_at: when a collection has freed its space; None where none has yet.
    """
    is_open = removal.state == RemovalState.OPEN
    states = [each.state for each in _by_themselves(removal)]
    done = len([state for state in states if state != StepState.INTENDED])
    failed = len([state for state in states if state in (StepState.FAILED, StepState.UNKNOWN)])
    went = any(step.kind == StepKind.DELETE and step.state == StepState.DELETED for step in removal.steps)
    return Progress(
        id=removal.id,
        repository=removal.repository,
        title=_title(removal),
        is_open=is_open,
        is_stopping=is_open and bool(removal.stopped_by),
        done=done,
        total=len(states),
        words=_open_words(removal, done, len(states), failed, now)
        if is_open
        else _ended_words(removal, went, freed_at),
        pause=removal.pause if is_open else "",
        notice=removal.notice,
        actor=removal.actor,
        started_at=removal.started_at,
        bytes_freed=removal.bytes_freed if went else None,
    )


def retry_of(removal: Removal) -> Retry | None:
    """The dialog for what is left; None where nothing is, or where it has no name."""
    if removal.state in (RemovalState.OPEN, RemovalState.DONE):
        return None
    wanted = wanted_of(removal)
    if wanted.whole_image:
        return Retry(url_for("removals.delete_repository", repository=removal.repository))
    left = tuple(tag.name for tag in removal.tags if tag.state not in GONE)
    if not 0 < len(left) <= MOST_TRIED_AGAIN:
        return None
    scope = Scope.TAG if len(left) == 1 else Scope.TAGS
    asked = Asked(
        removal.repository,
        scope,
        left,
        referrers=wanted.referrers,
        include_protected=wanted.include_protected,
        for_good=wanted.for_good and bool(wanted.tags),
        then=LEAVE,
    )
    if scope == Scope.TAGS:
        return Retry(asked.address, [*asked.fields, *asked.choices, ("then", LEAVE)])
    more = urlencode(asked.choices)
    return Retry(f"{asked.address}&{more}" if more else asked.address)


def _title(removal: Removal) -> str:
    wanted = wanted_of(removal)
    if wanted.whole_image:
        return f"Delete image {removal.repository}"
    if len(wanted.tags) == 1 and not wanted.digests:
        return f"Delete {removal.repository}:{wanted.tags[0]}"
    if len(wanted.digests) == 1 and not wanted.tags:
        return f"Delete the manifest {short_digest(wanted.digests[0])} of {removal.repository}"
    tags = counted(len(wanted.tags), "tag") if wanted.tags else ""
    manifests = counted(len(wanted.digests), "manifest") if wanted.digests else ""
    return f"Delete {' and '.join(filter(None, (tags, manifests)))} of {removal.repository}"


def _by_themselves(removal: Removal) -> list[RemovedTag | RemovalStep]:
    """What is done one after the other: tags that go without their manifest, or before it, and manifests."""
    deleted = {step.digest for step in removal.steps if step.kind == StepKind.DELETE}
    tags = [tag for tag in removal.tags if tag.digest or tag.state != StepState.ALREADY_GONE]
    are_many = len(tags) >= UNTAG_FIRST_FROM
    steps = [step for step in removal.steps if step.kind != StepKind.TRASH or not tags]
    return [*(tag for tag in tags if are_many or tag.started_at or tag.digest not in deleted), *steps]


def _open_words(removal: Removal, done: int, total: int, failed: int, now: datetime) -> str:
    words = f"{thousands(done)} of {thousands(total)}" + (f", {thousands(failed)} failed." if failed else ".")
    if not done or done == total or removal.pause or removal.stopped_by:
        return words
    left_s = (now - removal.started_at).total_seconds() / done * (total - done)
    return f"{words} About {duration(max(1.0, round(left_s)))} left.".replace(".0 s", " s")


def _ended_words(removal: Removal, went: bool, freed_at: datetime | None) -> str:
    tags = tags_wanted(removal)
    states: list[RemovedTag | RemovalStep] = list(tags) or list(removal.steps)
    noun = "tag" if tags else "manifest"
    gone = sum(1 for each in states if each.state in TAKEN)
    words = (
        f"Deleted {counted(gone, noun)}."
        if gone == len(states)
        else f"Deleted {thousands(gone)} of {counted(len(states), noun)}."
    )
    with_them = carried(removal)
    if gone == len(states) and with_them:
        words = f"Deleted {counted(gone, noun)} and {with_them}."
    if any(each.state in UNFINISHED for each in states):
        words += " Of the rest it is not known yet; Holystone asks the registry again."
    if gone and removal.until:
        return f"{words} {after_words(removal)}"
    if not went:
        return words
    return f"{words} Its space was freed on {moment(freed_at)}." if freed_at else f"{words} {COMES_BACK}"
