"""How a removal went, in words: its progress, its groups, its toast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from webapp.pages.filters import counted, duration
from webapp.pages.removal_dialog import LEAVE, Trouble
from webapp.removal.models import UNFINISHED, Removal, RemovalState, RemovalStep, RemovedTag, StepState

GONE = (StepState.DELETED, StepState.ALREADY_GONE)
COMES_BACK = "The space comes back at the next collection."
NOT_TAGGED = "untagged manifest"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page of a removal shows of it."""

    id: int
    repository: str
    title: str
    is_open: bool
    retry_address: str
    done: int
    total: int
    failed: int
    words: str
    notice: str
    actor: str
    started_at: datetime
    ended_at: datetime | None
    bytes_freed: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """One tag or manifest, and why it ended so."""

    name: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """All that ended in one way."""

    name: str
    title: str
    items: list[Item]


def progress_of(removal: Removal, now: datetime, may_retry: bool) -> Progress:
    """How far a removal is."""
    is_open = removal.state == RemovalState.OPEN
    done = [step for step in removal.steps if step.state != StepState.INTENDED]
    failed = [step for step in done if step.state in (StepState.FAILED, StepState.UNKNOWN)]
    return Progress(
        id=removal.id,
        repository=removal.repository,
        title=f"Delete {removal.repository}:{removal.tag}" if removal.tag else f"Delete image {removal.repository}",
        is_open=is_open,
        retry_address=_retry_address(removal) if may_retry else "",
        done=len(done),
        total=len(removal.steps),
        failed=len(failed),
        words=_open_words(removal, len(done), len(failed), now) if is_open else _ended_words(removal),
        notice=removal.notice,
        actor=removal.actor,
        started_at=removal.started_at,
        ended_at=removal.finished_at,
        bytes_freed=removal.bytes_freed if any(step.state == StepState.DELETED for step in removal.steps) else None,
    )


def groups_of(removal: Removal) -> list[Group]:
    """What became of all tags, and of the manifests that have none; failed first."""
    wanted = (
        ("failed", (StepState.FAILED,), "failed"),
        ("failed", (StepState.UNKNOWN,), "not known"),
        ("kept", (StepState.KEPT,), "kept"),
        ("deleted", (StepState.DELETED,), "deleted"),
        ("gone", (StepState.ALREADY_GONE,), "already gone"),
    )
    results = list(_results(removal))
    found = ((name, word, [item for state, item in results if state in states]) for name, states, word in wanted)
    return [Group(name, f"{len(items)} {word}", items) for name, word, items in found if items]


def gone_tags(removal: Removal) -> list[str]:
    """The tags that are not there any more."""
    return [tag.name for tag in removal.tags if tag.state in GONE]


def why_nothing_went(removal: Removal) -> Trouble | None:
    """Why no tag is gone after all; None where one is, or a manifest of an image without tags."""
    if gone_tags(removal) or any(step.state in GONE for step in removal.steps):
        return None
    reasons = [step.reason for step in removal.steps if step.reason] + [
        tag.reason for tag in removal.tags if tag.reason
    ]
    if removal.state == RemovalState.UNKNOWN:
        return Trouble(
            _first(reasons), "Holystone asks the registry again and writes down among the activities what it says."
        )
    return Trouble(_first(reasons) or "Nothing was deleted.", "Nothing is gone. The activities keep that it was tried.")


def toast_of(removal: Removal) -> str:
    """What is true after a removal, in a sentence or two; empty where no tag is gone after all."""
    deleted = [tag.name for tag in removal.tags if tag.state == StepState.DELETED]
    gone = gone_tags(removal)
    if removal.tag is None:
        tags = f" and {counted(len(gone), 'tag')}" if gone else ""
        return f"Deleted image {removal.repository}{tags}. {COMES_BACK}"
    if not gone:
        return ""
    if not deleted:
        return f"{removal.repository}:{', '.join(gone)} was already gone."
    if len(deleted) == 1:
        return f"Deleted {removal.repository}:{deleted[0]}. {COMES_BACK}"
    return f"Deleted {counted(len(deleted), 'tag')} of {removal.repository}: {', '.join(deleted)}. {COMES_BACK}"


def trouble_of(removal: Removal) -> str:
    """What did not go as agreed; empty where all did."""
    if removal.state == RemovalState.DONE:
        return removal.notice
    kept = [f"{item.name}: {item.reason}" for state, item in _results(removal) if state not in GONE]
    return " ".join(filter(None, ("Not everything was deleted.", *kept[:3], removal.notice)))


def _results(removal: Removal) -> Iterable[tuple[StepState, Item]]:
    for tag in removal.tags:
        yield tag.state, Item(tag.name, tag.digest, tag.reason)
    tagged = {tag.digest for tag in removal.tags}
    for step in removal.steps:
        if step.digest not in tagged:
            yield step.state, Item(NOT_TAGGED, step.digest, step.reason)


def _open_words(removal: Removal, done: int, failed: int, now: datetime) -> str:
    words = f"{done} of {counted(len(removal.steps), 'manifest')}" + (f", {failed} failed." if failed else ".")
    left = len(removal.steps) - done
    if not done or not left:
        return words
    left_s = (now - removal.started_at).total_seconds() / done * left
    return f"{words} About {duration(max(1.0, round(left_s)))} left.".replace(".0 s", " s")


def _ended_words(removal: Removal) -> str:
    states: list[RemovedTag | RemovalStep] = list(removal.tags) or list(removal.steps)
    noun = "tag" if removal.tags else "manifest"
    gone = sum(1 for each in states if each.state in GONE)
    unknown = any(each.state in UNFINISHED for each in states)
    words = (
        f"Deleted {counted(gone, noun)}." if gone == len(states) else f"Deleted {gone} of {counted(len(states), noun)}."
    )
    if unknown:
        words += " Of the rest it is not known yet; Holystone asks the registry again."
    return f"{words} {COMES_BACK}" if gone else words


def _retry_address(removal: Removal) -> str:
    """The dialog for what failed; none where all went, or several tags were named at once."""
    if removal.state in (RemovalState.OPEN, RemovalState.DONE) or (removal.tag and ", " in removal.tag):
        return ""
    if removal.tag:
        return url_for("removals.delete_tag", repository=removal.repository, tag=removal.tag, then=LEAVE)
    return url_for("removals.delete_repository", repository=removal.repository)


def _first(reasons: list[str]) -> str:
    return reasons[0] if reasons else ""
